"""A backup made under load, restored on an empty host: whole, readable, nothing run again (F32)."""

import json
import sqlite3
import zipfile

import pytest
from django.db import connection

from console.backup.interrupted_work import session_statements
from console.lib.encryption import generate_key
from tests.faults.installation import furnish, launch, task, wait_for

pytestmark = pytest.mark.database  # made beside that of the tests
WRITER = """
from catalog.models import Product
from console.lib.audit import AuditEntry
from console.lib.users import User
bob = User.objects.get(username="bob")
n = 0
while True:
    n += 1
    AuditEntry.objects.record("Write", bob, by=bob, after={"n": n, "text": "x" * 500})
"""
PLANS = """
from catalog.models import Product, Region
from console.lib.users import User
from instances.models import Plan, ProvisioningSpec
product = Product.objects.get(name="Web service")
spec = ProvisioningSpec(product.versions.get(), product.portfolios.get(), {})
print(Plan.objects.draft_for("LaunchProduct", spec, by=User.objects.get(username="alice"),
    region=Region.objects.get(pk="eu-central-1"), instance_name="drafted").pk)
"""
EVERYTHING = """
from console.lib.encryption import can_unseal, sealed_values
values = [can_unseal(*each) for each in sealed_values(10**6)]
print(sum(values), len(values))
"""
PLAN = """
from instances.models import Plan
plan = Plan.objects.get(pk={pk!r})
print(plan.state, plan.status, plan.epoch, sep="|")
"""


@pytest.fixture
def sites(request, install):
    """Make installations on the kind of database the tests run on."""
    if connection.vendor == "sqlite":
        return install
    new_database = request.getfixturevalue("new_database")

    def make(name, **environment):
        return install(name, DATABASE_URL=new_database(name), **environment)

    return make


@pytest.fixture
def prepared(sites, install):
    """An installation with the demonstration's people and products, nothing running."""
    if sites is install:
        return install("origin", demo=True)
    site = sites("origin")
    furnish(site)
    return site


def key_of(site):
    return (site.data / "encryption_keys").read_text()


def manifest(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("manifest.json"))


@pytest.mark.engine
@pytest.mark.usefixtures("terraform")
def test_restore_keeps_all_data_and_runs_no_work_again(prepared, sites, tmp_path):
    file = tmp_path / "backup.zip"
    prepared.start("work", "--concurrency=1")
    running = launch(prepared, name="first", node_count=3, seconds_per_step=12)
    wait_for(lambda: int(task(prepared, running)[3]) >= 1)
    queued = launch(prepared, name="second", seconds_per_step=20)
    drafted = prepared.python(PLANS)
    writers = [prepared.start("shell", "-v0", "-c", WRITER) for _ in range(2)]
    for _ in range(3):
        said = prepared.run("backup", str(file))
    assert all(writer.poll() is None for writer in writers), prepared.log
    prepared.stop()
    assert "The keys are not included" in said
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.glob(".*backup*")) == []
    assert key_of(prepared).encode() not in file.read_bytes()

    other = sites("other", CONSOLE_ENCRYPTION_KEYS=key_of(prepared))
    said = other.run("restore", str(file))
    assert "The audit chain of" in said
    assert "2 waiting or running tasks are not executed again" in said
    opened, total = other.python(EVERYTHING).split()
    assert opened == total != "0"
    assert "chain intact" in other.run("verify_audit")
    other.run("work", "--once")
    for pk, words in ((running, "running"), (queued, "waiting")):
        state, status, _, _, epoch, instance, message = task(other, pk)
        assert (state, status, instance) == ("ended", "Failed", "Error")
        assert f"The task was {words} when the backup was created" in message
        assert epoch == ("1" if words == "running" else "0")
    assert other.python(PLAN.format(pk=drafted)) == "ended|PreviewFailed|0"
    # And a backup of what was restored is as good as the first.
    again = tmp_path / "again.zip"
    other.run("backup", str(again))
    assert "--force" in other.run("restore", str(again), fails=True)
    assert "Restored." in other.run("restore", str(again), "--force")


def test_backup_without_its_keys_is_refused_before_any_change(
    prepared, sites, tmp_path
):
    file = tmp_path / "backup.zip"
    prepared.run("backup", str(file))
    other = sites("other")
    assert "Set CONSOLE_ENCRYPTION_KEYS" in other.run("restore", str(file), fails=True)
    other.run("migrate", "-v0")
    people = "from console.lib.users import User; print(User.objects.count())"
    assert other.python(people) == "0"


def test_backup_includes_keys_on_request(prepared, sites, tmp_path):
    file = tmp_path / "backup.zip"
    said = prepared.run("backup", "--with-keys", str(file))
    assert "Protect the file like a password" in said
    other = sites("other")
    other.run("restore", str(file))
    assert key_of(other) == key_of(prepared)
    opened, total = other.python(EVERYTHING).split()
    assert opened == total
    elsewhere = sites("third", CONSOLE_ENCRYPTION_KEYS=generate_key())
    assert "unset it" in elsewhere.run("restore", str(file), fails=True)


def test_damaged_or_foreign_archive_is_refused(prepared, sites, tmp_path):
    file = tmp_path / "backup.zip"
    prepared.run("backup", str(file))
    key = {"CONSOLE_ENCRYPTION_KEYS": key_of(prepared)}
    other = sites("other", **key)
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 0xFF
    broken = tmp_path / "broken.zip"
    broken.write_bytes(body)
    assert "damaged" in other.run("restore", str(broken), fails=True)
    (tmp_path / "text").write_text("no zip")
    said = other.run("restore", str(tmp_path / "text"), fails=True)
    assert "cannot be read as a backup" in said
    newer = tmp_path / "newer.zip"
    with zipfile.ZipFile(newer, "w") as archive:
        facts = manifest(file)
        facts["migrations"]["instances"].append("0999_future")
        archive.writestr("manifest.json", json.dumps(facts))
    assert "newer version" in other.run("restore", str(newer), fails=True)
    assert "Restored." in other.run("restore", str(file))


# A restore that dies right after the data was put back, before anything else is done.
CUT_OFF = """
from pathlib import Path
from console.backup import restore
def cut_off(*args, **options):
    raise KeyboardInterrupt
restore.call_command = cut_off
try:
    list(restore.restore(Path({file!r}), force=True))
except KeyboardInterrupt:
    print("cut off")
"""


def test_interrupted_restore_signs_no_user_in(prepared, tmp_path):
    """The sessions of the backup end in the transaction that puts the data back."""
    file = tmp_path / "backup.zip"
    prepared.python(
        "from console.accounts.sessions import SessionStore\nSessionStore().save()\n"
        "from instances.models import Heartbeat\n"
        "Heartbeat.objects.beat('w', host='h', capacity=1, busy=0)\n"
        "Heartbeat.objects.update(at='2020-01-01T00:00Z')"
    )
    prepared.run("backup", str(file))
    assert prepared.rows("SELECT count(*) FROM console_session") == [(1,)]
    assert "cut off" in prepared.python(CUT_OFF.format(file=str(file)))
    assert prepared.rows("SELECT count(*) FROM console_user") == [(4,)]
    assert prepared.rows("SELECT count(*) FROM console_session") == [(0,)]
    assert prepared.rows("SELECT count(*) FROM instances_heartbeat") == [(0,)]


def test_backup_without_session_table_is_restored():
    old = {"sessions": ["0001_initial"], "console": ["0001_initial"]}
    assert list(session_statements(old)) == ["DELETE FROM django_session"]


def test_restore_requires_stopped_workers(prepared, tmp_path):
    file = tmp_path / "backup.zip"
    prepared.run("backup", str(file))
    beat = (
        "from instances.models import Heartbeat\n"
        "Heartbeat.objects.beat('w', host='h', capacity=1, busy=0)"
    )
    prepared.python(beat)
    said = prepared.run("restore", "--force", str(file), fails=True)
    assert "A worker is running" in said


def test_a_database_of_another_kind_is_refused(install, tmp_path):
    site = install()
    site.run("migrate", "-v0")
    file = tmp_path / "backup.zip"
    site.run("backup", str(file))
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        facts = manifest(file) | {"engine": "postgresql"}
        archive.writestr("manifest.json", json.dumps(facts))
    assert "same kind of database" in site.run("restore", str(other), fails=True)


def test_the_database_inside_is_one_whole_file(install, tmp_path):
    site = install()
    site.run("migrate", "-v0")
    # A name that would be something else in an address.
    file = tmp_path / "50%41?" / "backup.zip"
    file.parent.mkdir()
    site.run("backup", str(file))
    with zipfile.ZipFile(file) as archive:
        archive.extract("database", tmp_path)
    opened = sqlite3.connect(tmp_path / "database")
    assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    opened.close()
