"""Passwords in any Unicode form, including those hashed by earlier releases."""

import unicodedata

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command

from console.authentication import Backend
from console.lib.users import User
from tests.console.accounts.sign_in import sign_in, signed_in, with_password

pytestmark = pytest.mark.django_db
COMPOSED = "Gr\u00fc\u00dfe-aus-Z\u00fcrich-2026"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
WIDE = "\uff21\uff22\uff23-\uff11\uff12\uff13-long-enough"
NARROW = "ABC-123-long-enough"


@pytest.mark.parametrize(
    ("kept", "typed"),
    [
        (COMPOSED, DECOMPOSED),
        (DECOMPOSED, COMPOSED),
        (WIDE, NARROW),
        (NARROW, WIDE),
    ],
)
def test_a_password_matches_in_every_unicode_form(alice, kept, typed):
    with_password(alice, kept)
    client, _ = sign_in("alice", typed)
    assert signed_in(client)


@pytest.mark.parametrize("typed", [DECOMPOSED, WIDE])
def test_a_password_hashed_by_an_earlier_release_matches_as_typed(alice, typed):
    User.objects.filter(pk=alice.pk).update(password=make_password(typed))
    client, _ = sign_in("alice", typed)
    assert signed_in(client)


def test_another_password_is_refused(alice):
    with_password(alice, COMPOSED)
    client, _ = sign_in("alice", COMPOSED + "x")
    assert not signed_in(client)


def test_the_password_of_a_new_user_is_normalized(db):
    person = User.objects.create_user("dora", password=WIDE)
    assert person.check_password(NARROW)
    assert not User.objects.create_user("emil").has_usable_password()


def test_the_command_stores_the_normalized_password(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", WIDE)
    call_command("createsuperuser", interactive=False, username="root", email="")
    assert User.objects.get(username="root").check_password(NARROW)


@pytest.mark.parametrize(
    "password",
    [
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44\uff11",
        "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff10\uff11\uff12",
    ],
)
def test_a_common_password_in_full_width_letters_is_refused(password):
    with pytest.raises(ValidationError):
        validate_password(password)


def test_a_strong_password_in_full_width_letters_is_accepted():
    validate_password(WIDE)


def test_existing_and_unknown_accounts_compute_the_same_number_of_hashes(
    alice, monkeypatch
):
    with_password(alice, COMPOSED)
    hashed = []
    for module in ("base_user", "hashers"):
        monkeypatch.setattr(
            f"django.contrib.auth.{module}.make_password",
            lambda password, *rest: hashed.append(password) or "!",
        )
    Backend()._mitigate_timing_attack(DECOMPOSED)
    Backend()._mitigate_timing_attack(COMPOSED)
    assert len(hashed) == 3
