"""AllowedPattern: match of the whole value, with lookaheads at the start."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.schema.patterns import InvalidPatternError, Pattern

PASSWORD = r"^(?=.*[A-Z])(?=.*[a-z])(?=.*\d)(?=.*[!@#$%^&*()_+\-=]).{8,32}$"
EITHER = r"^(?=.*[a-z])((?=.*[!@#\)\-])|(?=.*[_\.,]))[a-zA-Z0-9!@#\)\-_\.,]{4,12}$"
NAME = r"^(?!admin\b|root\b)([a-z][a-z0-9_-]{0,62}[a-z0-9])$"


def test_the_whole_value_must_match_even_without_anchors():
    assert Pattern("[a-z]+").matches("abc")
    assert not Pattern("[a-z]+").matches("abc1")
    assert not Pattern("^a|b").matches("ax")


@pytest.mark.parametrize("source", [PASSWORD, EITHER, NAME, r"(?!x)a|b", r"^a.c$"])
@given(value=st.text(alphabet="aAbc1xrotdmin!-_.,)", max_size=14))
def test_results_equal_those_of_a_backtracking_engine(source, value):
    if source == r"(?!x)a|b":
        # Not a conjunction: refused rather than read wrongly.
        with pytest.raises(InvalidPatternError):
            Pattern(source)
    else:
        assert Pattern(source).matches(value) == bool(re.fullmatch(source, value))


@pytest.mark.parametrize("value", ["Aa1!aaaa", "admin", "root2", "aa_a", "aaaa", "ab"])
@pytest.mark.parametrize("source", [PASSWORD, EITHER, NAME])
def test_results_for_typical_values_equal_those_of_a_backtracking_engine(source, value):
    assert Pattern(source).matches(value) == bool(re.fullmatch(source, value))


def test_escapes_of_other_engines_are_accepted():
    assert Pattern(r"[\u4e00-\u9fa5]+\‘").matches("中文‘")


@pytest.mark.parametrize(
    "source",
    [
        r"(a)\1",
        r"a(?=b)",
        r"(?<=a)b",
        r"(?=a)*b",
        r"(",
        r"((a{100}){100}){100}",
        "a" * 20_000,
        "(?=a)" * 3000,
        "(?=(" * 3000,
    ],
)
def test_features_that_re2_lacks_are_refused(source):
    with pytest.raises(InvalidPatternError):
        Pattern(source)


@pytest.mark.parametrize("source", [r"^(a+)+$", r"^(?=(a+)+$)(a|a)*$", r"(a|aa)+"])
def test_a_catastrophic_pattern_is_harmless(source):
    assert not Pattern(source).matches("a" * 100_000 + "!")
