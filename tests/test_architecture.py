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
# Longest name first: a module belongs to the most specific package that holds it.
MAY_IMPORT = {
    # Plain Python without imports of ours: the engines may use it.
    "console.lib.exact": set(),
    "console.lib": {"console.lib", "console.lib.exact"},
    "instances.engines": {"instances.engines", "console.lib.exact"},
    "catalog": {"catalog", "console.lib", "console.lib.exact"},
    "instances": {
        *("instances", "instances.engines", "catalog"),
        *("console.lib", "console.lib.exact"),
    },
    "console": {
        *("console", "console.lib", "console.lib.exact"),
        *("catalog", "instances", "instances.engines"),
    },
}


def package_of(module: str) -> str:
    return next(p for p in MAY_IMPORT if module == p or module.startswith(p + "."))


def imports(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def forbidden(module: str, source: str) -> list[str]:
    allowed = MAY_IMPORT[package_of(module)]
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
    ],
)
def test_a_planted_violation_is_found(module, line):
    assert forbidden(module, line)


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
    importlib.import_module(name)
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
        except BaseException:
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
