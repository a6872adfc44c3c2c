"""Forms for the records of the catalog."""

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


def test_spaces_around_texts_are_stripped():
    form = ProductForm({"name": " Web \n", "provider": "p"})
    assert form.is_valid()
    assert form.cleaned_data["name"] == "Web"


def test_guidance_defaults_to_default():
    form = VersionForm({"name": "1.0"})
    assert form.is_valid()
    assert form.cleaned_data["guidance"] == "Default"


def test_user_is_found_by_login_or_principal_id(bob):
    for name in ("bob", bob.principal_id):
        form = GrantForm({"user": name})
        assert form.is_valid()
        assert form.cleaned_data["user"] == bob


def test_group_is_found_by_name_or_principal_id(db):
    group = RoleFactory(name="Ops team")
    for name in ("Ops team", group.principal_id):
        form = GrantForm({"role": name})
        assert form.is_valid()
        assert form.cleaned_data["role"] == group


@pytest.mark.parametrize(
    "data", [{}, {"user": "bob", "pattern": "user/*"}, {"user": "nobody"}]
)
def test_grant_requires_exactly_one_existing_principal(bob, data):
    assert not GrantForm(data).is_valid()


def test_credentials_are_read_by_line():
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
def test_unterminated_credential_is_refused_without_its_value(text):
    with pytest.raises(ValidationError) as refused:
        CredentialsField().clean(text)
    assert "s3cret" not in str(refused.value)


def test_empty_credentials_are_none():
    assert CredentialsField(required=False).clean("  \n") is None


@pytest.mark.parametrize(
    "text", ["noequals", "=x", "1A=x", "A B=x", "LD_PRELOAD=x", "PATH=x", "TF_LOG=x"]
)
def test_invalid_line_is_refused_without_its_value(text):
    with pytest.raises(ValidationError) as refused:
        CredentialsField().clean(text.replace("x", "s3cret"))
    assert "s3cret" not in str(refused.value)


def test_invalid_credentials_are_not_shown_again():
    form = RegionEditForm({"name": "", "credentials": "KEY=s3cret"})
    assert not form.is_valid()
    assert "s3cret" not in form.as_p()


def test_removal_is_not_offered_without_stored_credentials():
    form = RegionEditForm({"name": "x", "forget": "on"}, stored=False)
    assert "forget" not in form.fields
    assert form.is_valid()
    assert not form.cleaned_data["credentials"]


def test_page_offers_removal_of_stored_credentials_only(admin_browser, db):
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


def test_form_without_stored_credentials_has_no_removal():
    assert "forget" not in RegionEditForm(stored=False).fields
    form = RegionEditForm({"name": "x", "forget": "on"}, stored=False)
    assert form.is_valid()
    assert form.cleaned_data["credentials"] is None


def test_missing_value_has_an_instruction():
    form = VersionForm({})
    assert form.errors["name"] == ["Enter a value."]
    assert RegionEditForm({}).errors["name"] == ["Enter a value."]
