"""Calls that the code must not contain, found in its syntax tree."""

import ast
import re

import pytest
from cryptography.exceptions import InvalidTag
from django.conf import settings

from console.lib.encryption import DecryptionError, seal, unseal

CALLS = {
    *("eval", "exec", "compile", "__import__", "mark_safe", "csrf_exempt"),
    *("pickle.loads", "pickle.load", "marshal.loads", "yaml.load", "yaml.unsafe_load"),
    *("os.system", "os.popen", "subprocess.getoutput", "tarfile.open", "extractall"),
    # Children would inherit the signals that their parent ignores: see `processes.start`.
    *("subprocess.Popen", "subprocess.run", "subprocess.call", "os.posix_spawn"),
    *("subprocess.check_call", "subprocess.check_output", "os.fork", "os.spawnv"),
    *("hashlib.md5", "hashlib.sha1", "hashlib.new", "extra"),
}
IMPORTS = {
    "pickle",
    "marshal",
    "shelve",
    "tarfile",
    "xml",
    "lxml",
    "defusedxml",
    "jinja2",
}
# By file: what each may do all the same, and why.
ALLOWED = {
    ("console/assets.py", "xml.etree"): "shapes of an installed package, no input",
    (
        "catalog/schema/safe_parsing.py",
        "yaml.load",
    ): "with a loader of ours, without types",
    **{
        ("instances/engines/processes.py", f"subprocess.{name}"): "starts with a reset"
        for name in ("Popen", "run")
    },
    ("instances/engines/launcher.py", "os.posix_spawn"): "resets by its arguments",
    (
        "instances/engines/ros_local/attributes.py",
        "hashlib.sha1",
    ): "IDs that are made up",
}
REQUEST = re.compile(r"\brequest\.(GET|POST|FILES|headers|META|body)")
RANDOM = {
    "console/api/nonces.py": "how often old rows are swept",
    "instances/engines/ros/cloud.py": "how long to wait before the next try",
}


def sources():
    for folder in ("console", "catalog", "instances"):
        for path in sorted((settings.BASE_DIR / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                name = str(path.relative_to(settings.BASE_DIR))
                yield name, ast.parse(path.read_text())


def dotted(node):
    """Return the name of the called function as written; for methods only the last part."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return ""


def findings(name, tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = dotted(node.func)
            if called in CALLS or called.rpartition(".")[2] in (
                "extractall",
                "mark_safe",
            ):
                yield called, node.lineno
            for keyword in node.keywords:
                if keyword.arg == "shell" and getattr(keyword.value, "value", None):
                    yield "shell=True", node.lineno
                if keyword.arg is None and REQUEST.search(ast.unparse(keyword.value)):
                    yield f"**{ast.unparse(keyword.value)}", node.lineno
        elif isinstance(node, ast.Import):
            for each in node.names:
                if each.name.split(".")[0] in IMPORTS:
                    yield each.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and _named(node) in IMPORTS:
            yield node.module, node.lineno


def _named(node):
    return (node.module or "").split(".")[0]


def test_no_dangerous_function_is_called():
    found = [
        f"{name}:{line}: {what}"
        for name, tree in sources()
        for what, line in findings(name, tree)
        if (name, what) not in ALLOWED
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "eval(x)",
        "mark_safe(x)",
        "safestring.mark_safe(x)",
        "import pickle",
        "from xml.etree import ElementTree",
        "subprocess.run(x, shell=True)",
        "rows.filter(**request.GET.dict())",
        "archive.extractall(x)",
        "subprocess.Popen(x)",
    ],
)
def test_a_planted_call_is_found(code):
    assert list(findings("planted.py", ast.parse(code)))


def test_unpredictable_values_use_secure_randomness():
    """Unpredictable values come only from `secrets` and `uuid4`."""
    found = {
        name
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        and any(each.name == "random" for each in node.names)
    }
    assert found <= set(RANDOM)


def test_one_module_imports_cryptography():
    """One module encrypts, with AES-256-GCM; no other imports a cipher."""
    found = {
        name
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("cryptography")
    }
    assert found == {"console/lib/encryption.py"}
    assert issubclass(InvalidTag, Exception)


def test_a_ciphertext_moved_to_another_row_does_not_decrypt():
    sealed = seal(b"secret", "instances.task:task-1:secrets")
    assert unseal(sealed, "instances.task:task-1:secrets") == b"secret"
    for other in ("instances.task:task-2:secrets", "instances.plan:task-1:secrets", ""):
        with pytest.raises(DecryptionError):
            unseal(sealed, other)
