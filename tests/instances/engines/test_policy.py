"""Templates that the policy refuses, and similar ones that it allows."""

import json
import re

import pytest

from catalog.terraform.policy import violations

PROVISIONER = """resource "terraform_data" "x" {
  provisioner "local-exec" {
    command = "id"
  }
}
"""

REFUSED = {
    "a provisioner": (PROVISIONER, 2),
    "a label without quotes": ("data external x {\n}\n", 1),
    "a label with escapes": ('data "ext\\u0065rnal" "x" {\n}\n', 1),
    "an http source": ('\ndata "http" "x" {\n  url = "http://x"\n}\n', 2),
    "a source in a check": ('check "c" {\n  data "http" "x" {\n  }\n}\n', 2),
    "a command as a source": ('data "local_command" "x" {\n}\n', 1),
    "a command as an action": ('action "local_command" "x" {\n}\n', 1),
    "another state": ('data "terraform_remote_state" "x" {\n}\n', 1),
    "a backend": ('terraform {\n  backend "http" {\n  }\n}\n', 2),
    "a cloud block": ("terraform {\n  cloud {\n  }\n}\n", 2),
    "a module by git": ('module "m" {\n  source = "git::ssh://-oProxy=x"\n}\n', 2),
    "a module by address": ('module "m" {\n  source = "https://x/y.zip"\n}\n', 2),
    "a module of a registry": ('module "m" {\n  source = "a/b/c"\n}\n', 2),
    "a module outside": ('module "m" {\n  source = "./a/../../b"\n}\n', 2),
    "a module by its full path": ('module "m" {\n  source = "/etc"\n}\n', 2),
    "a module made of pieces": ('module "m" {\n  source = "./${var.x}"\n}\n', 2),
    "a module by expression": ('module "m" {\n  source = true ? "./a" : "b"\n}\n', 2),
    "a module on one line": ('module "m" { source = "git::x" }\n', 1),
    "a comment in the header": ("data /* \n */ external x {\n}\n", 1),
    "a destroy-time provisioner": (
        'removed {\n  from = a.b\n  provisioner "local-exec" {\n  }\n}\n',
        3,
    ),
    "code after a comment that looks open": (f"# /*\n{PROVISIONER}# */\n", 3),
    "code after a string that looks open": (f'a = "\\\\"\n{PROVISIONER}b = "\\""\n', 3),
    "code after a heredoc that looks open": (f"a = <<E\nE \n{PROVISIONER}", 4),
    "code after an escaped interpolation": (f'a = "$${{"\n{PROVISIONER}b = "}}"\n', 3),
    "code after a nested string": (f'a = "${{ "}}" }}"\n{PROVISIONER}', 3),
    "code after a carriage return": ("# x\r\n" + PROVISIONER, 3),
    "an open comment": ("/* provisioner", 1),
    "an open string": ('a = "x\n"\n', 1),
    "an open heredoc": ("a = <<E\nx\n", 1),
    "an open brace": ("a {\n", 1),
    "a brace too many": ("}\n", 1),
    "signs that could mean two things": ('a = "$$${"\n', 1),
    "a heredoc end that could be none": ("a = <<E\n\u2003E\nE\n", 2),
    "a NUL": ("a = 1 \x00\n", 1),
}
ALLOWED = {
    "a line comment": '# provisioner "x" {\n// data "external" "x" {\n',
    "a block comment": '/* provisioner "local-exec" {\n} */\n',
    "a string": 'a = "provisioner \\"local-exec\\" {"\n',
    "an interpolation": 'a = "${ join("{", ["}", "provisioner"]) }"\n',
    "a heredoc": 'a = <<-E\n  provisioner "local-exec" {\n  E\nb = 1\n',
    "a heredoc with code": 'a = <<E\n%{ for x in ["}"] ~}\n${x}\n%{ endfor }\nE\n',
    "a marker after an interpolation": 'a = <<E\n${"x"}\nEE\n${""}E\nE\n',
    "a module beside": 'module "m" {\n  source = "./modules/a"\n}\n',
    "an attribute of that name": 'x "y" "z" {\n  provisioner = "x"\n  backend = {}\n}\n',
    "a backend of something else": 'resource "a" "b" {\n  backend {\n  }\n}\n',
    "a key of an object": "a = { provisioner = 1, source = 2 }\n",
    "a source of something else": 'resource "a" "b" {\n  source = "git::x"\n}\n',
    "required providers": (
        'terraform {\n  required_providers {\n    a = { source = "b/a" }\n  }\n}\n'
    ),
    "an empty file": "",
    "a byte order mark": "\ufeffa = 1\n",
}
READ_ALIKE = (
    *("a line comment", "a block comment", "a string", "an interpolation"),
    *("a heredoc", "a heredoc with code", "a marker after an interpolation"),
)
REFUSED_JSON = {
    "a provisioner": {"resource": {"a": {"b": {"provisioner": {"local-exec": {}}}}}},
    "a provisioner in arrays": {"resource": [{"a": [{"b": [{"provisioner": []}]}]}]},
    "a provisioner at destruction": {"removed": [{"provisioner": {}}]},
    "a source": {"data": {"external": {"x": {}}}},
    "a source in a check": {"check": {"c": {"data": {"http": {"x": {}}}}}},
    "a backend": {"terraform": {"backend": {"http": {}}}},
    "a cloud block": {"terraform": [{"cloud": {}}]},
    "a module": {"module": {"m": {"source": "git::x"}}},
    "a module by expression": {"module": {"m": [{"source": "./${var.x}"}]}},
}
BAD_NAMES = [
    *("/etc/x.tf", "../x.tf", "a/../../x.tf", "a//x.tf", "./x.tf", "a\\b.tf", "C:x.tf"),
    *("override.tf", "zzz_override.tf", "x_override.tf.json", "Override.TF"),
    *("x_override.tofu", "terraform.tfvars", "terraform.tfvars.json"),
    *("x.auto.tfvars", "x.auto.tfvars.json", ".terraform/modules/modules.json"),
    *("terraform.tfstate", "terraform.tfstate.backup", "terraform.tfstate.d/x/y"),
    *("a\x00.tf", "a\n.tf", "", "a/", "x" * 300),
]


@pytest.mark.parametrize(("text", "line"), REFUSED.values(), ids=REFUSED)
def test_hcl_is_refused_with_its_line(text, line):
    assert [found.line for found in violations({"main.tf": text})][:1] == [line]


@pytest.mark.parametrize("text", ALLOWED.values(), ids=ALLOWED)
def test_hcl_is_allowed(text):
    assert violations({"main.tf": text}) == []


@pytest.mark.parametrize("document", REFUSED_JSON.values(), ids=REFUSED_JSON)
def test_json_is_refused(document):
    assert violations({"main.tf.json": json.dumps(document)})


def test_violation_in_json_has_its_line():
    text = '{\n "data": {\n  "external": {}\n }\n}\n'
    assert [found.line for found in violations({"main.tf.json": text})] == [3]


def test_repeated_key_in_json_is_checked():
    text = '{"data": {"external": {}}, "data": {}}'
    assert violations({"main.tf.json": text})


def test_json_tag_with_a_forbidden_name_is_allowed():
    body = {"resource": {"a": {"b": {"tags": {"provisioner": 1, "source": "x"}}}}}
    assert violations({"main.tf.json": json.dumps(body)}) == []


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "nonsense"])
def test_invalid_json_is_refused(text):
    assert violations({"main.tf.json": text})


@pytest.mark.parametrize("name", BAD_NAMES)
def test_file_name_is_refused(name):
    assert violations({name: ""})


@pytest.mark.parametrize("name", ["main.tf", "modules/a/main.tf", ".metadata", "a.sh"])
def test_file_name_is_allowed(name):
    assert violations({name: ""}) == []


CALL_A = 'module "a" {\n  source = "./modules/a"\n}\n'


def test_module_source_may_be_a_neighbour():
    text = 'module "m" {\n  source = "../b"\n}\n'
    assert violations({"main.tf": CALL_A, "modules/a/main.tf": text}) == []


def test_module_source_outside_the_template_is_refused():
    text = 'module "m" {\n  source = "../../../b"\n}\n'
    assert violations({"main.tf": CALL_A, "modules/a/main.tf": text})


HTTP = 'data "http" "x" {\n}\n'
CALLS = {
    "in HCL": {"main.tf": 'module "m" {\n  source = "./m"\n}\n'},
    "on one line": {"main.tf": 'module "m" { source = "./m/" }\n'},
    "with escapes": {"main.tf": 'module "m" {\n  source = "./\\u006d"\n}\n'},
    "by a detour": {"main.tf": 'module "m" {\n  source = "./x/../m"\n}\n'},
    "in another case": {"main.tf": 'module "m" {\n  source = "./M"\n}\n'},
    "in JSON": {"main.tf.json": '{"module": {"m": {"source": "./m"}}}'},
    "in JSON arrays": {
        "main.tf.json": '{"module": [{"m": [{"source": "./\\u006d"}]}]}'
    },
    "by another module": {
        "main.tf": 'module "n" {\n  source = "./n"\n}\n',
        "n/main.tf": 'module "m" {\n  source = "../m"\n}\n',
    },
    "for OpenTofu": {"main.tofu": 'module "m" {\n  source = "./m"\n}\n'},
}


@pytest.mark.parametrize("files", CALLS.values(), ids=CALLS)
def test_folder_of_a_called_module_is_checked(files):
    [found] = violations({**files, "m/main.tf": HTTP})
    assert (found.file, found.line) == ("m/main.tf", 1)


@pytest.mark.parametrize("name", ["m/Override.TF", "m/x_override.tf.json"])
def test_override_file_in_a_called_module_is_refused(name):
    assert violations({**CALLS["in HCL"], name: "{}"})


def test_modules_that_call_each_other_are_checked_once():
    call = 'module "m" {\n  source = "../m"\n}\n'
    files = {**CALLS["in HCL"], "m/main.tf": call, "m/http.tf": HTTP}
    assert [found.file for found in violations(files)] == ["m/http.tf"]


def test_folder_without_a_module_call_is_not_checked():
    files = {
        "main.tf": "",
        "examples/complete/main.tf": 'module "m" {\n  source = "acme/thing/aws"\n}\n',
        "examples/complete/broken.tf": '"',
        "examples/complete/terraform.tfvars": "",
        "examples/complete/main_override.tf": PROVISIONER,
    }
    assert violations(files) == []


def test_other_files_are_not_read():
    assert violations({"notes.md": PROVISIONER}) == []


def test_opentofu_files_are_read():
    assert violations({"main.tofu": PROVISIONER})


def test_provisioners_can_be_allowed():
    assert violations({"main.tf": PROVISIONER}, allow_provisioners=True) == []


def test_provisioners_in_json_can_be_allowed():
    body = json.dumps(REFUSED_JSON["a provisioner"])
    assert violations({"main.tf.json": body}, allow_provisioners=True) == []


def test_allowing_provisioners_allows_no_other_violation():
    text = PROVISIONER + 'data "external" "x" {\n}\n'
    [found] = violations({"main.tf": text}, allow_provisioners=True)
    assert "external" in found.message


def test_deep_nesting_is_refused():
    text = "a = " + '"${' * 5000
    [found] = violations({"main.tf": text})
    assert "nested" in found.message


@pytest.mark.engine
def test_terraform_reads_strings_and_comments_alike(start, finish):
    expressions = [text for name, text in ALLOWED.items() if name in READ_ALIKE]
    blocks = [
        f"locals {{\n{numbered(text, n)}}}\n" for n, text in enumerate(expressions)
    ]
    assert finish(start("validate", "".join(blocks))).ok


def numbered(text: str, number: int) -> str:
    """Return the text with attributes of its own."""
    return re.sub(r"^([ab]) =", rf"\g<1>{number} =", text, flags=re.M)
