"""A new version migrates the database while the old one serves and a task applies (F31)."""

import shutil
import signal

import pytest
from django.db import connection

from tests.faults.installation import ROOT, Load, launch, task, wait_for

MIGRATION = '''
import time
from pathlib import Path
from django.db import migrations, models

def slowly(apps, schema_editor):
    """Fill the new column a row at a time, as a big table would have it."""
    users = apps.get_model("console", "User")
    for user in users.objects.all():
        users.objects.filter(pk=user.pk).update(nickname=user.username)
        if {stays}:
            Path({begun!r}).touch()
            time.sleep(600)

class Migration(migrations.Migration):
    dependencies = [("console", {last!r})]
    operations = [
        migrations.AddField("User", "nickname", models.CharField(max_length=150, null=True)),
        migrations.RunPython(slowly, migrations.RunPython.noop),
    ]
'''
PEOPLE = "SELECT count(*) FROM console_user"
APPLIED = "SELECT count(*) FROM django_migrations WHERE name = '0999_nickname'"
NAMED = "SELECT count(*) FROM console_user WHERE nickname = username"


@pytest.fixture
def live(request, install):
    if connection.vendor == "sqlite":
        return install(demo=True)
    new_database = request.getfixturevalue("new_database")
    return install(DATABASE_URL=new_database("live"))


@pytest.fixture
def next_version(live, tmp_path):
    """A checkout of the version after this one, which adds a column and fills it."""
    root = tmp_path / "next"
    root.mkdir()
    for name in ("console", "catalog", "instances", "templates", "static"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "manage.py", root)
    migrations = root / "console" / "migrations"
    last = max(path.stem for path in migrations.glob("0*.py"))

    def write(*, stays):
        text = MIGRATION.format(last=last, stays=stays, begun=str(root / "begun"))
        (migrations / "0999_nickname.py").write_text(text)
        live.root = root
        return root

    yield write
    live.root = ROOT


@pytest.mark.database
@pytest.mark.engine
@pytest.mark.usefixtures("terraform")
def test_the_old_version_serves_on_while_the_new_one_migrates_even_if_killed(
    live, next_version
):
    live.serve()
    people = live.rows(PEOPLE)
    pk = launch(live, seconds_per_step=4)
    wait_for(lambda: int(task(live, pk)[3]) >= 1)
    root = next_version(stays=True)
    with Load(live, ["/accounts/login/"], threads=2) as load:
        migrating = live.start("migrate", "--no-input", "--skip-checks")
        wait_for(lambda: (root / "begun").exists() or migrating.poll() is not None)
        served = len(load.statuses)
        wait_for(lambda: len(load.statuses) > served + 20)
        migrating.send_signal(signal.SIGKILL)
        assert migrating.wait() == -signal.SIGKILL, live.log
        assert live.rows(APPLIED) == [(0,)]
        next_version(stays=False)
        live.run("migrate", "-v0")
    assert load.failed == []
    assert live.rows(APPLIED) == [(1,)]
    assert live.rows(PEOPLE) == live.rows(NAMED) == people
    live.root = ROOT
    wait_for(lambda: task(live, pk)[0] == "ended")
    assert task(live, pk)[1] == "Succeeded"
    # The old version, which knows nothing of the column, still is what it was.
    assert live.ready()
