"""Reader of ROS documents in YAML and JSON."""

import json

import pytest

from catalog.ros.document import read_document
from catalog.schema import Schema, TemplateError

HEAD = "ROSTemplateFormatVersion: '2015-09-01'\n"
STANDARD = (
    HEAD
    + """
Description: {en: A thing, zn-cn: 东西}
Parameters:
  Zone Id:
    Type: String
    Label: {en: Zone, zh-cn: 可用区}
  Count:
    Type: Number
    Default: '2'
    MinValue: '1'
    MaxValue: 10
  Note:
    Type: String
    Default: null
  Names:
    Type: CommaDelimitedList
    Default: a, b
  Password:
    Type: String
    NoEcho: 'True'
    Confirm: true
Metadata:
  ALIYUN::ROS::Interface:
    ParameterGroups:
      - Parameters: [Count]
        Label: {default: Size}
    Hidden: [Note]
Resources:
  Thing:
    Type: ALIYUN::ROS::Sleep
    Properties:
      A: !Ref Count
      B: !GetAtt Other.Arn.Name
      C: !Sub 'x-${Count}'
      D: !Join ['-', [!Ref Count, b]]
Outputs:
  Id: {Value: !Ref Thing, Description: The id, NoEcho: true}
"""
)


def test_document_without_transform_is_standard():
    document = read_document(STANDARD)
    assert document.kind == "standard"
    assert document.files == {}
    assert document.description == {"en": "A thing", "zh-cn": "东西"}


def test_short_tags_are_expanded():
    properties = read_document(STANDARD).body["Resources"]["Thing"]["Properties"]
    assert properties == {
        "A": {"Ref": "Count"},
        "B": {"Fn::GetAtt": ["Other", "Arn.Name"]},
        "C": {"Fn::Sub": "x-${Count}"},
        "D": {"Fn::Join": ["-", [{"Ref": "Count"}, "b"]]},
    }


def test_parameters_are_typed():
    found = read_document(STANDARD).schema.by_key
    assert (found["Count"].kind, found["Count"].default) == ("number", 2)
    assert (found["Count"].min_value, found["Count"].max_value) == (1, 10)
    assert (found["Names"].kind, found["Names"].default) == ("list", ["a", "b"])
    assert (found["Note"].required, found["Note"].nullable) == (False, True)
    assert (found["Password"].secret, found["Password"].confirm) == (True, True)
    assert found["Zone Id"].required


def test_grouped_parameters_come_first():
    schema = read_document(STANDARD).schema
    assert schema.parameters[0].key == "Count"
    assert schema.groups[0].label_in("en") == "Size"
    assert schema.by_key["Note"].hidden


def test_outputs_are_listed():
    [output] = read_document(STANDARD).schema.outputs
    assert (output["name"], output["sensitive"]) == ("Id", True)


def test_document_with_workspace_is_a_terraform_template():
    document = read_document(
        json.dumps(
            {
                "ROSTemplateFormatVersion": "2015-09-01",
                "Transform": "Aliyun::Terraform-v1.5",
                "Workspace": {"main.tf": 'variable "a" {\n type = number\n}\n'},
                "Parameters": {"a": {"Type": "Number", "Label": "Size"}},
                "Outputs": {"o": {"Label": "Out"}},
            }
        )
    )
    assert document.kind == "terraform"
    assert list(document.files) == ["main.tf"]
    assert document.schema.by_key["a"].label_in("en") == "Size"


def test_the_stored_schema_is_equal():
    schema = read_document(STANDARD).schema
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


def test_a_date_stays_text():
    assert read_document(STANDARD.replace("'2015-09-01'", "2015-09-01"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "named sections"),
        ("- a", "named sections"),
        ("Resources: {}", "ROSTemplateFormatVersion"),
        (HEAD, "neither Resources nor a Workspace"),
        (HEAD + "Transform: Aliyun::Terraform-v1.5\n", "must have a Workspace"),
        (HEAD + "Parameters: [1]\n", "section Parameters"),
        (
            HEAD + "Resources: {a: 1}\nParameters: {A: {Type: Nope}}",
            "“A”: the type “Nope”",
        ),
        (HEAD + "Resources: {a: 1}\nParameters: {A: 3}", "“A”"),
        (HEAD + "a: [\n", "YAML"),
        ('{"a": }', "Line 1: This is not valid JSON"),
    ],
)
def test_error_names_the_problem(text, words):
    with pytest.raises(TemplateError, match=words):
        read_document(text)


def test_a_pattern_that_cannot_be_used_names_its_parameter():
    text = (
        HEAD
        + "Resources: {a: 1}\nParameters: {A: {Type: String, AllowedPattern: '(a)\\1'}}"
    )
    with pytest.raises(TemplateError, match="“A”: AllowedPattern"):
        read_document(text)
