"""A log that is too long, or that is no text at all (T43, M13, M14)."""

import threading

import pytest

from instances.engines.base import Event
from instances.models import TaskLog
from instances.worker.event_recorder import TaskLogWriter
from tests.factories import TaskFactory
from tests.faults.conftest import ended, said
from tests.waiting import beside, over

pytestmark = pytest.mark.django_db(transaction=True)


def events(start, count, size=100):
    return [
        Event(n * size, (n + 1) * size, "", "apply", "stdout", "info", f"{n:0{size}}")
        for n in range(start, start + count)
    ]


def kept(task):
    return [line[2] for chunk in task.logs.all() for line in chunk.lines]


@pytest.fixture
def limited(db, settings):
    settings.LOG_BYTES = 40_000
    return TaskFactory()


def keep(task, batches, size=10):
    writer = TaskLogWriter(task)
    for batch in batches:
        writer.append(events(batch * size, size))
        task.offset = (batch + 1) * size * 100


def test_log_within_its_limit_is_complete(limited):
    keep(limited, range(20))
    assert [int(line) for line in kept(limited)] == list(range(200))


def test_long_log_keeps_head_and_tail_with_a_marked_gap(limited, settings):
    keep(limited, range(500))
    lines = kept(limited)
    [mark] = [n for n, line in enumerate(lines) if "omitted here" in line]
    head, tail = lines[:mark], lines[mark + 1 :]
    assert [int(line) for line in head] == list(range(len(head)))
    assert [int(line) for line in tail] == list(range(5000 - len(tail), 5000))
    assert len(head) > 50
    assert len(tail) > 150
    assert sum(len(line) for line in lines) < settings.LOG_BYTES


def test_adopting_worker_keeps_the_log_limit(limited, settings):
    for begin in range(0, 500, 50):
        keep(limited, range(begin, begin + 50))
    lines = kept(limited)
    assert len([line for line in lines if "omitted here" in line]) == 1
    assert sum(len(line) for line in lines) < settings.LOG_BYTES
    assert int(lines[-1]) == 4999


def test_batch_longer_than_the_log_limit_is_shortened(limited, settings):
    TaskLogWriter(limited).append(events(0, 5000))
    lines = kept(limited)
    assert sum(len(line) for line in lines) < settings.LOG_BYTES
    assert int(lines[-1]) == 4999


@pytest.mark.engine
def test_terminal_sequences_and_controls_are_not_stored(scene):
    task = scene.fault("launch", FAULT="terminal")
    assert task.status == "Succeeded"
    text = said(task)
    assert "red" in text
    assert "<script>" in text
    assert not [c for c in text if (c < " " and c not in "\n\t") or c == "\u202e"]
    assert "[31m" not in text


@pytest.mark.engine
@pytest.mark.parametrize("fault", ["flood", "line"])
def test_log_flood_is_stopped_within_memory_and_database_limits(
    scene, worker, fault, settings
):
    """One gigabyte of lines, or one line of 200 MB; of a quarter of the usual limit."""
    settings.LOG_BYTES //= 4
    task = scene.order(FAULT=fault)
    process = worker(lease=30, program=True)
    high = []
    done = threading.Event()

    def watch():
        while not done.wait(0.1):
            with open(f"/proc/{process.pid}/status") as status:
                text = status.read()
            high.append(int(text.split("VmHWM:")[1].split()[0]) // 1024)

    watcher = beside(watch)
    try:
        # The flood passes through one core that others use too.
        task = ended(task, seconds=900)
    finally:
        done.set()
        over(watcher)
    if fault == "flood":
        assert task.status == "Failed"
        assert "log grew too large" in task.status_message
    assert max(high) < 300, f"{max(high)} MB"
    stored = sum(
        len(line[2]) for chunk in TaskLog.objects.iterator() for line in chunk.lines
    )
    assert stored < settings.LOG_BYTES
