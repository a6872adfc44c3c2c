"""Visible conditions of parameters."""

import pytest

from catalog.schema import Parameter, Schema, visible


def schema(condition, **members):
    return Schema(
        [
            Parameter("Pay", required=False, default="PostPaid"),
            Parameter("Other", required=False, nullable=True),
            Parameter("Period", visible={"Condition": condition}, **members),
        ]
    )


def shows(condition, **values):
    return "Period" in visible(schema(condition).parameters, values)


@pytest.mark.parametrize(
    ("condition", "values", "shown"),
    [
        ({"Fn::Equals": ["${Pay}", "PrePaid"]}, {}, False),
        ({"Fn::Equals": ["${Pay}", "PrePaid"]}, {"Pay": "PrePaid"}, True),
        ({"Fn::Equals": ["${Other}", "undefined"]}, {}, True),
        ({"Fn::Equals": ["${Missing}", "undefined"]}, {}, True),
        ({"Fn::Not": {"Fn::Equals": ["${Pay}", "PostPaid"]}}, {}, False),
        ({"Fn::Not": [{"Fn::Equals": ["${Pay}", "PostPaid"]}]}, {}, False),
        (
            {
                "Fn::Or": [
                    {"Fn::Equals": ["${Pay}", "x"]},
                    {"Fn::Equals": ["${Other}", "y"]},
                ]
            },
            {"Other": "y"},
            True,
        ),
        (
            {
                "Fn::And": [
                    {"Fn::Equals": ["${Pay}", "PostPaid"]},
                    {"Fn::Equals": ["${Other}", "y"]},
                ]
            },
            {},
            False,
        ),
        ({"Fn::Contains": [["a", "b"], "${Other}"]}, {"Other": "b"}, True),
        ({"Fn::Equals": ["${!Pay}", "${!Pay}"]}, {}, True),
        ({"Fn::Equals": ["x-${Pay}", "x-PostPaid"]}, {}, True),
        ({"Fn::Equals": ["Pay", "PostPaid"]}, {}, True),
        ({"Fn::Equals": ["${Other}", True]}, {"Other": "true"}, True),
    ],
)
def test_condition_uses_values_and_defaults(condition, values, shown):
    assert shows(condition, **values) is shown


@pytest.mark.parametrize(
    "condition",
    [None, "x", 3, [], {}, {"Fn::Jq": [1]}, {"Fn::Equals": [1]}, {"Fn::Not": "x"}],
)
def test_undecidable_condition_hides_nothing(condition):
    assert shows(condition)


def test_a_hidden_parameter_counts_with_its_default():
    equals = {"Fn::Equals": ["${Period}", "x"]}
    chained = Schema(
        [
            *schema({"Fn::Equals": ["${Pay}", "PrePaid"]}).parameters,
            Parameter("Unit", visible={"Condition": equals}),
        ]
    )
    assert "Unit" not in visible(chained.parameters, {"Period": "x"})
    assert "Unit" in visible(chained.parameters, {"Period": "x", "Pay": "PrePaid"})


def test_circular_conditions_terminate():
    circle = Schema(
        [
            Parameter("A", visible={"Fn::Equals": ["${B}", "undefined"]}),
            Parameter("B", visible={"Fn::Equals": ["${A}", "undefined"]}),
        ]
    )
    assert visible(circle.parameters, {"A": "1", "B": "2"}) <= {"A", "B"}


HIDDEN = {"Fn::Equals": ["${Pay}", "PrePaid"]}


def test_hidden_parameter_is_neither_validated_nor_sent():
    found = schema(HIDDEN, required=False, default="m", min_length=9)
    assert "Period" not in found.clean({"Period": "bad"})


def test_a_hidden_parameter_without_default_is_not_sent():
    assert "Period" not in schema(HIDDEN).clean({"Period": "x"})


def test_visible_parameter_is_validated():
    assert schema(HIDDEN).clean({"Pay": "PrePaid", "Period": "1"})["Period"] == "1"
