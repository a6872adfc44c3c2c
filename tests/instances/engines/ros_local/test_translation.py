"""Hostile templates cannot add code to their translation."""

import copy
import random
import re

import pytest

from catalog.models.trusted import example_files
from catalog.schema.safe_parsing import read_yaml
from instances.engines.ros_local import problems, translate
from instances.engines.ros_local.functions import FUNCTIONS
from instances.engines.ros_local.translation import Translation
from tests.instances.engines.ros_local.conftest import document

TEXTS = {
    "interpolation": "${terraform.workspace}",
    "escaped": "$${x} $$${y} %%{z}",
    "directive": "%{ if true }yes%{ endif }",
    "reading": '${file("/etc/passwd")}',
    "quotes": '"} ${1+1} {"',
    "backslashes": '\\ \\\\ \\" \\${x} \\n',
    "controls": "\x01\x08\x0c\t\r\n\x1f\x7f",
    "other planes": "𝕏 \u2028 é 中",
    "heredoc": "<<EOT\n${1}\nEOT\n",
    "long": "x" * 60_000,
}


@pytest.mark.engine
def test_text_is_passed_unchanged(outputs):
    assert outputs(TEXTS) == TEXTS


@pytest.mark.engine
def test_text_in_functions_is_passed_unchanged(outputs):
    sections = {"Mappings": {"M": {"a": dict(TEXTS)}}}
    values = {name: {"Fn::FindInMap": ["M", "a", name]} for name in TEXTS}
    joined = {
        f"{name} too": {"Fn::Join": ["", [text, ""]]} for name, text in TEXTS.items()
    }
    keys = {f"{name} key": {text: {text: 1}} for name, text in TEXTS.items()}
    subbed = {"sub": {"Fn::Sub": ['${a}${!x} %{y} "', {"a": "${b}"}]}}
    found = outputs(values | joined | keys | subbed, **sections)
    assert {name: found[name] for name in TEXTS} == TEXTS
    assert {name: found[f"{name} too"] for name in TEXTS} == TEXTS
    assert [*found["quotes key"]] == [TEXTS["quotes"]]
    assert found["sub"] == '${b}${x} %{y} "'


@pytest.mark.engine
def test_names_may_be_anything(engine, run):
    names = [
        "count",
        "a b",
        'x"}',
        "${x}",
        "provider",
        "é",
        "a.b",
        "n" * 200,
        "for_each",
    ]
    body = document(
        {name: {"Type": "ALIYUN::ECS::VPC", "Properties": {name: 1}} for name in names},
        Parameters={name + "p": {"Type": "String", "Default": "d"} for name in names},
        Conditions={name + "c": {"Fn::Equals": [1, 1]} for name in names},
        Outputs={name: {"Value": {"Ref": name + "p"}} for name in names},
    )
    state = engine.state(run("apply", body))
    assert sorted(each.address for each in state.resources) == sorted(names)
    assert {each.key: each.value for each in state.outputs} == dict.fromkeys(names, "d")


@pytest.mark.engine
def test_sleep_passes_only_a_number_to_its_program(engine, run):
    sleep = {
        "Type": "ALIYUN::ROS::Sleep",
        "Properties": {"CreateDuration": "0; touch hacked", "DeleteDuration": "-1"},
    }
    directory = run("apply", document({"Pause": sleep}))
    assert not [*directory.rglob("hacked")]


def test_template_cannot_add_blocks_of_terraform():
    thing = {
        "Type": "ALIYUN::ECS::VPC",
        "Properties": {"provisioner": {"local-exec": {"command": "id"}}},
        "provisioner": {"local-exec": {"command": "id"}},
        "lifecycle": {},
    }
    body = document({"Vpc": thing}, terraform={"backend": {}}, data={"http": {}})
    made = Translation(body).configuration
    assert (made.locals, made.modules, made.outputs) == ({}, {}, {})
    assert set(made.resources) == {"Vpc"}
    assert set(made.resources["Vpc"]) == {"input", "triggers_replace"}
    headers = re.findall(r"^(\S+)(?: \S+)* \{$", made.text, re.M)
    assert set(headers) == {"resource", "variable"}


def test_deep_nesting_does_not_grow_exponentially():
    value = "x"
    for _ in range(12):
        value = {"Fn::Join": ["", [{"Fn::If": ["C", value, {"Fn::Select": [0, [1]]}]}]]}
    body = document(
        Conditions={"C": {"Fn::Equals": [1, 1]}}, Outputs={"O": {"Value": value}}
    )
    files, _ = translate(body)
    assert len(files["main.tf"]) < 12_000


def test_jq_program_of_brackets_is_refused():
    value = {"Fn::Jq": ["First", "(" * 900 + "." + ")" * 900, {}]}
    assert problems(document(Outputs={"O": {"Value": value}}))


def test_formula_of_brackets_is_refused():
    value = {"Fn::Calculate": ["(" * 9000 + "1" + ")" * 9000, 0]}
    assert problems(document(Outputs={"O": {"Value": value}}))


@pytest.mark.engine
def test_count_from_a_parameter_is_limited(engine, run):
    body = document(
        {"Vpc": {"Type": "ALIYUN::ECS::VPC", "Count": {"Ref": "Many"}}},
        Parameters={"Many": {"Type": "Number"}},
    )
    failed = run("plan", body, parameters={"Many": 1_000_000_000}, ok=False)
    assert "Count is over 300" in engine.outcome(failed).message


@pytest.mark.parametrize("section", ["Resources", "Parameters", "Outputs", "Locals"])
@pytest.mark.parametrize("value", [[], "x", 1, {"a": None}, {"a": []}, {1: {"b": 2}}])
def test_malformed_section_does_not_crash(section, value):
    problems({"ROSTemplateFormatVersion": "2015-09-01", section: value})


JUNK = [
    None,
    [],
    {},
    "",
    -1,
    10**400,
    True,
    ["x"],
    {1: 2},
    {"Ref": ["a"]},
    "x[0]",
    "${",
]


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from places(inner, (*path, key))


def spoiled(body, chance):
    """Return a template with a few parts replaced by others at random."""
    body = copy.deepcopy(body)
    for _ in range(chance.randint(1, 5)):
        found = [path for path in places(body) if path]
        if not found:
            break
        *above, last = chance.choice(found)
        part = body
        for key in above:
            part = part[key]
        name, argument = chance.choice([*FUNCTIONS]), copy.deepcopy(chance.choice(JUNK))
        part[last] = chance.choice([argument, {name: argument}, {name: [argument]}])
    return body


def test_randomly_changed_template_does_not_crash():
    body = read_yaml(example_files("ros-web-stack")["template.yaml"])
    for seed in range(400):
        problems(spoiled(body, random.Random(seed)))
