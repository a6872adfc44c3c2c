"""Choices of a parameter if a portfolio allows fewer than the template."""

import pytest

from catalog.forms.parameters import parameter_form
from catalog.schema import Parameter, Schema
from tests.form_fields import shown

SIZES = Parameter("a", required=False, default="m", allowed_values=["s", "m", "l"])


def narrowed_form(parameter, allowed, **options):
    return parameter_form(Schema([parameter]), allowed={"a": allowed}, **options)


def choices(form):
    return [value for value, _label in form["a"].field.widget.choices]


@pytest.mark.parametrize(
    ("parameter", "allowed", "offered"),
    [
        (SIZES, ["l", "m", "xl"], ["m", "l"]),
        (SIZES, ["s"], ["", "s"]),
        (Parameter("a"), ["x", "y"], ["", "x", "y"]),
        (Parameter("a", required=False, default="x"), ["y", "x"], ["y", "x"]),
        (Parameter("a", kind="number", type="number"), ["20", "40"], ["", "20", "40"]),
        (Parameter("a", kind="boolean", type="bool"), ["true"], ["", "true"]),
        (SIZES, [], [""]),
    ],
)
def test_only_allowed_values_are_offered(parameter, allowed, offered):
    assert choices(narrowed_form(parameter, allowed)) == offered


def test_default_that_is_not_allowed_is_dropped():
    form = narrowed_form(SIZES, ["s"])
    assert shown(form)["parameters-a"] == ""
    refused = narrowed_form(SIZES, ["s"], data=shown(form))
    assert refused.errors == {"a": ["Enter a value. This field is required."]}
    chosen = narrowed_form(SIZES, ["s"], data={"parameters-a": "s"})
    assert chosen.is_valid()
    assert chosen.cleaned_values() == {"a": "s"}


@pytest.mark.parametrize("allowed", [{}, {"a": ["s", "m"]}])
def test_stored_value_that_is_no_longer_allowed_must_be_replaced(allowed):
    stored = {"a": "xl"}
    form = parameter_form(Schema([SIZES]), allowed=allowed, initial=stored)
    assert shown(form)["parameters-a"] == ""
    assert "xl is no longer available" in form["a"].help_text
    sent = parameter_form(
        Schema([SIZES]), allowed=allowed, initial=stored, data=shown(form)
    )
    assert not sent.is_valid()


def test_cells_of_a_list_offer_the_allowed_values():
    found = Parameter("a", kind="list", type=["list", "string"])
    control = str(narrowed_form(found, ["x", "y"])["a"])
    assert control.count("<option") == 3


@pytest.mark.parametrize("members", [{"secret": True}, {"kind": "json", "type": "any"}])
def test_secrets_and_free_values_stay_text_inputs(members):
    assert "<select" not in str(narrowed_form(Parameter("a", **members), ["x"])["a"])
