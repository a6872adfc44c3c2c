"""Cleanup of the run directories that killed workers left behind."""

from pathlib import Path
from threading import Barrier

import pytest

from instances.worker.cleanup import remove_orphaned_runs
from tests.waiting import beside, over

MANY = 400


@pytest.mark.django_db(transaction=True)
def test_workers_may_clean_up_at_the_same_time(settings):
    runs = Path(settings.DATA_DIR) / "runs"
    for number in range(MANY):
        (runs / f"task-{number}").mkdir(parents=True)
        (runs / f"task-{number}" / "run.json").write_text("{}")
    together, failures = Barrier(4), []

    def clean_up():
        together.wait()
        try:
            remove_orphaned_runs()
        except OSError as error:
            failures.append(error)

    for thread in [beside(clean_up) for _ in range(4)]:
        over(thread)
    assert failures == []
    assert list(runs.iterdir()) == []
