"""The form for the parameters of a template."""

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.html import escape

from catalog.forms.parameters import parameter_form
from catalog.schema import Group, Parameter, Rule, Schema


def form_of(*parameters, **options):
    return parameter_form(Schema(list(parameters)), **options)


def posted(**values):
    data = QueryDict(mutable=True)
    data.update({f"parameters-{key}": value for key, value in values.items()})
    return data


def html(form, key):
    return str(form[key])


def test_a_text_starts_with_its_default():
    form = form_of(Parameter("a", required=False, default="x"))
    assert form["a"].value() == "x"
    assert 'name="parameters-a"' in html(form, "a")
    assert not form["a"].field.required


def test_given_values_replace_defaults():
    form = form_of(Parameter("a", required=False, default="x"), initial={"a": "y"})
    assert form["a"].value() == "y"


def test_entered_text_is_shown_again_without_validation():
    form = form_of(
        Parameter("a", kind="number", type="number"),
        Parameter("b", secret=True),
        initial={"a": "wrong", "b": "s3cret"},
    )
    assert form["a"].value() == "wrong"
    assert "s3cret" not in html(form, "b")
    assert not form.errors


def test_label_and_hint_are_in_the_language_of_the_reader():
    found = Parameter(
        "a", label={"en": "Size", "zh-cn": "大小"}, description={"en": "How"}
    )
    form = form_of(found, language="zh-hans")
    assert form["a"].label == "大小"
    assert form["a"].help_text == "How"


def test_texts_of_template_authors_are_escaped():
    script = "<script>alert(1)</script>"
    found = Parameter("a", label={"en": script}, allowed_values=[script])
    form = form_of(found)
    assert script not in html(form, "a") + form["a"].label_tag()
    assert escape(script) in html(form, "a")


def test_allowed_values_are_a_choice_with_labels():
    found = Parameter(
        "a", allowed_values=[1, "m", True], value_labels={"m": {"en": "Medium"}}
    )
    assert list(form_of(found)["a"].field.widget.choices) == [
        ("", "Choose…"),
        ("1", "1"),
        ("m", "Medium"),
        ("true", "true"),
    ]


def test_a_default_outside_the_allowed_values_can_be_kept():
    found = Parameter("a", required=False, default="x", allowed_values=["y"])
    form = form_of(found, data=posted(a="x"))
    assert form.is_valid()
    assert form.cleaned_values() == {"a": "x"}


def test_a_number_is_a_number_input():
    found = Parameter("a", kind="number", type="number", min_value=1, max_value=2.5)
    widget = html(form_of(found), "a")
    assert 'type="number"' in widget
    assert 'step="any"' in widget
    assert 'min="1"' in widget
    assert 'max="2.5"' in widget


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_boolean_is_a_selection_of_two_labels(text, value):
    form = form_of(Parameter("a", kind="boolean", type="bool"), data=posted(a=text))
    assert form.is_valid()
    assert form.cleaned_values() == {"a": value}
    assert "checkbox" not in html(form, "a")


def test_a_list_is_entered_line_by_line():
    found = Parameter(
        "a", kind="list", type=["list", "number"], required=False, default=[1, 2]
    )
    assert form_of(found)["a"].value() == "1\n2"
    form = form_of(found, data=posted(a=" 3 \r\n\r\n4\r\n"))
    assert form.is_valid()
    assert form.cleaned_values() == {"a": [3, 4]}


def test_a_list_can_be_emptied():
    found = Parameter(
        "a", kind="list", type=["list", "string"], required=False, default=["x"]
    )
    form = form_of(found, data=posted(a=""))
    assert form.is_valid()
    assert form.cleaned_values() == {"a": []}


def test_a_list_of_texts_with_line_breaks_is_json():
    found = Parameter(
        "a", kind="list", type=["list", "string"], required=False, default=["x\ny"]
    )
    form = form_of(found)
    again = form_of(found, data=posted(a=form["a"].value()))
    assert again.is_valid()
    assert again.cleaned_values() == {"a": ["x\ny"]}


def test_a_comma_list_is_one_line():
    found = Parameter(
        "a", kind="list", type="CommaDelimitedList", required=False, default=["x", "y"]
    )
    assert form_of(found)["a"].value() == "x,y"
    form = form_of(found, data=posted(a="p, q"))
    assert form.is_valid()
    assert form.cleaned_values() == {"a": ["p", "q"]}


def test_a_complex_value_may_be_sent_as_json():
    shape = ["object", {"n": "number", "t": ["list", "string"]}, {"t": []}]
    form = form_of(
        Parameter("a", kind="object", type=shape), data=posted(a='{"n": "1"}')
    )
    assert form.is_valid()
    assert form.cleaned_values() == {"a": {"n": 1}}


def test_deeply_nested_value_is_json_with_its_type_in_the_hint():
    found = Parameter("a", kind="list", type=["list", ["list", "number"]])
    form = form_of(found, data=posted(a='[["1"]]'))
    assert "list(list(number))" in form["a"].help_text
    assert form.is_valid()
    assert form.cleaned_values() == {"a": [[1]]}


def test_a_long_text_keeps_its_lines():
    form = form_of(Parameter("a", multiline=True), data=posted(a=" x\r\ny "))
    assert form.is_valid()
    assert form.cleaned_values() == {"a": " x\ny "}
    assert "<textarea" in html(form, "a")


def test_error_is_shown_at_its_field_with_the_templates_message():
    found = Parameter("a", max_length=1, constraint_description={"en": "One letter."})
    form = form_of(found, data=posted(a="ab"))
    assert not form.is_valid()
    assert form.errors == {"a": ["One letter."]}


def test_missing_value_is_reported_once():
    form = form_of(Parameter("a"), data=posted())
    assert form.errors == {"a": ["Enter a value. This field is required."]}


def test_a_value_of_one_megabyte_is_refused_with_a_sentence():
    form = form_of(Parameter("a"), data=posted(a="x" * 1_000_000))
    assert form.errors == {"a": ["This value is larger than 64 KiB. Shorten it."]}


def test_a_broken_rule_is_an_error_of_the_form():
    rule = Rule("r", None, [{"assert": False, "description": {"en": "Never."}}])
    form = parameter_form(Schema([], rules=[rule]), data=posted())
    assert form.non_field_errors() == ["Never."]


# The form as a whole


def test_fields_come_in_groups():
    schema = Schema(
        [Parameter("b", group="g"), Parameter("a")],
        groups=[Group("g", {"en": "Net"}), Group("empty", {"en": "None"})],
    )
    found = [
        (label, [f.name for f in fields])
        for label, fields in parameter_form(schema).groups()
    ]
    assert found == [("Net", ["b"]), ("", ["a"])]


def test_hidden_parameter_keeps_its_value():
    found = Parameter("a", required=False, default="x", hidden=True)
    form = form_of(found, data=posted(), initial={"a": "y"})
    assert "a" not in form.fields
    assert form.is_valid()
    assert form.cleaned_values() == {"a": "y"}
    assert form.entered_values() == {}


def test_value_for_hidden_parameter_is_ignored():
    found = Parameter("a", required=False, default="x", hidden=True)
    form = form_of(found, data=posted(a="evil"))
    assert form.is_valid()
    assert form.cleaned_values() == {}


@pytest.mark.parametrize("key", ["a b", "a.b", "é", "a-b", 'a"b', "confirm"])
def test_keys_with_special_characters_work(key):
    form = form_of(Parameter(key), data={f"parameters-{key}": "x"})
    assert form.is_valid()
    assert form.cleaned_values() == {key: "x"}
    assert " " not in form[key].auto_id
    assert escape(f"parameters-{key}") in html(form, key)


def test_conditional_parameter_is_not_required_in_the_browser():
    condition = {"Condition": {"Fn::Equals": ["${a}", "x"]}}
    parameters = [Parameter("a"), Parameter("b", visible=condition)]
    field = form_of(*parameters)["b"]
    assert not field.field.required
    label = render_to_string("components/field.html", {"field": field})
    assert "(optional)" not in label
    form = form_of(*parameters, data=posted(a="y", b=""))
    assert form.is_valid()
    assert form.shown == {"a"}
    assert not form_of(*parameters, data=posted(a="x", b="")).is_valid()


def test_random_name_is_generated():
    found = Parameter(
        "a",
        association="AutoCompleteInput",
        association_metadata={
            "Length": 6,
            "Prefix": "bucket-",
            "CharacterClasses": [{"Class": "lowercase", "min": 1}],
        },
    )
    name = form_of(found)["a"].value()
    assert name.startswith("bucket-")
    assert len(name) == 13
    assert name[7:].isalpha()


def test_cleaned_values_are_accepted_by_the_schema():
    schema = Schema(
        [
            Parameter("a", kind="list", type=["list", "string"]),
            Parameter("b", required=False, nullable=True),
            Parameter("c", kind="json", type="any"),
        ]
    )
    form = parameter_form(schema, data=posted(a="x\ny", b="", c="plain"))
    assert form.is_valid()
    values = form.cleaned_values()
    assert schema.clean(values, text=False) == values
