"""The forms state the rules once, for pages and the API."""

import pytest
from django.core.exceptions import ValidationError

from catalog.forms.credentials import CredentialsField
from catalog.forms.portfolio import GrantForm
from catalog.forms.product import ProductForm, VersionForm
from catalog.forms.region import RegionEditForm
from tests.factories import RegionFactory, RoleFactory


@pytest.mark.parametrize(
    ("field", "value"), [("name", ""), ("name", "x" * 129), ("provider", " ")]
)
def test_texts_have_1_to_128_characters(field, value):
    form = ProductForm({"name": "n", "provider": "p"} | {field: value})
    assert list(form.errors) == [field]


def test_a_persons_spaces_are_slips_of_the_hand():
    form = ProductForm({"name": " Web \n", "provider": "p"})
    assert form.is_valid()
    assert form.cleaned_data["name"] == "Web"


def test_guidance_defaults_to_no_advice():
    form = VersionForm({"name": "1.0"})
    assert form.is_valid()
    assert form.cleaned_data["guidance"] == "Default"


def test_a_person_is_named_by_login_or_principal_id(bob):
    for name in ("bob", bob.principal_id):
        form = GrantForm({"user": name})
        assert form.is_valid()
        assert form.cleaned_data["user"] == bob


def test_a_group_is_named_by_name_or_principal_id(db):
    group = RoleFactory(name="Ops team")
    for name in ("Ops team", group.principal_id):
        form = GrantForm({"role": name})
        assert form.is_valid()
        assert form.cleaned_data["role"] == group


@pytest.mark.parametrize(
    "data", [{}, {"user": "bob", "pattern": "user/*"}, {"user": "nobody"}]
)
def test_a_grant_names_exactly_one_who_exists(bob, data):
    assert not GrantForm(data).is_valid()


def test_credentials_are_read_line_by_line():
    field = CredentialsField()
    assert field.clean("A=1\n\n B_2 = x=y \n") == {"A": "1", "B_2": "x=y"}


PEM = "-----BEGIN KEY-----\nMIIE=\nAB==\n-----END KEY-----"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"A={PEM}", PEM),
        (f"A={PEM}\n{PEM}", f"{PEM}\n{PEM}"),
        ('A<<END\n{\n  "b": 1\n}\nEND', '{\n  "b": 1\n}'),
        ("A<<END\n\n x \n\nEND", "\n x \n"),
        ("A=b<<c", "b<<c"),
    ],
)
def test_a_credential_may_have_several_lines(text, value):
    sent = f"{text}\nB=2\n".replace("\n", "\r\n")
    assert CredentialsField().clean(sent) == {"A": value, "B": "2"}


@pytest.mark.parametrize(
    "text", ["A<<END\ns3cret", "A=-----BEGIN KEY-----\ns3cret", "PATH<<END\nx\nEND"]
)
def test_a_credential_that_does_not_end_is_refused_without_its_value(text):
    with pytest.raises(ValidationError) as refused:
        CredentialsField().clean(text)
    assert "s3cret" not in str(refused.value)


def test_no_credentials_mean_those_stored():
    assert CredentialsField(required=False).clean("  \n") is None


@pytest.mark.parametrize(
    "text", ["noequals", "=x", "1A=x", "A B=x", "LD_PRELOAD=x", "PATH=x", "TF_LOG=x"]
)
def test_a_line_that_is_no_credential_is_refused_without_its_value(text):
    with pytest.raises(ValidationError) as refused:
        CredentialsField().clean(text.replace("x", "s3cret"))
    assert "s3cret" not in str(refused.value)


def test_credentials_are_not_shown_again_even_when_refused():
    form = RegionEditForm({"name": "", "credentials": "KEY=s3cret"})
    assert not form.is_valid()
    assert "s3cret" not in form.as_p()


def test_where_none_are_stored_none_can_be_removed():
    form = RegionEditForm({"name": "x", "forget": "on"}, stored=False)
    assert "forget" not in form.fields
    assert form.is_valid()
    assert not form.cleaned_data["credentials"]


def test_the_page_offers_removal_only_of_what_is_stored(admin_browser, db):
    region = RegionFactory()
    page = f"/manage/regions/{region.pk}/"
    assert "Remove the stored" not in admin_browser.get(page).content.decode()
    region.credentials = {"KEY": "s3cret"}
    region.save()
    assert "Remove the stored" in admin_browser.get(page).content.decode()


def test_stored_credentials_can_be_removed():
    form = RegionEditForm({"name": "x", "forget": "on"})
    assert form.is_valid()
    assert form.cleaned_data["credentials"] == {}


def test_who_has_stored_no_credentials_is_not_offered_to_remove_them():
    assert "forget" not in RegionEditForm(stored=False).fields
    form = RegionEditForm({"name": "x", "forget": "on"}, stored=False)
    assert form.is_valid()
    assert form.cleaned_data["credentials"] is None


def test_an_empty_field_says_what_to_do():
    form = VersionForm({})
    assert form.errors["name"] == ["Enter a value."]
    assert RegionEditForm({}).errors["name"] == ["Enter a value."]
