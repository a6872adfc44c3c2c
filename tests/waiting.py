"""Waiting with an end, that says what was waited for."""

import inspect
import threading
import time

import pytest


def wait_for(condition, seconds, told=None):
    """The first true answer of a condition; `told` says at the end how things stand."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            stand = f": {told()}" if told else ""
            pytest.fail(f"waited {seconds} s in vain for {_words(condition)}{stand}")
        time.sleep(0.05)
    return answer


def beside(step):
    """A thread that does this meanwhile; it keeps nobody from ending."""
    thread = threading.Thread(target=step, name=_words(step), daemon=True)
    thread.start()
    return thread


def over(thread, seconds=60):
    """Wait until a thread has done its part."""
    thread.join(seconds)
    if thread.is_alive():
        pytest.fail(f"waited {seconds} s in vain for the end of {thread.name}")


def _words(function):
    """A function as it is written, and where."""
    try:
        lines, number = inspect.getsourcelines(function)
        file = inspect.getsourcefile(function).rpartition("/")[2]
    except (OSError, TypeError):
        return repr(function)
    return f"{' '.join(' '.join(lines).split())[:200]!r} ({file}:{number})"
