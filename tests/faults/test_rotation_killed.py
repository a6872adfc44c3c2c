"""`rotate_keys` is killed in the middle, again and again: nothing is lost, the next one goes on."""

import json
import signal
import time

import pytest

from console.lib.encryption import generate_key, key_id_of
from tests.waiting import PATIENCE_SECONDS

ROWS = 300
# Seals something in a table of each kind: bytes of ours, texts of sessions and of factors.
FILL = f"""
from allauth.mfa.models import Authenticator
from allauth.mfa.adapter import get_adapter
from catalog.models import Region
from console.api.access_keys import AccessKey
from console.accounts.sessions import SessionStore
from console.lib.users import User
region = Region.objects.create(id="eu-kept", name="Kept")
region.credentials = {{"TOKEN": "kept-credential"}}
region.save()
for number in range({ROWS}):
    person = User.objects.create(username=f"person-{{number}}")
    AccessKey.objects.issue(person, by=person)
    session = SessionStore()
    session["kept"] = number
    session.save()
    secret = get_adapter().encrypt(f"seed-{{number}}")
    Authenticator.objects.create(user=person, type="totp", data={{"secret": secret}})
"""
# Opens everything there is, which fails for whatever no key of the ring opens.
READ = """
import json
from allauth.mfa.models import Authenticator
from allauth.mfa.adapter import get_adapter
from catalog.models import Region
from console.api.access_keys import AccessKey
from console.accounts.sessions import CONTEXT, Session
from console.lib.encryption import unseal_text
texts = [
    [each.secret_text for each in AccessKey.objects.order_by("pk")],
    [unseal_text(each.session_data, CONTEXT) for each in Session.objects.order_by("pk")],
    [get_adapter().decrypt(each.data["secret"]) for each in Authenticator.objects.order_by("pk")],
    [each.credentials for each in Region.objects.order_by("pk")],
]
print(json.dumps(texts))
"""
# By how much of it is done, in the order in which a rotation goes through the tables.
STAGES = {
    "console_accesskey": "SELECT secret FROM console_accesskey",
    "console_session": "SELECT session_data FROM console_session",
    "mfa_authenticator": "SELECT data FROM mfa_authenticator",
}


@pytest.fixture
def encrypted(install):
    made = install()
    made.run("migrate", "-v0")
    made.python(FILL)
    return made


def keys_used(site, table):
    """How many rows of a table each value of its ciphertext's beginning has."""
    found = {}
    for (value,) in site.rows(STAGES[table]):
        if table == "mfa_authenticator":
            value = json.loads(value)["secret"]
        # Of a text, the first five characters stand for what the key's four bytes begin with.
        begin = value[:4].hex() if isinstance(value, bytes) else value[:5]
        found[begin] = found.get(begin, 0) + 1
    return found


def kill_in_the_middle(site, table, ring):
    """Start a rotation, and kill it when it has changed some rows of a table, and not all."""
    before = keys_used(site, table)
    assert len(before) == 1, "the table is not as it was before"
    rotation = site.start(
        "rotate_keys", "--batch=1", environment={"CONSOLE_ENCRYPTION_KEYS": ring}
    )
    while len(keys_used(site, table)) == 1:
        assert rotation.poll() is None, site.log
        time.sleep(0.01)
    rotation.send_signal(signal.SIGKILL)
    assert rotation.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    done = keys_used(site, table)
    assert len(done) == 2, "it was killed too late"
    assert sum(done.values()) == sum(before.values())


def test_killed_key_rotation_is_completed_by_the_next(encrypted):
    old, new = (encrypted.data / "encryption_keys").read_text().strip(), generate_key()
    ring = f"{new},{old}"
    before = json.loads(encrypted.python(READ))
    assert [len(each) for each in before[:3]] == [ROWS, ROWS, ROWS]
    for table in STAGES:
        kill_in_the_middle(encrypted, table, ring)
    # Half done, both keys are needed, and open everything.
    encrypted.environment["CONSOLE_ENCRYPTION_KEYS"] = ring
    assert json.loads(encrypted.python(READ)) == before
    encrypted.run("shell", "-v0", "-c", READ, fails=True, CONSOLE_ENCRYPTION_KEYS=new)
    said = encrypted.run("rotate_keys")
    assert "encrypted again" in said
    # Finished, the new one alone does, and there is nothing left to do.
    encrypted.environment["CONSOLE_ENCRYPTION_KEYS"] = new
    assert json.loads(encrypted.python(READ)) == before
    assert "0 encrypted again" in encrypted.run("rotate_keys")
    secrets = {row[0][:4].hex() for row in encrypted.rows(STAGES["console_accesskey"])}
    assert secrets == {key_id_of(new)}
    encrypted.run("verify_audit")
