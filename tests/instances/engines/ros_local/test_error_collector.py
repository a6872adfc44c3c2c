"""Templates that cannot be simulated are refused with name and place."""

import pytest

from instances.engines.ros_local import problems
from tests.instances.engines.ros_local.conftest import document

VPC = {"Type": "ALIYUN::ECS::VPC"}


def vpc(**properties):
    return {"Vpc": VPC | {"Properties": properties}}


def one(value, **sections):
    """Return the only problem of a template with this output."""
    body = document({"Vpc": VPC}, Outputs={"Out": {"Value": value}}, **sections)
    [problem] = problems(body)
    assert problem.place == "Outputs.Out"
    return problem.message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Fn::GetStackOutput": ["a", "b"]}, "Fn::GetStackOutput cannot be simulated"),
        ({"Fn::FormatTime": ["a", "b"]}, "Fn::FormatTime cannot be simulated"),
        ({"Fn::MarketplaceImage": "x"}, "Fn::MarketplaceImage cannot"),
        ({"Fn::NoSuchThing": []}, "Fn::NoSuchThing cannot be simulated"),
        ({"Ref": "Nowhere"}, "Ref names Nowhere"),
        ({"Ref": ["Vpc"]}, "Ref takes the name"),
        ({"Ref": "ALIYUN::Index"}, "ALIYUN::Index is only known"),
        ({"Fn::GetAtt": ["Nowhere", "Id"]}, "Fn::GetAtt names Nowhere"),
        ({"Fn::GetAtt": "Vpc"}, "Fn::GetAtt takes a list"),
        ({"Fn::Sub": "${Nowhere}"}, "Fn::Sub names Nowhere"),
        ({"Fn::Sub": [{"Ref": "Vpc"}, {}]}, "Fn::Sub takes a text"),
        ({"Fn::Join": ["-"]}, "Fn::Join takes a list of 2 values"),
        ({"Fn::Select": ["0:5:2", []]}, "the slice 0:5:2"),
        ({"Fn::If": ["Nowhere", 1, 2]}, "There is no condition called Nowhere"),
        ({"Fn::FindInMap": ["No", "a", "b"]}, "Fn::FindInMap names the mapping No"),
        ({"Fn::Calculate": ["__import__('os')", 0]}, "Fn::Calculate cannot"),
        ({"Fn::Calculate": ["1+{3}", 0, [1]]}, "names {3}, which is not given"),
        ({"Fn::Calculate": ["1", 99]}, "decimal places"),
    ],
)
def test_unsupported_function_is_refused_by_name(value, expected):
    assert expected in one(value)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (".people | map(.age) | add", "a pipe (|) is not supported"),
        ("map(.age)", "map is not supported"),
        ("limit(3; .[])", "limit is not supported"),
        ("input", "input is not supported"),
        ("reduce .[] as $x (0; . + $x)", "reduce is not supported"),
        ('.none // "neither"', "the operator // is not supported"),
        (".count + 4", "the operator + is not supported"),
        (".count -1", "the operator - is not supported"),
        (".a > 1 and .b", "and is not supported"),
        (".a == .b == .c", "the operator == is not supported"),
        (".a?", "the operator ? is not supported"),
        (".a |= 1", "the operator |= is not supported"),
        (".a, .b", "a list of results (,) is not supported"),
        ("{name, age: .a}", "the construction of an object is not supported"),
        ("[.a, 1]", "the construction of an array is not supported"),
        (".a[1:2]", "a slice (:) is not supported"),
        (".a[:2]", "a slice (:) is not supported"),
        (".a[.b]", "a computed index is not supported"),
        (".a[1.5]", "an index that is not whole is not supported"),
        ("$ENV.HOME", "a variable ($) is not supported"),
        ("@base64", "a format (@) is not supported"),
        (".. == 1", "recursive descent (..) is not supported"),
        ('"\\(.a)"', "interpolation in a text is not supported"),
        (".a[] == 1", "an iteration in a condition or comparison is not supported"),
        ("if .[] then 1 end", "an iteration in a condition or comparison"),
    ],
)
def test_unsupported_jq_construct_is_refused_by_name(program, expected):
    message = one({"Fn::Jq": ["First", program, {}]})
    assert message.startswith(f"Fn::Jq cannot be simulated: {expected}")
    assert "only paths, if and comparisons" in message


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("", "ends too early"),
        ("if .a then 1", "ends too early"),
        (".a[", "ends too early"),
        (".a == ", "ends too early"),
        ("if .a else 1 end", "else is not expected there"),
        (".a]", "] is not expected there"),
        (".a .", "ends too early"),
        ("1 .a", ".a is not expected there"),
        (".a 1", "1 is not expected there"),
        (".a #", "cannot read"),
        ('"\\x"', "cannot read"),
        ('."a', "cannot read"),
        ("." * 3000, "too long"),
        ("(" * 900 + "." + ")" * 900, "nested too deeply"),
        (["."], "must be written in the template"),
    ],
)
def test_malformed_jq_program_is_refused(program, expected):
    message = one({"Fn::Jq": ["First", program, {}]})
    assert message.startswith("Fn::Jq cannot be simulated: ")
    assert expected in message


def test_jq_takes_first_or_all():
    assert "First or All" in one({"Fn::Jq": ["Second", ".", {}]})


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"Type": ""}, "must have a Type"),
        ("text", "must have a Type"),
        (VPC | {"Properties": []}, None),
        (VPC | {"Properties": "x"}, "Properties of a resource must have names"),
        (VPC | {"DependsOn": "Nowhere"}, "DependsOn names Nowhere"),
        (VPC | {"DependsOn": [["x"]]}, "DependsOn must contain names"),
        (VPC | {"Condition": "Nowhere"}, "no condition called Nowhere"),
        (VPC | {"Count": 100000}, "Count must be a number from 0 to 300"),
        (
            {"Type": "ALIYUN::ROS::Stack", "Properties": {"TemplateURL": "http://x/"}},
            "only with a TemplateBody",
        ),
        (
            {"Type": "ALIYUN::ROS::Stack", "Properties": {"TemplateBody": "a: b"}},
            "must be an object or JSON",
        ),
    ],
)
def test_malformed_resource_is_refused_with_its_place(resource, expected):
    found = problems(document({"Thing": resource}))
    assert [
        (p.place.startswith("Resources.Thing"), expected in p.message) for p in found
    ] == ([(True, True)] if expected else [])


def test_all_problems_are_returned():
    body = document(
        vpc(A={"Ref": "X"}) | {"B": VPC | {"Properties": {"B": {"Ref": "Y"}}}}
    )
    assert [str(each) for each in problems(body)] == [
        "Resources.Vpc: Ref names X, which is not in the template.",
        "Resources.B: Ref names Y, which is not in the template.",
    ]


def test_problem_of_a_nested_stack_has_its_place():
    inner = document(vpc(A={"Ref": "X"}))
    stack = {"Type": "ALIYUN::ROS::Stack", "Properties": {"TemplateBody": inner}}
    [problem] = problems(document({"Inner": stack}))
    assert problem.place == "Resources.Inner.TemplateBody.Resources.Vpc"


def test_stacks_nested_too_deeply_are_refused():
    body = document(vpc())
    for _ in range(9):
        stack = {"Type": "ALIYUN::ROS::Stack", "Properties": {"TemplateBody": body}}
        body = document({"Inner": stack})
    assert "nested 5 levels deep" in problems(body)[0].message


def test_circular_resources_are_refused():
    body = document(
        {
            "A": VPC | {"Properties": {"Other": {"Ref": "B"}}},
            "B": VPC | {"DependsOn": "A"},
        }
    )
    [problem] = problems(body)
    assert (
        problem.message == "Circular dependency: resource A → resource B → resource A."
    )


def test_circular_conditions_are_refused():
    conditions = {"A": {"Fn::Not": ["B"]}, "B": {"Fn::Not": ["A"]}}
    assert "Circular" in problems(document(vpc(), Conditions=conditions))[0].message


def test_condition_that_depends_on_a_resource_is_refused():
    conditions = {"A": {"Fn::Equals": [{"Ref": "Vpc"}, "x"]}}
    [problem] = problems(document(vpc(), Conditions=conditions))
    assert str(problem) == (
        "Conditions.A: A condition may not depend on the resource Vpc."
    )


def test_transform_is_refused():
    [problem] = problems(document(vpc(), Transform="Aliyun::Serverless-2018-04-03"))
    assert problem.place == "Transform"


def test_local_value_that_queries_the_cloud_is_refused():
    locals_ = {"Zones": {"Type": "DATASOURCE::ECS::Zones", "Properties": {}}}
    assert problems(document(vpc(), Locals=locals_))[0].place == "Locals.Zones"
