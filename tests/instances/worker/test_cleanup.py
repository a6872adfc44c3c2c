"""remove_orphaned_runs(): what killed workers left in the directory of the runs"""

from pathlib import Path
from threading import Barrier

import pytest

from instances.worker.cleanup import remove_orphaned_runs
from tests.waiting import beside, over

MANY = 400


@pytest.mark.django_db(transaction=True)
def test_workers_that_begin_together_sweep_together(settings):
    runs = Path(settings.DATA_DIR) / "runs"
    for number in range(MANY):
        (runs / f"task-{number}").mkdir(parents=True)
        (runs / f"task-{number}" / "run.json").write_text("{}")
    together, failures = Barrier(4), []

    def sweep():
        together.wait()
        try:
            remove_orphaned_runs()
        except OSError as error:
            failures.append(error)

    for thread in [beside(sweep) for _ in range(4)]:
        over(thread)
    assert failures == []
    assert list(runs.iterdir()) == []
