"""A real Redis, and Celery's worker as an operator starts it."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from tests.faults.installation import free_port
from tests.waiting import wait_for


class Broker:
    """A Redis on a port of its own that can be stopped and started."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = None

    def start(self):
        options = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), *options],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )
        wait_for(self.answers)

    def answers(self):
        import redis

        try:
            return redis.Redis.from_url(self.url).ping()
        except redis.ConnectionError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def broker(tmp_path):
    pytest.importorskip("celery")
    if not shutil.which("redis-server"):
        if os.environ.get("CI"):
            pytest.fail("CI needs redis-server", pytrace=False)
        pytest.skip("no redis-server on PATH")
    made = Broker(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def site(install, broker):
    """An installation that dispatches by the broker, with nobody to take its work yet."""
    return install(demo=True, CONSOLE_BROKER_URL=broker.url)


@pytest.fixture
def celery(site):
    """Start Celery's worker; it is ready when it beats."""

    def start(*options, ready=True):
        log = (site.data.parent / "celery.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "console", "worker", *options],
            cwd=site.root,
            env=site.environment,
            stdout=log,
            stderr=log,
        )
        site.started.append(process)
        if ready:
            beats = "SELECT count(*) FROM instances_heartbeat"
            wait_for(lambda: site.rows(beats) != [(0,)])
        return process

    return start


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
