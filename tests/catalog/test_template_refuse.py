"""Hostile templates are refused with an error.

Times are not asserted: without the limits, each of these never ends or kills the process.
"""

import json

import pytest

from catalog.ros.document import read_document
from catalog.schema import TemplateError
from catalog.schema.size_limits import MAX_FILES, MAX_PARAMETERS, MAX_TEMPLATE_BYTES
from catalog.terraform.parameters import read_terraform

HEAD = "ROSTemplateFormatVersion: '2015-09-01'\nResources: {a: 1}\n"
LAUGHS = "a: &a [lol]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(HEAD + LAUGHS, "aliases", id="billion laughs"),
        pytest.param(HEAD + "x: &a [1]\n", "aliases", id="anchor alone"),
        pytest.param(HEAD + "x: " + "[" * 100_000, "50 levels", id="deep yaml"),
        pytest.param('{"a":' + "[" * 100_000, "50 levels", id="deep json"),
        pytest.param('{"a": NaN}', "NaN", id="json nan"),
        pytest.param('{"a": 1e999}', "too large", id="json infinity"),
        pytest.param('{"a": ' + "9" * 5000 + "}", "too long", id="long number"),
        pytest.param(HEAD + "x: .nan\n", "finite", id="yaml nan"),
        pytest.param('{"a": 1, "a": 2}', "duplicated", id="twin json keys"),
        pytest.param(HEAD + "x: {a: 1, a: 2}\n", "twice", id="twin yaml keys"),
        pytest.param(HEAD + "x: {1: 1, '1': 2}\n", "twice", id="twin keys as text"),
        pytest.param(HEAD + "x: !!python/name:os.system\n", "tag", id="python tag"),
        pytest.param(HEAD + "x: !!binary aGk=\n", "not allowed", id="binary tag"),
        pytest.param(HEAD + "? [a]\n: 1\n", "key", id="list as key"),
        pytest.param('{"a": "\\ud800"}', "Unicode", id="half a character"),
        pytest.param(HEAD + 'x: "\\0"\n', "NUL", id="nul"),
        pytest.param(HEAD + "x: [" + "1," * 200_000 + "]", "too many", id="many nodes"),
        pytest.param("x" * (MAX_TEMPLATE_BYTES + 1), "512 KiB", id="too large"),
        pytest.param("\ud800", "Unicode", id="lone surrogate"),
    ],
)
def test_a_hostile_document_is_refused(text, words):
    with pytest.raises(TemplateError, match=words):
        read_document(text)


def variable(default):
    return f'variable "a" {{\n  default = {default}\n}}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(variable("[" * 100_000), "50 levels", id="deep list"),
        pytest.param(
            variable("(" * 60 + "1" + ")" * 60), "50 levels", id="parentheses"
        ),
        pytest.param(variable('"${' * 60), "50 levels", id="deep interpolation"),
        pytest.param(variable("1 + " * 5000 + "1"), "terms", id="long sum"),
        pytest.param(variable("true ? 1 : " * 400 + "1"), "terms", id="ternaries"),
        pytest.param(variable("a" + ".b" * 5000), "terms", id="long path"),
        pytest.param(variable("9" * 100_000), "too long", id="long number"),
        pytest.param(variable("1e999"), "too large", id="infinity"),
        pytest.param(variable("[" + "1," * 70_000 + "1]"), "too long", id="long list"),
        pytest.param("a = 1\n" * 60_000, "too long", id="many arguments"),
        pytest.param(variable("<<EOT\n" + "x\n" * 1000), "not closed", id="heredoc"),
        pytest.param("/*" * 100_000, "terms", id="comment"),
        pytest.param(
            variable('"a'), "end on the line where it starts", id="open string"
        ),
        pytest.param("variable {", "not closed", id="open block"),
        pytest.param("}", "no matching opening bracket", id="closed block"),
        pytest.param("variable {}", "exactly one quoted name", id="nameless"),
        pytest.param(
            'variable "a" {\n type = strng\n}', "not a valid type", id="bad type"
        ),
        pytest.param(variable('file("/etc/passwd")'), "calls a function", id="call"),
        pytest.param(variable('"${var.b}"'), "other values", id="reference"),
        pytest.param("a\0b", "NUL", id="nul"),
        pytest.param("@", "not valid HCL", id="sign"),
    ],
)
def test_hostile_hcl_is_refused(text, words):
    with pytest.raises(TemplateError, match=words):
        read_terraform({"main.tf": text})


@pytest.mark.parametrize(
    "default", ["[" + "1," * 12_000 + "]", "[" + "{a=1}," * 5_000 + "]"]
)
def test_a_long_default_is_refused_before_it_is_parsed(default):
    with pytest.raises(TemplateError, match="move data into locals"):
        read_terraform({"main.tf": variable(default)})


def test_many_long_defaults_are_refused_before_they_are_parsed():
    text = "".join(
        f'variable "v{n}" {{\n default = [{"1," * 500}]\n}}\n' for n in range(20)
    )
    with pytest.raises(TemplateError, match="move data into locals"):
        read_terraform({"main.tf": text})


def test_too_many_parameters_are_refused():
    text = "".join(f'variable "v{n}" {{}}\n' for n in range(MAX_PARAMETERS + 1))
    with pytest.raises(TemplateError, match="maximum is 200"):
        read_terraform({"main.tf": text})


def test_too_many_parameters_of_a_document_are_refused():
    declared = {f"p{n}": {"Type": "String"} for n in range(MAX_PARAMETERS + 1)}
    text = {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Resources": {"a": 1},
        "Parameters": declared,
    }
    with pytest.raises(TemplateError, match="maximum is 200"):
        read_document(json.dumps(text))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/x.tf",
        "../x.tf",
        "a/../x.tf",
        "a//x.tf",
        "./x.tf",
        "a\\x.tf",
        "C:x.tf",
        "x.tf.",
        "x\0.tf",
        "x\n.tf",
        ".terraform/x.tf",
        ".terraformrc",
        "a/.metadata",
        "a/b/c/d/e/x.tf",
        "n" * 300 + ".tf",
        "override.tf",
        "a_override.tf",
        "A_Override.TF.json",
        "terraform.tfvars",
        "x.auto.tfvars.json",
        "terraform.tfstate",
        "terraform.tfstate.backup",
        "é.tf",
    ],
)
def test_unsafe_file_name_is_refused(path):
    with pytest.raises(TemplateError) as caught:
        read_terraform({"main.tf": "", path: ""})
    assert caught.value.problems[0].file == path[:120]


def test_names_that_differ_in_case_only_are_refused():
    with pytest.raises(TemplateError, match="case"):
        read_terraform({"main.tf": "", "Main.tf": ""})


def test_a_template_without_files_is_refused():
    with pytest.raises(TemplateError, match=r"main\.tf"):
        read_terraform({})


def test_error_of_a_root_without_code_names_folders_with_code():
    files = {
        "README.md": "x",
        "b/deep/main.tf": "",
        "a/x.tf.json": "{}",
        "c/y.tofu": "",
    }
    with pytest.raises(
        TemplateError, match=r"does not create any resources.*: a, c, b/deep\."
    ):
        read_terraform(files)


def test_a_root_without_code_anywhere_is_refused():
    with pytest.raises(
        TemplateError, match=r"does not create any resources.*Add at least main\.tf"
    ):
        read_terraform({"README.md": "x"})


def test_of_many_folders_with_code_the_first_are_named():
    files = {f"f{n}/main.tf": "" for n in range(9)}
    with pytest.raises(TemplateError, match=r": f0, f1, f2, f3, f4…\. Upload"):
        read_terraform(files)


def test_json_files_count_as_code():
    assert read_terraform({"main.tf.json": "{}"}).parameters == []


def test_a_document_without_code_in_its_root_is_refused():
    document = {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Transform": "Aliyun::Terraform-v1.5",
        "Workspace": {"modules/a/main.tf": ""},
    }
    with pytest.raises(
        TemplateError, match=r"These folders contain \.tf files: modules/a"
    ):
        read_document(json.dumps(document))


def test_error_for_an_opentofu_file_names_the_extension():
    with pytest.raises(TemplateError, match=r"extension to \.tf"):
        read_terraform({"main.tf": "", "x.tofu": ""})


def test_a_variable_file_that_is_never_loaded_is_accepted():
    files = {
        "main.tf": 'variable "a" {}',
        "examples.tfvars": 'a = "y"',
        "examples/small/terraform.tfvars": 'a = "y"',
    }
    assert list(read_terraform(files).by_key) == ["a"]


def test_folder_that_is_not_a_module_is_not_read():
    files = {"main.tf": 'variable "a" {}', "examples/x/main.tf": 'variable "'}
    assert list(read_terraform(files).by_key) == ["a"]


def test_too_many_files_are_refused():
    with pytest.raises(TemplateError, match="maximum is 50"):
        read_terraform({f"f{n}.tf": "" for n in range(MAX_FILES + 1)})


def test_the_size_of_all_files_counts():
    half = "#" + "x" * (MAX_TEMPLATE_BYTES // 2)
    with pytest.raises(TemplateError, match="512 KiB"):
        read_terraform({"a.tf": half, "b.tf": half})


def test_a_large_harmless_template_is_read():
    text = "".join(
        f'resource "a" "r{n}" {{\n  x = "{"y" * 300}"\n}}\n' for n in range(1400)
    )
    assert read_terraform({"main.tf": text}).parameters == []
