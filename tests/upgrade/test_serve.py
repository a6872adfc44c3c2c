"""An installation of version 0.1.0 is upgraded by starting the new version in its place."""

import json

import pytest

from tests.faults.installation import task
from tests.upgrade.browser import Browser, Script
from tests.upgrade.checks import FILLED, Visit
from tests.upgrade.old_version import BEFORE_THE_NAMES, VERSION_0_1_0, unpacked
from tests.upgrade.stored import CENTURY, DATA, unpack
from tests.upgrade.story import Story
from tests.waiting import wait_for

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("terraform")]
OPENED = """
import json
from tests.upgrade.checks import opened_columns
print(json.dumps(opened_columns()))
"""


def visit(site, facts):
    return Visit(
        lambda: Browser(site.address),
        lambda name: Script(site.address, *facts["keys"][name]),
        facts,
    )


def check(site, visited):
    """Check that all of the data are there."""
    opened = json.loads(site.python(OPENED))
    assert {name for name, count in opened.items() if count} == FILLED
    assert "chain intact" in site.run("verify_audit")
    visited.check_sessions()
    visited.check_instances()
    visited.check_script()


def ended(site):
    """Wait until no task is left; return how the tasks of each instance ended."""
    open_tasks = "SELECT count(*) FROM instances_task WHERE state <> 'ended'"
    wait_for(lambda: site.rows(open_tasks) == [(0,)], told=lambda: site.log[-2000:])
    return set(
        site.rows(
            "SELECT i.name, t.status FROM instances_task t"
            " JOIN instances_instance i ON i.last_task_id = t.id"
        )
    )


def test_stored_installation_goes_on(install):
    """With any Terraform: what an earlier one has planned is previewed anew."""
    site = install(**CENTURY)
    visited = visit(site, unpack(DATA / "0.1.0.tar.gz", site.data))
    site.serve()
    check(site, visited)

    visited.preview("waiting")
    visited.decide("waiting")
    visited.execute("waiting")
    visited.launch()
    visited.update(server_count=4)
    assert ended(site) == {
        ("shop", "Succeeded"),
        ("warehouse", "Failed"),
        ("database-waiting", "Succeeded"),
        ("drafted", "Succeeded"),
    }
    assert visited.resources() == 8


@pytest.mark.parametrize("revision", [VERSION_0_1_0, BEFORE_THE_NAMES])
def test_run_in_progress_is_adopted_and_plans_are_executed(install, tmp_path, revision):
    site = install()
    ours, site.root = site.root, unpacked(revision, tmp_path / "code")
    old = site.serve()
    story = Story(site.address)
    facts = story.tell()
    story.launch("Container cluster", "cluster", node_count=3, seconds_per_step=3)
    [(pk,)] = site.rows("SELECT id FROM instances_task WHERE state <> 'ended'")
    wait_for(lambda: int(task(site, pk)[3]) >= 1)
    old.terminate()
    old.wait()
    assert task(site, pk)[0] == "running"

    site.root = ours
    site.serve()
    visited = visit(site, facts)
    check(site, visited)
    visited.decide("waiting")
    visited.execute("waiting")
    visited.execute("approved")
    visited.launch()
    assert ended(site) == {
        ("shop", "Succeeded"),
        ("warehouse", "Failed"),
        ("cluster", "Succeeded"),
        ("database-waiting", "Succeeded"),
        ("database-approved", "Succeeded"),
        ("drafted", "Succeeded"),
    }
    _state, _status, attempt, done, epoch, status, _message = task(site, pk)
    assert (attempt, done, status) == ("0", "9", "Available")
    assert int(epoch) >= 2  # the new version went on where the old one stopped
