"""Reader of Terraform templates: root variables become parameters."""

import json

import pytest

from catalog.schema import TemplateError
from catalog.terraform.parameters import read_terraform


def parameter(source, name="a", **options):
    return read_terraform({"main.tf": source}, **options).by_key[name]


@pytest.mark.parametrize(
    ("declared", "kind", "type_"),
    [
        ("string", "string", "string"),
        ("number", "number", "number"),
        ("bool", "boolean", "bool"),
        ("list(string)", "list", ["list", "string"]),
        ("set(number)", "list", ["set", "number"]),
        ("tuple([string, bool])", "list", ["tuple", ["string", "bool"]]),
        ("map(list(string))", "map", ["map", ["list", "string"]]),
        ("object({ n = number })", "object", ["object", {"n": "number"}]),
        ("any", "json", "any"),
        ('"string"', "string", "string"),
        ("list", "list", ["list", "any"]),
    ],
)
def test_type_determines_the_kind(declared, kind, type_):
    found = parameter(f'variable "a" {{\n  type = {declared}\n}}\n')
    assert (found.kind, found.type) == (kind, type_)


def test_optional_attributes_have_their_defaults():
    source = """
    variable "a" {
      type = object({
        name  = string # the name
        size  = optional(number, 3)
        disks = optional(list(object({ gib = number })), [{ gib = 20 }])
        note  = optional(string)
      })
    }
    """
    kind, attributes, optional = parameter(source).type
    assert kind == "object"
    assert attributes["disks"] == ["list", ["object", {"gib": "number"}]]
    assert optional == {"size": 3, "disks": [{"gib": 20}], "note": None}


@pytest.mark.parametrize(
    ("default", "kind"),
    [
        ('"x"', "string"),
        ("null", "string"),
        ("3", "number"),
        ("true", "boolean"),
        ("[]", "json"),
        ("{}", "json"),
    ],
)
def test_kind_of_an_untyped_variable_depends_on_its_default(default, kind):
    assert parameter(f'variable "a" {{\n  default = {default}\n}}\n').kind == kind


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (r'"a\"b\n$${x} \u00e9 %%{y}"', 'a"b\n${x} é %{y}'),
        ("-1.5", -1.5),
        ("1e3", 1000),
        ("60 * 60 * 24", 86400),
        ("[1, true, null]", [1, True, None]),
        ('{ a = 1, "b c" : [2] }', {"a": 1, "b c": [2]}),
        ("<<EOT\n  two\n  lines\nEOT", "  two\n  lines\n"),
        ("<<-EOT\n    two\n      lines\n  EOT", "two\n  lines\n"),
    ],
)
def test_default_equals_terraforms(source, value):
    found = parameter(f'variable "a" {{\n  type = any\n  default = {source}\n}}\n')
    assert found.default == value
    assert not found.required


def test_a_default_is_converted_to_the_type():
    found = parameter('variable "a" {\n type = map(string)\n default = { n = 1 }\n}\n')
    assert found.default == {"n": "1"}


def test_default_of_another_type_is_refused_with_its_line():
    with pytest.raises(TemplateError) as caught:
        parameter('variable "a" {\n  type = number\n  default = "x"\n}\n')
    assert [(p.file, p.line) for p in caught.value.problems] == [("main.tf", 3)]


def test_variable_without_default_is_required():
    assert parameter('variable "a" {}').required


def test_sensitive_ephemeral_and_nullable_are_kept():
    found = parameter(
        'variable "a" {\n sensitive = true\n ephemeral = true\n nullable = false\n}\n'
    )
    assert (found.secret, found.ephemeral, found.nullable) == (True, True, False)


def test_the_messages_of_validations_are_kept():
    source = """
    variable "a" {
      validation {
        condition     = !(length(var.a) > 3) && !!can(regex("^x", var.a))
        error_message = "Too long."
      }
      validation {
        condition     = true
        error_message = "Not ${var.a}."
      }
    }
    """
    assert parameter(source).validations == ["Too long."]


def test_a_plain_description_is_a_description():
    found = parameter('variable "a" {\n  description = "The size {x}"\n}\n')
    assert found.description == {"en": "The size {x}"}
    assert found.label_in("en") == "a"


SPOKEN = {
    "Label": {"en": "Size", "zh-cn": "大小"},
    "Description": "How large",
    "AllowedValues": ["s", "m"],
    "NoEcho": "true",
    "MinLength": "1",
    "AssociationPropertyMetadata": {
        "Visible": {"Condition": {"Fn::Equals": ["$${b}", "x"]}},
        "ValueLabelMapping": {"s": {"en": "Small"}},
    },
}


def test_a_json_description_declares_the_parameter():
    source = f'variable "a" {{\n  type = string\n  description = <<EOT\n{json.dumps(SPOKEN)}\nEOT\n}}\n'
    found = parameter(source)
    assert found.label == {"en": "Size", "zh-cn": "大小"}
    assert found.description == {"en": "How large"}
    assert found.allowed_values == ["s", "m"]
    assert found.secret
    assert found.min_length == 1
    assert found.visible == {"Condition": {"Fn::Equals": ["${b}", "x"]}}
    assert found.value_labels == {"s": {"en": "Small"}}


def test_invalid_json_description_is_text():
    found = parameter('variable "a" {\n  description = "{\\"Label\\": }"\n}\n')
    assert found.description == {"en": '{"Label": }'}


def test_declarations_of_the_document_override_the_variable():
    declared = {"a": {"Type": "Number", "Label": "Size", "Default": 3}}
    found = parameter('variable "a" {\n  type = number\n}\n', parameters=declared)
    assert (found.label_in("en"), found.default, found.required) == ("Size", 3, False)


def test_given_descriptions_replace_those_of_the_files():
    found = parameter('variable "a" {}', descriptions={"a": '{"Label": "Size"}'})
    assert found.label_in("en") == "Size"


def test_json_files_are_read_too():
    data = {
        "variable": {
            "a": {
                "type": "list(string)",
                "default": ["${x}"],
                "description": 'a "b"\n\u0007😀',
                "sensitive": True,
                "validation": {"condition": "${true}", "error_message": "No."},
            }
        },
        "output": {"o": {"value": "${var.a}", "description": "d"}},
    }
    schema = read_terraform({"main.tf.json": json.dumps(data)})
    found = schema.by_key["a"]
    assert found.default == ["${x}"]
    assert found.description == {"en": 'a "b"\n\u0007😀'}
    assert found.secret
    assert found.validations == ["No."]
    assert schema.outputs[0]["description"] == {"en": "d"}


def test_only_root_variables_are_parameters():
    schema = read_terraform(
        {
            "main.tf": 'variable "a" {}',
            "modules/x/main.tf": 'variable "b" {}',
            "x.debug.tf": 'variable "c" {}',
            "notes.md": "variable",
        }
    )
    assert list(schema.by_key) == ["a"]


def test_outputs_have_name_description_and_sensitivity():
    source = """
    output "plain" {
      value       = "${terraform_data.x.id}-${length("}")}"
      description = "The id"
    }
    output "secret" {
      value     = 1
      sensitive = true
    }
    """
    outputs = read_terraform({"main.tf": source}).outputs
    assert [(o["name"], o["description"], o["sensitive"]) for o in outputs] == [
        ("plain", {"en": "The id"}, False),
        ("secret", {}, True),
    ]


def test_groups_come_from_the_metadata_file():
    interface = {
        "ALIYUN::ROS::Interface": {
            "ParameterGroups": [
                {"Label": {"default": {"en": "Net"}}, "Parameters": ["b", "none"]},
                {"Label": {"default": "Rest"}, "Parameters": ["none"]},
                {"Parameters": ["c"]},
                "odd",
            ],
            "Hidden": ["c", "a"],
        }
    }
    source = 'variable "a" {}\nvariable "b" {}\nvariable "c" {\n default = 1\n}\n'
    schema = read_terraform({"main.tf": source, ".metadata": json.dumps(interface)})
    assert [p.key for p in schema.parameters] == ["b", "c", "a"]
    assert [group.label_in("en") for group in schema.groups] == ["Net", ""]
    # "a" must be given, so it stays on the form.
    assert [p.key for p in schema.parameters if p.hidden] == ["c"]


def test_a_variable_declared_twice_is_refused():
    with pytest.raises(TemplateError, match=r"b\.tf, line 2: .*more than once"):
        read_terraform({"a.tf": 'variable "x" {}', "b.tf": '\nvariable "x" {}'})


def test_a_syntax_error_names_file_and_line():
    with pytest.raises(TemplateError, match=r"main\.tf, line 2"):
        read_terraform({"main.tf": 'variable "a" {\n  type = = string\n}\n'})
