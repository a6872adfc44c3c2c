"""A key that is missing beside data it encrypted: refused by name, never replaced (F30)."""

import pytest

from console.lib.encryption import generate_key


@pytest.fixture
def used(install):
    """An installation that has people, and so encrypted data."""
    site = install(demo=True)
    site.run("create_access_key", "alice")
    return site


def test_a_first_start_makes_keys_only_their_owner_can_read(install):
    site = install()
    site.run("check")
    for name in ("encryption_keys", "secret_key"):
        assert (site.data / name).stat().st_mode & 0o777 == 0o600
    assert not list(site.data.glob(".*"))


@pytest.mark.parametrize("command", ["check", "serve", "work", "migrate"])
def test_a_lost_key_file_is_refused_and_no_new_one_made(used, command):
    key = used.data / "encryption_keys"
    key.unlink()
    said = used.run(command, fails=True)
    assert "CONSOLE_ENCRYPTION_KEYS is not set" in said
    assert "Traceback" not in said
    assert not key.exists()


def test_restored_key_file_restores_access(used):
    """In a file, and in the environment as well."""
    key = used.data / "encryption_keys"
    kept = key.read_text()
    key.unlink()
    used.run("check", fails=True)
    used.run("check", CONSOLE_ENCRYPTION_KEYS=kept)
    key.write_text(kept)
    used.run("check")


@pytest.mark.parametrize(
    "command", [["serve", "--port=1"], ["work", "--once"], ["migrate"]]
)
def test_key_that_decrypts_nothing_is_refused(used, command):
    said = used.run(*command, fails=True, CONSOLE_ENCRYPTION_KEYS=generate_key())
    assert "CONSOLE_ENCRYPTION_KEYS does not match this database" in said
    assert "Traceback" not in said


def test_on_postgresql_a_new_host_needs_the_key_of_the_others(install, new_database):
    url = new_database("keys")
    first = install("first", DATABASE_URL=url)
    first.run("migrate", "-v0")
    assert (first.data / "encryption_keys").exists()

    second = install("second", DATABASE_URL=url)
    said = second.run("check", fails=True)
    assert "CONSOLE_ENCRYPTION_KEYS is not set" in said
    assert not (second.data / "encryption_keys").exists()


def test_database_question_uses_the_configured_tls(install, new_database):
    """Not in clear where TLS is demanded: this server has none."""
    url = f"{new_database('keys_tls')}?sslmode=require"
    said = install("tls", DATABASE_URL=url).run("check", fails=True)
    assert "cannot be reached" in said
    assert "SSL" in said


def test_a_postgresql_that_does_not_answer_may_hold_data(install, new_database):
    away = "postgres://nobody@127.0.0.1:9/none"
    said = install("away", DATABASE_URL=away).run("check", fails=True)
    assert "CONSOLE_ENCRYPTION_KEYS is not set" in said
    assert "cannot be reached" in said
