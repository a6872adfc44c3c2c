"""Masking of texts, keys, numbers and addresses."""

import pytest

from console.lib.masking import MASK, Masker, is_weak, shortened

SECRET = "swordfish-42"


def test_a_masked_address_stays_unique():
    masker = Masker([["swordfish-42", "herring-9"]])
    first, second = (
        masker.address(f'terraform_data.user["{each}"]')
        for each in ("swordfish-42", "herring-9")
    )
    assert "swordfish" not in first
    assert "herring" not in second
    assert first.startswith(f'terraform_data.user["{MASK} (')
    assert first != second
    again = Masker(["other-secret", SECRET])
    assert again.address(f'terraform_data.user["{SECRET}"]') == first


def test_an_address_without_a_secret_is_unchanged():
    assert Masker([SECRET]).address('a.b["c"]') == 'a.b["c"]'


@pytest.mark.parametrize("secret", ['with "quotes"', "with ${braces}", "with\\slash"])
def test_a_secret_escaped_in_an_address_is_masked(secret):
    spelled = secret.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${")
    assert "with" not in Masker([secret]).address(f'a.b["{spelled}"]')


def test_the_digest_depends_on_the_secret_key_of_the_site(settings):
    first = Masker([SECRET]).address(SECRET)
    settings.SECRET_KEY = "another"
    assert Masker([SECRET]).address(SECRET) != first


@pytest.mark.parametrize("secret", ["1", "true", "8080", 1, 8080, "port"])
def test_a_short_secret_is_not_masked_in_keys_and_numbers(secret):
    value = {"port": 8080, "portal": 10, "ok": True, "1": 1.5}
    assert Masker([secret]).value(value) == value


def test_a_long_secret_is_masked_in_keys_and_numbers():
    found = Masker(["98765", SECRET]).value({SECRET: 98765, "n": 1987654})
    assert found == {MASK: MASK, "n": f"1{MASK}4"}


def test_a_secret_of_four_characters_is_masked_in_texts():
    assert Masker(["abcd"]).value({"abcd": "say abcd"}) == {"abcd": f"say {MASK}"}


def test_a_secret_cut_at_the_end_of_a_text_is_masked():
    assert Masker([SECRET]).text("password swordf…") == f"password {MASK}…"
    assert Masker([SECRET]).text("a sword…") == f"a {MASK}…"
    assert Masker([SECRET]).text("a swo…") == "a swo…"


def test_shortened_texts_stay_different():
    first, second = shortened("x" * 600 + "1", 512), shortened("x" * 600 + "2", 512)
    assert len(first) == len(second) == 512
    assert first != second
    assert shortened("x" * 512, 512) == "x" * 512


@pytest.mark.parametrize("secret", ["1", "abcd", "password", "Admin", 1234, ["ok", 5]])
def test_a_short_or_common_secret_is_weak(secret):
    assert is_weak(secret)


@pytest.mark.parametrize("secret", ["", None, True, SECRET, [SECRET], {"a": SECRET}])
def test_other_secrets_are_not_weak(secret):
    assert not is_weak(secret)
