"""Secrets on the form: write-only, kept when left empty."""

import pytest

from catalog.forms.parameters import parameter_form
from catalog.schema import Parameter, Rule, Schema
from tests.catalog.forms.test_parameters import form_of, html, posted


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"multiline": True},
        {"kind": "json", "type": "Json"},
        {"allowed_values": ["s3cret"]},
    ],
)
def test_a_secret_is_never_shown(members):
    found = Parameter("a", secret=True, required=False, default="s3cret", **members)
    shown = form_of(found, initial={"a": "s3cret"})
    wrong = form_of(found, Parameter("b"), data=posted(a="s3cret"))
    assert not wrong.is_valid()
    assert "s3cret" not in html(shown, "a") + html(wrong, "a")


def test_an_empty_secret_keeps_the_old_one():
    found = Parameter("a", secret=True)
    form = form_of(found, data=posted(a=""), secrets_kept=frozenset({"a"}))
    assert form.is_valid()
    assert form.cleaned_values() == {}
    assert "Leave this field empty" in form["a"].help_text
    assert not form["a"].field.required


def test_new_secret_replaces_the_old_one():
    found = Parameter("a", secret=True)
    form = form_of(found, data=posted(a="new"), secrets_kept=frozenset({"a"}))
    assert form.is_valid()
    assert form.cleaned_values() == {"a": "new"}


def test_default_of_a_secret_applies_to_an_empty_field():
    found = Parameter("a", secret=True, required=False, default="s3cret", min_length=3)
    form = form_of(found, data=posted(a=""))
    assert form.is_valid()
    assert form.cleaned_values() == {}


def test_a_new_secret_must_be_given():
    assert not form_of(Parameter("a", secret=True), data=posted(a="")).is_valid()


def test_rule_on_a_kept_secret_is_not_evaluated():
    equals = {"Fn::Equals": [{"Ref": "a"}, "x"]}
    rule = Rule("r", None, [{"assert": equals, "description": {}}])
    schema = Schema([Parameter("a", secret=True)], rules=[rule])
    form = parameter_form(schema, data=posted(), secrets_kept=frozenset({"a"}))
    assert form.is_valid()


def test_a_confirmed_secret_is_entered_twice():
    found = Parameter("a", secret=True, confirm=True)
    good = form_of(found, data={"parameters-a": "x", "parameters-a:confirm": "x"})
    assert good.is_valid()
    assert good.cleaned_values() == {"a": "x"}
    other = form_of(found, data={"parameters-a": "x", "parameters-a:confirm": "y"})
    assert other.errors == {
        "a:confirm": ["The two values do not match. Enter the same value twice."]
    }
