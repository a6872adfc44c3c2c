"""Each function of ROS returns the value that the vendor documents."""

import pytest

from tests.instances.engines.ros_local.conftest import document

pytestmark = pytest.mark.engine

PARAMETERS = {
    "Text": {"Type": "String", "Default": "a-b-c"},
    "Number": {"Type": "Number", "Default": 5},
    "Flag": {"Type": "Boolean", "Default": True},
    "Things": {"Type": "CommaDelimitedList", "Default": "x,y,z"},
    "Data": {"Type": "Json", "Default": {"k": ["v1", "v2"], "n": {"m": 1}}},
    "Empty": {"Type": "String", "Default": None},
}
SECTIONS = {
    "Parameters": PARAMETERS,
    "Mappings": {"Images": {"cn-hangzhou": {"64": "m-1"}, "x": {"64": "${x}"}}},
    "Conditions": {
        "Yes": {"Fn::Equals": [{"Ref": "Flag"}, True]},
        "No": {"Fn::Not": ["Yes"]},
    },
    "Locals": {"Greeting": {"Value": {"Fn::Sub": "hello ${Text}"}}},
}
PEOPLE = [{"name": "Ann", "age": 31, "in": True}, {"name": "Bo", "age": 27}]
DATA = {"people": PEOPLE, "count": 2, "none": None, "a b": {"c": [1, 2, 3]}}


def fn(name, *given):
    return {f"Fn::{name}": list(given)}


def jq(script, source=DATA, method="First"):
    return fn("Jq", method, script, source)


CASES = {
    "ref text": ({"Ref": "Text"}, "a-b-c"),
    "ref number": ({"Ref": "Number"}, 5),
    "ref flag": ({"Ref": "Flag"}, True),
    "ref list": ({"Ref": "Things"}, ["x", "y", "z"]),
    "ref json": ({"Ref": "Data"}, {"k": ["v1", "v2"], "n": {"m": 1}}),
    "ref local": ({"Ref": "Greeting"}, "hello a-b-c"),
    "ref region": ({"Ref": "ALIYUN::Region"}, "cn-hangzhou"),
    "ref stack name": ({"Ref": "ALIYUN::StackName"}, "sc-1466-pp-1"),
    "ref account": ({"Ref": "ALIYUN::AccountId"}, "1466115886171234"),
    "join": (fn("Join", "-", ["a", 1, True, None]), "a-1-true"),
    "join a list": (fn("Join", ",", {"Ref": "Things"}), "x,y,z"),
    "join an object": (fn("Join", "", ["v=", {"a": 1}]), 'v={"a":1}'),
    "join drops nothing": (fn("Join", ",", ["a", {"Ref": "ALIYUN::NoValue"}]), "a"),
    "sub": ({"Fn::Sub": "${Text}:${Number}:${ALIYUN::Region}"}, "a-b-c:5:cn-hangzhou"),
    "sub given": (fn("Sub", "${A}-${Text}", {"A": {"Ref": "Number"}}), "5-a-b-c"),
    "sub literal": ({"Fn::Sub": "${!Text} $Text"}, "${Text} $Text"),
    "sub after a dollar": ({"Fn::Sub": "$${Number} %${Flag}{"}, "$5 %true{"),
    "join dollars": (fn("Join", "", ["$", "{a}", "%", {"Ref": "Number"}]), "${a}%5"),
    "join numbers": (
        fn("Join", "-", [{"Ref": "Number"}, {"Ref": "Empty"}, 1.5]),
        "5-1.5",
    ),
    "if or nothing": (fn("If", "No", "a", {"Ref": "ALIYUN::NoValue"}), None),
    "if numbers": (fn("If", "Yes", 5, 0), 5),
    "if texts": (fn("If", "No", {"Ref": "Text"}, {"Fn::Sub": "${Number}"}), "5"),
    "sub empty": ({"Fn::Sub": "<${Empty}>"}, "<>"),
    "select": (fn("Select", "1", ["a", "b"]), "b"),
    "select from the end": (fn("Select", -1, ["a", "b"]), "b"),
    "select beyond": (fn("Select", 9, ["a"]), ""),
    "select default": (fn("Select", 9, ["a"], "none"), "none"),
    "select key": (fn("Select", "k", {"k": "v"}), "v"),
    "select slice": (fn("Select", "1:", ["a", "b", "c"]), ["b", "c"]),
    "select inner slice": (fn("Select", "0:-1", ["a", "b", "c"]), ["a", "b"]),
    "select slice beyond": (fn("Select", "5:9", ["a"]), []),
    "split": (fn("Split", "-", {"Ref": "Text"}), ["a", "b", "c"]),
    "replace": (fn("Replace", {"b": "X", "/c/": "-"}, "a/b/c/"), "a/X-"),
    "replace slashes": (fn("Replace", {"/a/": "-"}, "a /a/ b"), "a - b"),
    "if yes": (fn("If", "Yes", "a", "b"), "a"),
    "if no": (fn("If", "No", "a", ["b"]), ["b"]),
    "if unlike": (fn("If", "Yes", {"a": 1}, ["b"]), {"a": 1}),
    "if lazy": (fn("If", "Yes", 1, fn("FindInMap", "Images", "none", "64")), 1),
    "equals": (fn("Equals", 1, "1"), True),
    "and": (fn("And", "Yes", "No"), False),
    "or": (fn("Or", "Yes", "No"), True),
    "not": (fn("Not", "No"), True),
    "any": ({"Fn::Any": [False, "true"]}, True),
    "find": (fn("FindInMap", "Images", {"Ref": "ALIYUN::Region"}, 64), "m-1"),
    "find literal": (fn("FindInMap", "Images", "x", "64"), "${x}"),
    "find default": (fn("FindInMap", "Images", "q", "64", "d"), "d"),
    "zones": (fn("Select", 0, {"Fn::GetAZs": "cn-beijing"}), "cn-beijing-a"),
    "encode": ({"Fn::Base64Encode": "hi"}, "aGk="),
    "decode": ({"Fn::Base64Decode": "aGk="}, "hi"),
    "str": ({"Fn::Str": 5}, "5"),
    "indent": (fn("Indent", "a\nb", 1), "a\n  b"),
    "index": (fn("Index", "y", {"Ref": "Things"}), 1),
    "index of nothing": (fn("If", "Yes", fn("Index", "q", ["a"]), 1), None),
    "length": ({"Fn::Length": {"Ref": "Things"}}, 3),
    "list merge": (fn("ListMerge", ["a"], {"Ref": "Things"}), ["a", "x", "y", "z"]),
    "json value": (fn("GetJsonValue", "a", '{"a": [1]}'), [1]),
    "json value of nothing": (fn("GetJsonValue", "b", "{}"), ""),
    "merge map": (fn("MergeMap", {"a": 1, "b": 1}, {"b": 2}), {"a": 1, "b": 2}),
    "merge to list": (
        fn("MergeMapToList", {"a": [1, 2]}, {"b": ["x"]}),
        [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}],
    ),
    "select map list": (fn("SelectMapList", "a", [{"a": 1}, {"b": 2}]), [1]),
    "add numbers": (fn("Add", 1, 2, "3"), 6),
    "add lists": (fn("Add", [1], ["a"]), [1, "a"]),
    "add objects": (fn("Add", {"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
    "average": (fn("Avg", 1, [1, 2, 6.0]), 3),
    "average rounded": (fn("Avg", 2, [1, 1, 2]), 1.33),
    "max": ({"Fn::Max": [1, "7", 3]}, 7),
    "min": ({"Fn::Min": [4, 2]}, 2),
    "calculate whole": (fn("Calculate", "(2+3)/2*3-1", 1), 5),
    "calculate": (fn("Calculate", "(2.0+3)/2*3-1", 1), 6.5),
    "calculate given": (fn("Calculate", "({1}+3)/2*3-1", 1, [3, 5, 6]), 11),
    "calculate rest": (fn("Calculate", "({0}+{1})%3", 0, [5, {"Ref": "Number"}]), 1),
    "calculate minus": (fn("Calculate", "-(2 - 5) * -1"), -3),
    "contains": (fn("Contains", {"Ref": "Things"}, "y"), True),
    "each member in": (fn("EachMemberIn", ["x"], {"Ref": "Things"}), True),
    "match": (fn("MatchPattern", "^a-", {"Ref": "Text"}), True),
    "jq path": (jq(".people[0].name"), "Ann"),
    "jq of text": (jq(".a", '{"a": 1}'), 1),
    "jq quoted": (jq('."a b".c[-1]'), 3),
    "jq missing": (fn("If", "Yes", jq(".x.y[3]"), 0), None),
    "jq all": (jq(".people[].name", method="All"), ["Ann", "Bo"]),
    "jq first of many": (jq(".people[].name"), "Ann"),
    "jq nested iterations": (jq('."a b"[][]', method="All"), [1, 2, 3]),
    "jq values of an object": (jq(".[]", {"a": 1, "b": 2}, "All"), [1, 2]),
    "jq items of a number": (jq(".count[]", method="All"), []),
    "jq if": (jq('if .count == 2 then "two" elif .none then 1 else 0 end'), "two"),
    "jq elif": (jq("if .none then 1 elif .count then [] else 0 end"), []),
    "jq if without else": (jq("if .a then 1 end", {"a": False}), {"a": False}),
    "jq if of many": (
        jq("if .count > 1 then .people[].age end", method="All"),
        [31, 27],
    ),
    "jq path behind if": (jq("(if .none then . else .people end)[1].name"), "Bo"),
    "jq list is not empty": (jq("if .people != [] then .people[0].age end"), 31),
    "jq list is empty": (
        jq('if .l == [] then "none" else .l[0] end', {"l": []}),
        "none",
    ),
    "jq whole value": (jq(".", {"a": [None, -1.5]}), {"a": [None, -1.5]}),
    "jq constant": (jq("-1.5"), -1.5),
    **{
        f"jq {program}": (jq(program), expected)
        for program, expected in {
            "10 > 9": True,
            "-2 >= -2": True,
            '"10" < "9"': True,
            '"b" <= "a"': False,
            "null < false": True,
            "true < 0": True,
            '1 < "0"': True,
            '"z" < []': True,
            "[] > {}": False,
            ".count != 2": False,
            ".none == null": True,
            ".people[0] == .people[1]": False,
            "(.count == 2) == true": True,
        }.items()
    },
}


@pytest.fixture(scope="module")
def computed():
    """The results of all cases by name, from one run of Terraform."""
    return {}


@pytest.fixture
def results(computed, outputs):
    if not computed:
        values = {name: value for name, (value, _) in CASES.items()}
        computed |= outputs(values, **SECTIONS)
    return computed


@pytest.mark.parametrize("name", CASES)
def test_function_returns_the_documented_value(name, results):
    assert results.get(name) == CASES[name][1]


def test_failed_rule_stops_the_run(engine, run):
    rule = {
        "RuleCondition": {"Fn::Equals": [{"Ref": "Kind"}, "strict"]},
        "Assertions": [
            {
                "Assert": {"Fn::Not": [{"Fn::Equals": [{"Ref": "A"}, {"Ref": "B"}]}]},
                "AssertDescription": "The zones must differ",
            }
        ],
    }
    body = document(
        {"Vpc": {"Type": "ALIYUN::ECS::VPC"}},
        Parameters={name: {"Type": "String"} for name in ("Kind", "A", "B")},
        Rules={"Zones": rule},
    )
    same = {"A": "a", "B": "a"}
    run("plan", body, parameters={"Kind": "lax", **same})
    refused = run("plan", body, parameters={"Kind": "strict", **same}, ok=False)
    assert "The zones must differ" in engine.outcome(refused).message
