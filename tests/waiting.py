"""Waiting for states, with an end that says what was waited for."""

import inspect
import threading
import time
from functools import partial

import pytest
from django.db import connections

from instances.engines import processes

# The end of patience, for a loaded machine too: what is waited for comes long before.
PATIENCE_SECONDS = 300


def wait_for(condition, seconds=PATIENCE_SECONDS, told=None):
    """Return the first true answer of a condition; `told` says how things stand at the end."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            stand = f": {told()}" if told else ""
            pytest.fail(f"waited {seconds} s in vain for {_words(condition)}{stand}")
        time.sleep(0.02)
    return answer


def beside(step, *arguments):
    """Start a thread that does this meanwhile; it closes its connections at the end."""
    run = partial(_close_after, step, arguments)
    thread = threading.Thread(target=run, name=_words(step), daemon=True)
    thread.start()
    return thread


def over(thread, seconds=PATIENCE_SECONDS):
    """Wait until a thread has done its part."""
    thread.join(seconds)
    if thread.is_alive():
        pytest.fail(f"waited {seconds} s in vain for the end of {thread.name}")


def gone(pids):
    """Return whether none of these processes runs any more."""
    return not any(map(processes.start_time, pids))


def _close_after(step, arguments):
    try:
        step(*arguments)
    finally:
        connections.close_all()


def _words(function):
    """Return the source of a function, and where it is."""
    try:
        lines, number = inspect.getsourcelines(function)
        file = inspect.getsourcefile(function).rpartition("/")[2]
    except (OSError, TypeError):
        return repr(function)
    return f"{' '.join(' '.join(lines).split())[:200]!r} ({file}:{number})"
