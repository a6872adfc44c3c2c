"""Validation of the values of parameters."""

import pytest
from django.utils.translation import override

from catalog.schema import InvalidParametersError, Parameter, Rule, Schema
from catalog.schema.size_limits import MAX_VALUE_BYTES


def clean(parameter, value, **options):
    return (
        Schema([parameter]).clean({parameter.key: value}, **options).get(parameter.key)
    )


def refusal(parameter, value, **options):
    with pytest.raises(InvalidParametersError) as caught:
        clean(parameter, value, **options)
    [message] = caught.value.errors[parameter.key]
    return message


def optional(**members):
    return Parameter("a", required=False, **members)


NUMBER = Parameter("a", kind="number", type="number")
BOOLEAN = Parameter("a", kind="boolean", type="bool")


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), (" -2.5 ", -2.5), ("3.0", 3), ("1e3", 1000), ("007", 7), (4, 4)],
)
def test_numbers_are_read_from_text(text, value):
    assert clean(NUMBER, text) == value


@pytest.mark.parametrize(
    "text", ["x", "1,5", "0x1", "NaN", "inf", "1e999", "9" * 5000, True]
)
def test_invalid_numbers_are_refused(text):
    assert "number" in refusal(NUMBER, text)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("False", False), ("1", True), (False, False)]
)
def test_booleans_are_read_from_text(text, value):
    assert clean(BOOLEAN, text) is value


def test_invalid_booleans_are_refused():
    assert "true or false" in refusal(BOOLEAN, "yes")


@pytest.mark.parametrize(
    ("kind", "type_", "text", "value"),
    [
        ("list", ["list", "string"], '["a", 1]', ["a", "1"]),
        ("list", ["set", "number"], '["1", 1, 2]', [1, 2]),
        ("list", ["tuple", ["string", "bool"]], '["a", "true"]', ["a", True]),
        ("list", "CommaDelimitedList", "a, b,", ["a", "b"]),
        ("map", ["map", "number"], '{"x": "1"}', {"x": 1}),
        ("json", "Json", '{"x": [1]}', {"x": [1]}),
        ("json", "any", "plain text", "plain text"),
        ("json", "any", '"7"', "7"),
    ],
)
def test_complex_values_are_read_from_json_text(kind, type_, text, value):
    assert clean(Parameter("a", kind=kind, type=type_), text) == value


DISK = ["object", {"gib": "number", "tags": ["map", "string"]}, {"tags": {"t": "x"}}]


def test_optional_attributes_are_filled_and_unknown_ones_dropped():
    found = Parameter("a", kind="object", type=DISK)
    assert clean(found, '{"gib": "20", "x": 1}') == {"gib": 20}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "“gib” is missing"),
        ('{"gib": "x"}', "gib: Enter a number"),
        ("[]", "object"),
        ("{", "JSON"),
        ('{"gib": 1, "gib": 2}', "duplicated"),
        ("[" * 60_000, "50 levels"),
    ],
)
def test_invalid_object_is_refused_with_the_path(text, words):
    assert words in refusal(Parameter("a", kind="object", type=DISK), text)


def test_json_must_be_a_list_or_an_object():
    assert "list or object" in refusal(Parameter("a", kind="json", type="Json"), "3")


def test_typed_values_are_accepted():
    found = Parameter("a", kind="list", type=["list", "string"])
    assert clean(found, ["[x"], text=False) == ["[x"]
    assert "list" in refusal(found, '["x"]', text=False)


# Missing and empty


def test_missing_value_is_omitted():
    assert Schema([optional(default="x")]).clean({}) == {}


def test_default_is_not_validated():
    assert Schema([optional(default="x", allowed_values=["y"])]).clean({}) == {}
    assert clean(optional(default="x", allowed_values=["y"]), "x") == "x"


@pytest.mark.parametrize("raw", [{}, {"a": ""}, {"a": None}])
def test_a_required_value_must_be_given(raw):
    with pytest.raises(InvalidParametersError) as caught:
        Schema([Parameter("a")]).clean(raw)
    assert caught.value.errors == {"a": ["Enter a value. This field is required."]}


def test_null_default_can_stay_empty_despite_constraints():
    found = optional(nullable=True, min_length=3, allowed_values=["abc"])
    assert clean(found, "") is None


def test_cleared_text_is_empty_and_cleared_number_is_omitted():
    assert clean(optional(default="x"), "") == ""
    assert clean(optional(kind="number", type="number", default=3), " ") is None


def test_cleared_text_is_validated():
    assert "at least 1" in refusal(optional(default="x", min_length=1), "")


def test_unknown_names_are_refused():
    with pytest.raises(InvalidParametersError) as caught:
        Schema([optional()]).clean({"b": "1"})
    assert list(caught.value.errors) == ["b"]


def test_all_invalid_values_are_reported():
    schema = Schema([Parameter("a"), Parameter("b", kind="number", type="number")])
    with pytest.raises(InvalidParametersError) as caught:
        schema.clean({"b": "x"})
    assert set(caught.value.errors) == {"a", "b"}


def test_a_value_of_one_megabyte_is_refused():
    assert "64 KiB" in refusal(Parameter("a"), "x" * 1_000_000)
    assert "64 KiB" in refusal(
        Parameter("a", kind="json", type="any"), ["x" * MAX_VALUE_BYTES]
    )


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_databases_cannot_store_is_refused(text):
    assert "stored" in refusal(Parameter("a"), text)
    assert "stored" in refusal(
        Parameter("a", kind="json", type="any"), [text], text=False
    )


def test_read_only_value_is_ignored():
    assert clean(optional(default="x", read_only=True), "y") is None


# Constraints


@pytest.mark.parametrize(
    ("members", "good", "bad", "words"),
    [
        ({"allowed_values": ["a", 1, None]}, "1", "b", "from the list"),
        ({"allowed_pattern": "[a-z]+"}, "abc", "abc1", "format"),
        ({"min_length": 2}, "ab", "a", "at least 2"),
        ({"max_length": 2}, "ab", "abc", "at most 2"),
        ({"kind": "number", "allowed_values": ["1", 2.0]}, "2", "3", "from the list"),
        ({"kind": "number", "min_value": 2}, "2", "1.9", "2 or more"),
        ({"kind": "number", "max_value": 2.5}, "2.5", "3", "2.5 or less"),
        (
            {"kind": "json", "type": "Json", "max_length": 1},
            "[1]",
            "[1,2]",
            "at most 1",
        ),
        (
            {
                "kind": "list",
                "type": "CommaDelimitedList",
                "allowed_values": ["a", "b"],
            },
            "a,b",
            "a,c",
            "from the list",
        ),
    ],
)
def test_constraints_are_validated(members, good, bad, words):
    found = Parameter("a", **members)
    assert clean(found, good) is not None
    assert words in refusal(found, bad)


def test_message_of_the_template_is_preferred():
    found = Parameter("a", max_length=1, constraint_description={"en": "One letter."})
    assert refusal(found, "ab") == "One letter."


def test_message_of_the_template_is_in_the_users_language():
    words = {"en": "One letter.", "zh-cn": "一个字母"}
    found = Parameter("a", max_length=1, constraint_description=words)
    with override("zh-hans"):
        assert refusal(found, "ab") == "一个字母"


# Secrets


def test_empty_secret_keeps_the_current_one_without_validation():
    found = Parameter("a", secret=True, min_length=99)
    assert clean(found, "", current_secrets={"a": "old"}) == "old"
    assert Schema([found]).clean({}, current_secrets={"a": "old"}) == {"a": "old"}


def test_a_given_secret_replaces_the_current_one():
    assert (
        clean(Parameter("a", secret=True), "new", current_secrets={"a": "old"}) == "new"
    )


def test_a_plain_value_is_never_kept_as_a_secret():
    assert "required" in refusal(Parameter("a"), "", current_secrets={"a": "old"})


def test_split_treats_unknown_values_as_secret():
    schema = Schema([Parameter("a"), Parameter("b", secret=True)])
    assert schema.split({"a": 1, "b": 2, "c": 3}) == ({"a": 1}, {"b": 2, "c": 3})


# Rules


def different(condition=None):
    equals = {"Fn::Equals": [{"Ref": "a"}, {"Ref": "b"}]}
    assertion = {"assert": {"Fn::Not": equals}, "description": {"en": "Must differ."}}
    return Schema(
        [Parameter("a"), Parameter("b", required=False, default="x")],
        rules=[Rule("r", condition, [assertion])],
    )


def test_a_broken_rule_is_an_error_of_the_whole_form():
    with pytest.raises(InvalidParametersError) as caught:
        different().clean({"a": "x"})
    assert caught.value.errors == {"": ["Must differ."]}


def test_rule_that_holds_has_no_error():
    assert different().clean({"a": "y"}) == {"a": "y"}


def test_rule_applies_only_if_its_condition_holds():
    condition = {"Fn::Equals": [{"Ref": "b"}, "z"]}
    assert different(condition).clean({"a": "x"})


def test_undecidable_rule_is_left_to_the_engine():
    assert different({"Fn::Jq": ["x"]}).clean({"a": "x"})
