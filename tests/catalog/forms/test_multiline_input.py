"""Texts of several lines on the parameter form."""

import pytest

from catalog.forms.parameters import parameter_form
from catalog.schema import Parameter, Schema
from catalog.schema.patterns import allows_line_break
from tests.form_fields import shown

PEM = "-----BEGIN KEY-----\nMIIE\nAB==\n-----END KEY-----\n"
# Each is stored as it stands here, and must be stored so after the form was sent.
TEXTS = [
    PEM,
    PEM.replace("\n", "\r\n"),
    "\n\nleading",
    "\r\nleading",
    "trailing  \n\n",
    "\ttab\n \t",
    "old\rmac",
    "mixed\r\nand\n",
    "  blanks  ",
    "one line",
]


def form_of(*parameters, **options):
    return parameter_form(Schema(list(parameters)), **options)


def sent(form):
    """Return the values of a form that is sent as it came."""
    again = form_of(
        *form.schema.parameters, data=shown(form), initial=form._given or None
    )
    assert again.is_valid(), again.errors
    return again.cleaned_values()


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("pattern", ["", r"[\s\S]*", "[a-z]+"])
def test_a_stored_text_comes_back_byte_for_byte(text, pattern):
    found = Parameter("a", allowed_pattern=pattern)
    form = form_of(found, initial={"a": text})
    assert shown(form)["parameters-a"].replace("\r\n", "\n") == (
        text.replace("\r\n", "\n").replace("\r", "\n")
    )
    if not pattern:
        assert sent(form) == {"a": text}


@pytest.mark.parametrize("text", TEXTS)
def test_a_default_comes_back_byte_for_byte(text):
    form = form_of(Parameter("a", required=False, default=text))
    assert sent(form) == {"a": text}


@pytest.mark.parametrize("secret", [True, False])
def test_pasted_lines_arrive_with_the_line_breaks_of_unix(secret):
    found = Parameter("a", secret=secret)
    data = {"parameters-a": PEM.replace("\n", "\r\n")}
    form = form_of(found, data=data)
    assert form.is_valid()
    assert form.cleaned_values() == {"a": PEM}


def test_an_edited_text_has_one_kind_of_line_break():
    data = {"parameters-a": "x\r\ny\r\nz"}
    form = form_of(Parameter("a"), data=data, initial={"a": "x\r\ny"})
    assert form.is_valid()
    assert form.cleaned_values() == {"a": "x\ny\nz"}


@pytest.mark.parametrize("secret", [True, False])
@pytest.mark.parametrize(
    ("members", "takes_lines"),
    [
        ({}, True),
        ({"multiline": True}, True),
        ({"allowed_pattern": r"(?s).+"}, True),
        ({"allowed_pattern": "[a-z]{1,9}"}, False),
        ({"kind": "number", "type": "number"}, False),
        ({"kind": "boolean", "type": "bool"}, False),
    ],
)
def test_pattern_without_line_breaks_makes_a_one_line_input(
    members, takes_lines, secret
):
    form = form_of(Parameter("a", secret=secret, **members))
    assert ("<textarea" in str(form["a"])) is takes_lines


def test_secret_text_area_is_covered_without_autocomplete():
    control = str(form_of(Parameter("a", secret=True))["a"])
    for attribute in ('class="covered"', 'autocomplete="off"', 'spellcheck="false"'):
        assert attribute in control


def test_a_secret_in_a_text_area_is_never_shown():
    found = Parameter("a", secret=True)
    form = form_of(found, Parameter("b"), data={"parameters-a": "s3cret\r\ns3cret"})
    assert not form.is_valid()
    assert "s3cret" not in str(form["a"])


def test_invalid_text_is_shown_again_with_its_line_breaks():
    found = Parameter("a", allowed_pattern="[a-z]+")
    form = form_of(found, data={"parameters-a": "x\r\ny"})
    assert not form.is_valid()
    assert "<textarea" in str(form["a"])


def test_text_area_is_as_high_as_its_text():
    form = form_of(Parameter("a"), initial={"a": PEM})
    assert 'rows="5"' in str(form["a"])


@pytest.mark.parametrize(
    ("pattern", "possible"),
    [
        ("[a-z]+", False),
        (".{1,9}", False),
        (r"\d+\.\d+", False),
        (r"[^,]+", True),
        (r"[^,\n]+", False),
        (r"\W+", True),
        (r"\S+", False),
        (r"a\nb", True),
        (r"a\x0ab", True),
        (r"\u000a", True),
        (r"\pL+", False),
        (r"\PL+", True),
        (r"[[:space:]]", True),
        (r"[]a-z]+", False),
        ("a\nb", True),
        ("(?s).", True),
        ("(?i)[a-z]", False),
        (r"\\n", False),
        (r"\[\^a\]", False),
        (r"\Qa[^b\E", False),
    ],
)
def test_pattern_is_tested_for_line_breaks(pattern, possible):
    assert allows_line_break(pattern) is possible


ROWS = Parameter("a", kind="list", type=["list", "string"])


@pytest.mark.parametrize(
    ("kind", "of", "value"),
    [
        ("list", ["list", "string"], ["x", "y\r\nz", "\nq ", "p\nq"]),
        ("map", ["map", "string"], {"k": "y\r\nz", "l": "\n"}),
        ("object", ["object", {"n": "string", "m": "number"}], {"n": PEM, "m": 1}),
        ("list", ["list", ["object", {"n": "string"}]], [{"n": "a\r\nb"}, {"n": "c"}]),
    ],
)
def test_cells_come_back_byte_for_byte(kind, of, value):
    form = form_of(Parameter("a", kind=kind, type=of), initial={"a": value})
    assert "<textarea" in str(form["a"])
    assert sent(form) == {"a": value}


def test_cells_keep_their_line_breaks_when_another_row_is_removed():
    form = form_of(ROWS, initial={"a": ["x", "y\r\nz", "w"]})
    data = shown(form)
    del data["parameters-a:0.="]
    data["parameters-a:2.="] = "v\r\nw"
    again = form_of(ROWS, data=data, initial=form._given)
    assert again.is_valid()
    assert again.cleaned_values() == {"a": ["y\r\nz", "v\nw"]}
