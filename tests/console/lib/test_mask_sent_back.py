"""Masks that are submitted again, also inside lists and maps."""

import pytest

from console.lib.masking import (
    MASK,
    NothingKeptError,
    holds_mask,
    is_mask,
    unmasked,
)
from instances.engines import base


def test_the_engines_use_the_same_mask():
    assert base.MASK == MASK


@pytest.mark.parametrize("value", [MASK, f" {MASK}\n"])
def test_the_mask_is_recognized(value):
    assert is_mask(value)
    assert holds_mask([{"a": value}])


@pytest.mark.parametrize("value", ["*****", "*******", "x******", "", None, 6, True])
def test_a_text_similar_to_the_mask_is_a_value(value):
    assert not is_mask(value)
    assert unmasked(value, "kept") == value


@pytest.mark.parametrize(
    ("given", "kept", "value"),
    [
        (MASK, "s3cret", "s3cret"),
        (MASK, ["a", "b"], ["a", "b"]),
        ({"user": "new", "key": MASK}, {"key": "k"}, {"user": "new", "key": "k"}),
        (["new", MASK], ["a", "b"], ["new", "b"]),
        ([{"key": MASK}, 1], [{"key": "k"}, 2], [{"key": "k"}, 1]),
    ],
)
def test_masks_are_replaced_by_the_values_at_their_place(given, kept, value):
    assert unmasked(given, kept) == value


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"key": MASK}, {"other": "k"}),
        ({"key": MASK}, "text"),
        ([MASK, MASK], ["a"]),
        ([MASK], {"key": "k"}),
    ],
)
def test_a_mask_without_a_stored_value_is_refused(given, kept):
    with pytest.raises(NothingKeptError):
        unmasked(given, kept)
