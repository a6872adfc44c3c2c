"""The house rules a machine can check: which package may import which, and names that agree."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("console", "catalog", "instances")
VISIBLE = {
    "manage.py",
    "pyproject.toml",
    "README.md",
    "console",
    "catalog",
    "instances",
    "templates",
    "static",
    "tests",
}
LIB = {"console.lib", "console.lib.exact"}
# The layers of the catalog, and what each may import of the others. The rules, searches
# and suggestions at its top stand between the models and the pages.
CATALOG_LAYERS = {
    "catalog.schema": set(),
    "catalog.terraform": {"catalog.schema"},
    "catalog.ros": {"catalog.schema", "catalog.terraform"},
    "catalog.models": {"catalog.schema", "catalog.terraform", "catalog.ros"},
    "catalog": {"catalog.schema", "catalog.models"},
    "catalog.forms": {"catalog.schema", "catalog.models", "catalog"},
    "catalog.operations": {
        "catalog.schema",
        "catalog.ros",
        "catalog.models",
        "catalog",
    },
    "catalog.views": {"catalog.schema", "catalog.models", "catalog", "catalog.forms"},
    "catalog.urls": {"catalog.views"},
}
CATALOG_CORE = {
    *("catalog.schema", "catalog.terraform", "catalog.ros", "catalog.models"),
    "catalog",
}
# The layers of the instances. The modules at their top, such as the validation of launches
# and the engine setup, stand between the models and the worker, the forms and the pages.
INSTANCES_LAYERS = {
    "instances.wakeup": set(),
    "instances.models": {*CATALOG_CORE, "instances.engines", "instances.wakeup"},
    "instances": {*CATALOG_CORE, "instances.engines", "instances.models"},
    "instances.worker": {
        *CATALOG_CORE,
        *("instances.engines", "instances.wakeup", "instances.models", "instances"),
    },
    "instances.presenters": {*CATALOG_CORE, "instances.models", "instances"},
    "instances.forms": {
        *(*CATALOG_CORE, "catalog.forms"),
        *("instances.models", "instances", "instances.presenters"),
    },
    "instances.operations": {
        *(*CATALOG_CORE, "catalog.operations"),
        *("instances.models", "instances", "instances.presenters"),
    },
    "instances.views": {
        *(*CATALOG_CORE, "catalog.forms", "catalog.views"),
        *("instances.models", "instances", "instances.presenters", "instances.forms"),
    },
    "instances.admin": {*CATALOG_CORE, "instances.models"},
    "instances.urls": {"instances.views"},
    "instances.management": {"instances.engines", "instances.worker"},
}
# A module belongs to the most specific package that holds it, and may import that one.
MAY_IMPORT = {
    # Plain Python without imports of ours: the engines may use it.
    "console.lib.exact": set(),
    "console.lib": LIB,
    "instances.engines": {"console.lib.exact"},
    **{layer: others | LIB for layer, others in CATALOG_LAYERS.items()},
    **{layer: others | LIB for layer, others in INSTANCES_LAYERS.items()},
    "console": {*CATALOG_LAYERS, *INSTANCES_LAYERS, "instances.engines", *LIB},
}


def package_of(module: str) -> str:
    holding = (p for p in MAY_IMPORT if module == p or module.startswith(p + "."))
    return max(holding, key=len)


def imports(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def forbidden(module: str, source: str) -> list[str]:
    package = package_of(module)
    allowed = {package, *MAY_IMPORT[package]}
    return sorted(
        name
        for name in imports(source)
        if name.split(".")[0] in OURS and package_of(name) not in allowed
    )


def modules() -> list[tuple[str, Path]]:
    return [
        (".".join(path.relative_to(ROOT).with_suffix("").parts), path)
        for app in OURS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts
    ]


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda v: str(v))
def test_arrows_point_one_way(module, path):
    assert forbidden(module, path.read_text()) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("catalog.models.product", "from instances.models import Instance"),
        ("catalog.views", "import console.views"),
        ("console.lib.ids", "from catalog.models import Product"),
        ("instances.engines.terraform", "from console.lib.ids import new_id"),
        ("instances.models.task", "from console.settings import DATA_DIR"),
        ("catalog.schema.errors", "from catalog.terraform.values import literal"),
        ("catalog.schema.errors", "from catalog.models import Template"),
        ("catalog.terraform.module", "from catalog.ros import document"),
        ("catalog.terraform.module", "import catalog.models.template"),
        ("catalog.ros.document", "from catalog.models import Template"),
        ("catalog.models.region", "from catalog.forms.region import RegionForm"),
        ("catalog.models.region", "from catalog.suggestions import canonical"),
        ("catalog.forms.product", "from catalog.views.products import product_list"),
        ("catalog.forms.product", "from catalog.operations import OPERATIONS"),
        ("catalog.operations.products", "from catalog.forms import product"),
        ("catalog.views.products", "from catalog.operations import OPERATIONS"),
        ("catalog.tags", "from catalog.views.products import product_list"),
        ("instances.wakeup", "from instances.models import Task"),
        ("instances.models.task", "from instances.worker.run import Run"),
        ("instances.models.task", "from instances.engine_setup import engine_of"),
        ("instances.models.plan", "from catalog.forms.product import ProductForm"),
        ("instances.engine_setup", "from instances.worker.host import host_name"),
        ("instances.launch_validation", "from instances.forms.plan import PlanForm"),
        ("instances.filters", "from instances.presenters import plan_list"),
        ("instances.worker.run", "from instances.views.tasks import task_detail"),
        ("instances.worker.run", "from instances.presenters import task_log"),
        ("instances.presenters.task_log", "from instances.forms.plan import PlanForm"),
        ("instances.presenters.task_log", "import instances.worker.event_recorder"),
        ("instances.forms.plan", "from instances.views.plans import plan_detail"),
        ("instances.forms.plan", "from instances.worker.loop import Worker"),
        ("instances.operations.plans", "from instances.forms.plan import PlanForm"),
        ("instances.views.plans", "from instances.operations import OPERATIONS"),
        ("instances.views.tasks", "from instances.worker.cancellation import Work"),
        ("instances.admin.records", "from instances.views.tasks import task_detail"),
        ("instances.urls", "from instances.models import Task"),
        ("instances.management.commands.work", "from instances.models import Task"),
        (
            "catalog.models.grant",
            "if TYPE_CHECKING:\n    from catalog.views.products import product_list",
        ),
    ],
)
def test_a_planted_violation_is_found(module, line):
    assert forbidden(module, line)


def import_graph(sources: dict[str, str]) -> dict[str, set[str]]:
    """Return the modules that each module imports, those for type checking included."""
    graph = {}
    for module, source in sources.items():
        found = set()
        for name in imports(source):
            found.add(name if name in sources else name.rpartition(".")[0])
        graph[module] = (found & sources.keys()) - {module}
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import one another (Tarjan's algorithm)."""
    index, low, stack, found = {}, {}, [], []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(graph[module]):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            at = stack.index(module)
            group = sorted(stack[at:])
            del stack[at:]
            if len(group) > 1:
                found.append(group)

    for module in graph:
        if module not in index:
            visit(module)
    return found


def test_no_modules_import_one_another_in_a_circle():
    sources = {
        module.removesuffix(".__init__"): path.read_text() for module, path in modules()
    }
    assert circles(import_graph(sources)) == []


@pytest.mark.parametrize(
    "sources",
    [
        {"catalog.a": "from catalog.b import x", "catalog.b": "import catalog.a"},
        {
            "catalog.a": "from catalog.b import x",
            "catalog.b": "if TYPE_CHECKING:\n    from catalog.a import y",
        },
        {
            "catalog": "from catalog.a import x",
            "catalog.a": "from catalog import b",
            "catalog.b": "def f():\n    from catalog import x",
        },
    ],
    ids=["two modules", "for type checking", "through a package"],
)
def test_a_planted_circle_is_found(sources):
    assert circles(import_graph(sources)) == [sorted(sources)]


def test_engines_do_not_know_django():
    for module, path in modules():
        if module.startswith("instances.engines"):
            names = {name.split(".")[0] for name in imports(path.read_text())}
            assert "django" not in names, module


# Imports each module named on its input in a fork of its own: the models are loaded, as
# Django loads them first in every process, and nothing else of ours is.
IMPORTER = """
import gc, importlib, os, sys
import django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
django.setup()
ours, others = (line.split() for line in sys.stdin)
for name in others:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        pass  # belongs to an extra that is not installed
gc.freeze()
for name in ours:
    if name in sys.modules:
        continue
    if child := os.fork():
        status = os.waitpid(child, 0)[1]
        if status:
            print(name)
    else:
        try:
            importlib.import_module(name)
        except BaseException as error:
            missing = getattr(error, "name", None) or ""
            ours = missing.split(".")[0] in ("console", "catalog", "instances")
            if ours or not isinstance(error, ModuleNotFoundError):
                sys.excepthook(*sys.exc_info())
                os._exit(1)
        os._exit(0)
"""
# The web server's entry point: it collects static files when it is imported.
ENTRY_POINTS = {"console.wsgi"}


def test_each_module_imports_alone():
    ours, others = set(), set()
    for app in OURS:
        for path in (ROOT / app).rglob("*.py"):
            ours.add(".".join(path.relative_to(ROOT).with_suffix("").parts))
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    others |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    others.add(node.module)
    ours = {name.removesuffix(".__init__") for name in ours} - ENTRY_POINTS
    others = {name for name in others if name.split(".")[0] not in OURS}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTER],
        input=f"{' '.join(sorted(ours))}\n{' '.join(sorted(others))}\n",
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_imports_stand_at_the_top():
    inner = [
        f"{module}:{node.lineno}"
        for module, path in modules()
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inner == []


def test_the_top_level_shows_nothing_else():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    top = {name.split("/")[0] for name in listed}
    assert {name for name in top if not name.startswith(".")} <= VISIBLE


def fragments() -> list[Path]:
    return sorted((ROOT / "templates").rglob("_*.html"))


@pytest.mark.parametrize("path", fragments(), ids=lambda p: p.stem)
def test_a_fragments_root_has_the_files_name_as_its_id(path):
    name = path.stem.removeprefix("_").replace("_", "-")
    text = re.sub(r"{%.*?%}|{#.*?#}", "", path.read_text(), flags=re.S)
    root = re.search(r"<[a-z][^>]*>", text)
    assert root, path
    identifier = re.search(r'\bid="([^"]*)"', root.group())
    assert identifier, f"{path}: the root has no id"
    assert identifier.group(1).startswith(name)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda p: p.stem
)
def test_templates_hold_no_inline_code(path):
    text = path.read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=|hx-on|javascript:|\|safe\b", text)
    assert not re.search(r"<(script|style)(?![^>]*\bsrc=)[^>]*>\s*\S", text)


# Marks of the layout: a newcomer reads the top of each app at a glance.
MAX_ROOMS = {"console": 28, "catalog": 18, "instances": 20}
MAX_BASES = 3
MAX_ANY_PERCENT = 10
MAX_TEMPLATE_COLUMNS = 120
# Names that nobody searches for, and what to call the thing instead.
RETIRED = {
    "wish": "provisioning spec",
    "settling": "completion",
    "settlement": "completion",
    "ladder": "cancellation",
    "sweeping": "cleanup",
    "outage": "database retry",
    "presence": "host",
    "aftermath": "task failure",
    "culprit": "failure source",
    "evidence": "task diagnostics",
    "leavers": "offboarding",
    "departure": "offboarding",
    "trail": "audit log",
    "findings": "errors",
    "fenced": "lease lost",
}
# A sentence about the thing, not a noun clause or a riddle around it.
RIDDLE = re.compile(r"(What|Who|Whose|Whoever|Whether|Where|How|Nobody|Nothing|Once)\b")


def words_of(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def retired_names(module: str, source: str) -> list[str]:
    names = [module.rpartition(".")[2]] + [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
    ]
    return [name for name in names if words_of(name) & RETIRED.keys()]


def riddles(source: str) -> list[str]:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return [
        text.splitlines()[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, documented)
        and (text := ast.get_docstring(node))
        and RIDDLE.match(text)
    ]


def casts_of_self(source: str) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "cast"
        and any(getattr(argument, "id", "") == "self" for argument in node.args)
    ]


def longest_chain(sources: list[str]) -> list[str]:
    """Return the longest chain of our own classes in which each is a base of the one before."""
    bases = {
        node.name: [getattr(b, "id", getattr(b, "attr", "")) for b in node.bases]
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and not node.name.endswith("Error")
    }

    def chain(name: str, before: tuple[str, ...] = ()) -> list[str]:
        if name not in bases or name in before:
            return []
        above = (chain(base, (*before, name)) for base in bases[name])
        return [name, *max(above, key=len, default=[])]

    return max((chain(name) for name in bases), key=len, default=[])


def signatures_with_any(source: str) -> list[bool]:
    """Tell for each function if a type in its signature is or holds ``Any``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [*node.args.args, *node.args.kwonlyargs]
            types = [node.returns, *(argument.annotation for argument in arguments)]
            names = {
                getattr(part, "id", "")
                for annotation in types
                if annotation
                for part in ast.walk(annotation)
            }
            found.append("Any" in names)
    return found


@pytest.mark.parametrize("app", OURS)
def test_the_top_of_an_app_is_read_at_a_glance(app):
    rooms = [
        path.name
        for path in (ROOT / app).iterdir()
        if path.name not in {"__init__.py", "__pycache__", "migrations", "locale"}
        and (path.suffix == ".py" or path.is_dir())
    ]
    assert len(rooms) <= MAX_ROOMS[app], sorted(rooms)


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda v: str(v))
def test_a_module_is_written_in_words_of_the_field(module, path):
    source = path.read_text()
    assert retired_names(module, source) == []
    assert riddles(source) == []
    assert casts_of_self(source) == []


def test_chains_of_base_classes_are_short():
    chain = longest_chain([path.read_text() for _module, path in modules()])
    assert len(chain) <= MAX_BASES, chain


def test_few_signatures_say_any():
    marks = [
        mark
        for _module, path in modules()
        for mark in signatures_with_any(path.read_text())
    ]
    assert 100 * sum(marks) / len(marks) <= MAX_ANY_PERCENT


@pytest.mark.parametrize(
    "path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda p: p.stem
)
def test_lines_of_templates_are_short(path):
    lines = enumerate(path.read_text().splitlines(), 1)
    assert [n for n, line in lines if len(line) > MAX_TEMPLATE_COLUMNS] == []


def test_planted_names_and_sentences_are_found():
    assert retired_names("instances.wish_form", "class Form: pass")
    assert retired_names("instances.forms", "class LaunchWish: pass")
    assert not retired_names("instances.forms", "class TrailingCommaForm: pass")
    assert riddles('def f():\n    """What is done."""')
    assert riddles('"""Whether it is."""')
    assert casts_of_self("def f(self): return cast(Plan, self)")


def test_a_planted_chain_and_a_planted_any_are_found():
    source = "class A: pass\nclass B(A): pass\nclass C(B): pass\nclass D(m.C): pass"
    assert longest_chain([source]) == ["D", "C", "B", "A"]
    assert signatures_with_any("def f(a: dict[str, Any]) -> int: ...") == [True]
    assert signatures_with_any("def f(a: int) -> None: ...") == [False]
