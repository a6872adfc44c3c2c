"""Lists, maps and objects on the form: rows, values, and unchanged values."""

import json

import pytest

from catalog.forms.parameters import parameter_form, unvalidated_values
from catalog.schema import Parameter, Schema
from tests.form_fields import shown

SERVER = ["object", {"name": "string", "port": "number", "open": "bool"}]
OPTIONAL = [
    "object",
    {"name": "string", "port": "number", "tags": ["list", "string"]},
    {"port": 80, "tags": []},
]


def parameter(kind, **more):
    names = {"list": "list", "set": "list", "map": "map", "object": "object"}
    return Parameter("a", kind=names[kind[0]], type=kind, **more)


def form_of(found, **options):
    return parameter_form(Schema([found]), **options)


def cells(*rows):
    return {
        f"parameters-a:{at}.{name}": value
        for at, row in enumerate(rows)
        for name, value in row.items()
    }


def values(found, *rows):
    form = form_of(found, data=cells(*rows))
    assert form.is_valid(), form.errors
    return form.cleaned_values()["a"]


def test_a_list_of_texts_has_a_row_for_each():
    found = parameter(["list", "string"])
    assert values(found, {"=": "x"}, {"=": ""}, {"=": "y"}) == ["x", "y"]


def test_numbers_and_booleans_are_typed():
    row = {"name": "web", "port": "80", "open": "true"}
    assert values(parameter(["list", SERVER]), row) == [
        {"name": "web", "port": 80, "open": True}
    ]


def test_a_map_has_a_key_and_a_value_in_each_row():
    found = parameter(["map", "number"])
    assert values(found, {"#": "a", "=": "1"}, {"#": "b", "=": "2"}) == {"a": 1, "b": 2}


def test_a_map_of_objects_has_the_key_first():
    found = parameter(["map", OPTIONAL])
    assert values(found, {"#": "web", "name": "x"}) == {"web": {"name": "x"}}


def test_an_object_is_grouped_inputs():
    found = parameter(SERVER)
    row = {"name": "web", "port": "1", "open": "false"}
    assert values(found, row) == {"name": "web", "port": 1, "open": False}
    html = str(form_of(found)["a"])
    assert "<table" not in html
    assert "Add row" not in html


def test_empty_optional_attributes_are_omitted():
    row = {"name": "x", "port": "", "tags": ""}
    assert values(parameter(OPTIONAL), row) == {"name": "x"}


def test_a_required_object_of_optional_attributes_may_be_left_empty():
    kind = ["object", {"n": "number"}, {"n": 3}]
    assert values(parameter(kind), {"n": ""}) == {}


def test_nested_values_are_json_in_their_cell():
    row = {"name": "x", "tags": '["p", "q"]'}
    assert values(parameter(["list", OPTIONAL]), row)[0]["tags"] == ["p", "q"]


def test_value_of_another_type_is_refused_with_its_path():
    form = form_of(
        parameter(["list", SERVER]),
        data=cells({"name": "x", "port": "many", "open": "true"}),
    )
    assert form.errors == {"a": ["[0].port: Enter a number."]}


def test_invalid_json_in_a_cell_is_refused_with_its_path():
    form = form_of(
        parameter(["list", OPTIONAL]), data=cells({"name": "x", "tags": "[1"})
    )
    assert form.errors == {"a": ["[0].tags: Enter a list."]}


def test_a_key_given_twice_is_refused():
    rows = [{"#": "a", "=": "1"}, {"#": "a", "=": "2"}]
    form = form_of(parameter(["map", "string"]), data=cells(*rows))
    assert form.errors == {"a": ["The key “a” is duplicated. Keep only one."]}


def test_a_row_without_its_key_is_refused():
    form = form_of(parameter(["map", "string"]), data=cells({"#": "", "=": "1"}))
    assert form.errors == {"a": ["Enter a key in row 1."]}


def test_no_rows_are_no_value():
    form = form_of(parameter(["list", "string"]), data=cells({"=": ""}))
    assert form.errors == {"a": ["Enter a value. This field is required."]}


def test_a_table_can_be_emptied():
    found = parameter(["map", "string"], required=False, default={"k": "v"})
    assert values(found, {"#": "", "=": ""}) == {}


def test_nullable_value_stays_null_without_input():
    found = parameter(OPTIONAL, required=False, default=None, nullable=True)
    form = form_of(found, data=cells({"name": "", "port": "", "tags": ""}))
    assert form.is_valid()
    assert form.cleaned_values() == {}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (["list", "string"], ["a", " b ", "c\nd"]),
        (["list", "string"], ["", "a"]),
        (["list", "number"], [1, 2.5]),
        (["set", "bool"], [True, False]),
        (["map", "string"], {"k": "v", "": "empty key"}),
        (["map", "string"], {"k": None}),
        (["map", ["list", "string"]], {"k": ["a"], "l": []}),
        (SERVER, {"name": "", "port": 0, "open": False}),
        (["list", SERVER], [{"name": "x", "port": None, "open": None}]),
        (["list", OPTIONAL], [{"name": "x", "port": 80, "tags": ["y"]}]),
        (["list", OPTIONAL], []),
        (["list", "string"], [f"row {n}" for n in range(300)]),
        (["list", ["list", "string"]], [["a"], []]),
        (["list", "string"], ["<script>", '"&']),
    ],
    ids=str,
)
def test_unchanged_form_changes_no_value(kind, value):
    found = parameter(kind, required=False, default=value)
    sent = shown(form_of(found))
    form = form_of(found, data=sent)
    assert form.is_valid(), form.errors
    assert form.cleaned_values() == {"a": value}


def test_labels_are_escaped():
    found = parameter(["list", "string"], required=False, default=["<script>"])
    assert "<script>" not in str(form_of(found)["a"])


def test_each_cell_has_a_unique_label():
    html = str(form_of(parameter(["list", SERVER]))["a"])
    assert 'aria-label="port, row 1"' in html
    assert 'name="parameters-a:0.port"' in html


def test_allowed_values_of_elements_are_a_choice():
    found = parameter(["list", "string"], allowed_values=["x", "y"])
    html = str(form_of(found)["a"])
    assert '<option value="x">x</option>' in html
    assert not form_of(found, data=cells({"=": "z"})).is_valid()


def test_a_secret_is_never_a_table():
    found = parameter(["map", "string"], secret=True)
    form = form_of(found, initial={"a": {"k": "hunter2"}})
    assert "<table" not in str(form["a"])
    assert "hunter2" not in str(form["a"])


# The buttons


def rows_after(change, *rows):
    found = parameter(["list", "string"])
    data = cells(*rows) | {"change": change}
    form = form_of(
        found, initial=unvalidated_values(Schema([found]), data), change=change
    )
    return [name for name in shown(form) if name.startswith("parameters-a:")], form


def test_row_is_added_below_the_entered_rows():
    names, form = rows_after("add:a", {"=": "x"}, {"=": ""})
    assert len(names) == 3
    assert shown(form)["parameters-a:0.="] == "x"
    assert str(form["a"]).count("autofocus") == 1
    assert not form.errors


def test_a_row_is_removed():
    _names, form = rows_after("remove:a:0", {"=": "x"}, {"=": "y"})
    assert shown(form) == {"parameters-a:0.=": "y"}


@pytest.mark.parametrize("change", ["add:b", "remove:a:x", "remove:a:9", "remove", ""])
def test_button_of_another_table_changes_no_row(change):
    names, _form = rows_after(change, {"=": "x"}, {"=": "y"})
    assert len(names) == 2


def test_hostile_names_of_cells_are_ignored():
    found = parameter(["list", SERVER])
    data = {
        "parameters-a:0.name": "x",
        "parameters-a:99999.name": "x",
        "parameters-a:0.evil": "x",
        "parameters-a:-1.name": "x",
        "parameters-a:٣.name": "x",
        "parameters-a:": "x",
    }
    assert unvalidated_values(Schema([found]), data) == {"a": [{"name": "x"}]}


# Tables a ROS document describes

LINES = Parameter(
    "a",
    kind="json",
    type="Json",
    association="List[Parameters]",
    association_metadata={
        "Parameters": {
            "Size": {"Type": "Number", "Label": {"en": "Size", "zh-cn": "大小"}},
            "Kind": {"Type": "String", "AllowedValues": ["ssd", "hdd"]},
        }
    },
)


def test_a_list_of_parameters_is_a_table_with_their_labels():
    html = str(form_of(LINES, language="zh-hans")["a"])
    assert "大小" in html
    assert '<option value="ssd">' in html


def test_a_list_of_parameters_is_typed():
    assert values(LINES, {"Size": "20", "Kind": "ssd"}) == [{"Size": 20, "Kind": "ssd"}]


def test_unchanged_list_of_parameters_changes_no_value():
    value = [{"Size": 20, "Kind": "ssd"}]
    form = form_of(LINES, initial={"a": value})
    again = form_of(LINES, data=shown(form))
    assert again.is_valid()
    assert again.cleaned_values() == {"a": value}


def test_a_list_of_one_parameter_has_one_column():
    found = Parameter(
        "a",
        kind="json",
        type="Json",
        association="List[Parameter]",
        association_metadata={"Parameter": {"Type": "Number"}},
    )
    assert values(found, {"=": "1"}, {"=": "2"}) == [1, 2]


def test_a_value_may_still_be_sent_as_json():
    found = parameter(["list", SERVER])
    text = json.dumps([{"name": "x", "port": 1, "open": True}])
    form = form_of(found, data={"parameters-a": text})
    assert form.is_valid()
    assert form.cleaned_values()["a"][0]["port"] == 1
