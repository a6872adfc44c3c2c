"""Conversion of request parameters by their tables."""

import pytest

from console.api.parameters import read
from console.lib.errors import DomainError
from console.lib.operation import PAGING, Parameter

PAIRS = Parameter(
    "Pairs",
    kind="list",
    most=12,
    fields=(
        Parameter("Key", required=True),
        Parameter("Value", required=True, blank=True),
    ),
)
FIRST = Parameter(
    "First",
    kind="object",
    fields=(
        Parameter("Name", required=True, most=10),
        Parameter("Active", kind="boolean"),
    ),
)


def refused_code(parameter, **sent):
    with pytest.raises(DomainError) as refusal:
        read((parameter,), {name.replace("__", "."): v for name, v in sent.items()})
    return refusal.value.code


def test_lists_are_ordered_by_number():
    sent = {}
    for number in range(1, 13):
        sent |= {f"Pairs.{number}.Key": str(number), f"Pairs.{number}.Value": "v"}
    values = read((PAIRS,), dict(sorted(sent.items())))["Pairs"]
    assert [each["Key"] for each in values] == [str(n) for n in range(1, 13)]


def test_a_list_that_was_not_sent_is_empty():
    assert read((PAIRS,), {}) == {"Pairs": []}


def test_list_numbers_can_have_gaps():
    sent = {"Pairs.7.Key": "a", "Pairs.7.Value": "b"}
    assert read((PAIRS,), sent)["Pairs"] == [{"Key": "a", "Value": "b"}]


def test_an_empty_value_is_kept():
    sent = {"Pairs.1.Key": "a", "Pairs.1.Value": ""}
    assert read((PAIRS,), sent)["Pairs"] == [{"Key": "a", "Value": ""}]


@pytest.mark.parametrize(
    "name",
    [
        "Pairs.0.Key",
        "Pairs.-1.Key",
        "Pairs.x.Key",
        "Pairs.1",
        "Pairs.1.Other",
        "Pairs.",
    ],
)
def test_unknown_fields_of_a_list_are_refused(name):
    assert refused_code(PAIRS, **{name.replace(".", "__"): "v"}) == "InvalidPairs"


def test_a_list_sent_as_a_single_value_is_refused():
    assert refused_code(PAIRS, Pairs="[]") == "InvalidPairs"


def test_required_fields_of_an_entry_are_checked():
    assert refused_code(PAIRS, Pairs__1__Key="a") == "MissingValue"


def test_the_number_of_entries_is_limited():
    sent = {f"Pairs__{n}__Key": "k" for n in range(1, 14)}
    assert refused_code(PAIRS, **sent) == "InvalidPairs"


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_booleans_come_in_any_case(text):
    assert read((Parameter("On", kind="boolean"),), {"On": text}) == {"On": True}


@pytest.mark.parametrize("text", ["", "1", "yes", "None"])
def test_other_values_than_true_and_false_are_refused(text):
    assert refused_code(Parameter("On", kind="boolean"), On=text) == "InvalidOn"


@pytest.mark.parametrize("text", ["0", "-1", "101", "1.0", "1e2", "x", "", " 1", "9" * 5000, "\u0661"])  # fmt: skip
def test_a_page_size_is_a_number_from_1_to_100(text):
    assert refused_code(PAGING[1], PageSize=text) == "InvalidPageSize"


def test_defaults_are_used():
    assert read(PAGING, {}) == {"PageNumber": 1, "PageSize": 10}


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_required_text_is_missing(text):
    assert refused_code(Parameter("Name", required=True), Name=text) == "MissingName"


def test_a_required_text_must_be_sent():
    assert refused_code(Parameter("Name", required=True)) == "MissingName"


def test_the_length_of_a_text_is_limited():
    assert refused_code(Parameter("Name"), Name="x" * 129) == "InvalidName"


def test_choices_are_case_sensitive():
    assert (
        refused_code(Parameter("Kind", choices=("Ros",)), Kind="ros") == "InvalidKind"
    )


def test_choices_can_ignore_case():
    parameter = Parameter("Kind", choices=("Product",), any_case=True)
    assert read((parameter,), {"Kind": "product"}) == {"Kind": "Product"}


def test_an_empty_choice_is_absent():
    parameter = Parameter("Kind", choices=("A", "B"), default="B")
    assert read((parameter,), {"Kind": ""}) == {"Kind": "B"}


def test_an_unknown_name_is_ignored():
    assert read((), {"RegionId": "cn-hangzhou"}) == {}


@pytest.mark.parametrize("active", ["true", '"True"', '"true"'])
def test_json_in_a_field_is_read(active):
    sent = {"First": f'{{"Name": "1.0", "Active": {active}}}'}
    assert read((FIRST,), sent) == {"First": {"Name": "1.0", "Active": True}}


def test_null_in_json_is_not_sent():
    sent = {"First": '{"Name": "1", "Active": null}'}
    assert read((FIRST,), sent) == {"First": {"Name": "1"}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"Name": "1", "Other": 1}',
        '{"Name": {"a": 1}}',
        '{"Name": "a", "Name": "b"}',
        '{"Name": NaN}',
        '{"Name": "\\ud800"}',
        '{"Name": "\\u0000"}',
        "[" * 100_000,
        '{"Name": ' + "9" * 5000 + "}",
    ],
)
def test_invalid_json_is_refused(text):
    assert refused_code(FIRST, First=text) == "InvalidFirst"


def test_missing_fields_of_json_are_named():
    assert refused_code(FIRST, First="{}") == "MissingName"


def test_the_error_names_the_path():
    with pytest.raises(DomainError, match=r"Pairs\.3\.Value"):
        read((PAIRS,), {"Pairs.3.Key": "a"})
