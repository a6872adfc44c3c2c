"""JSON with exact numbers."""

import copy
import pickle

import pytest

from console.lib.exact import Exact, decimal_text, dumps, exact, loads

DIGITS = "123456789.123456789"


@pytest.mark.parametrize(
    "text",
    [DIGITS, "-" + DIGITS, "0.1", "1.5", "12345678901234567890", '{"a": [1, "1"]}'],
)
def test_a_number_is_written_as_it_was_read(text):
    assert dumps(loads(text)) == text


def test_most_numbers_are_floats():
    assert type(exact("0.1")) is float
    assert type(exact("1e21")) is float
    assert type(exact(DIGITS)) is Exact
    assert exact("12345678901234567890.0") == 12345678901234567890


def test_equal_digits_are_equal_numbers():
    assert exact(DIGITS) == exact(DIGITS + "0")
    assert exact(DIGITS) != exact(DIGITS + "1")
    assert exact(DIGITS) != float(DIGITS)
    assert hash(exact(DIGITS)) == hash(exact(DIGITS + "0"))


@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_a_copy_keeps_the_digits(again):
    assert again(exact(DIGITS)) == exact(DIGITS)


@pytest.mark.parametrize(
    ("number", "text"),
    [(1e-05, "0.00001"), (1e21, "1" + "0" * 21), (2.0, "2"), (7, "7")],
)
def test_decimal_text_has_no_exponent(number, text):
    assert decimal_text(number) == text


def test_options_of_json_are_used():
    value = {"b": exact(DIGITS), "a": "é"}
    assert dumps(value, sort_keys=True, ensure_ascii=False) == (
        f'{{"a": "é", "b": {DIGITS}}}'
    )
