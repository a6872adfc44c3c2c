"""Runs the fake cloud of `tests/ros_cloud.py`, sets its faults and reads its stacks."""

import importlib.util
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest

KEY, SECRET, TOKEN = "LTAI-test-key", "test-secret-of-the-key", "test-session-token"
CREDENTIALS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY,
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET,
    "ALIBABA_CLOUD_SECURITY_TOKEN": TOKEN,
}


class RosServer:
    """A running fake cloud."""

    def __init__(self, port):
        self.endpoint = f"http://127.0.0.1:{port}"

    def set(self, **knobs):
        """Set faults; return the stacks and calls."""
        request = Request(f"{self.endpoint}/_control", json.dumps(knobs).encode())
        with urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def reset(self, **knobs):
        return self.set(reset=True, **knobs)

    def touch(self, stack_id):
        """Change a stack as a user of the vendor's console would."""
        return self.set(touch=[stack_id])

    @property
    def stacks(self):
        return self.set()["stacks"]

    @property
    def living(self):
        return [each for each in self.stacks if each["status"] != "DELETE_COMPLETE"]

    def calls(self, action):
        return [kind for name, kind in self.set()["calls"] if name == action]


@contextmanager
def serving():
    """Run a fake cloud; without the SDK skip the test, in CI fail."""
    if importlib.util.find_spec("alibabacloud_ros20190910") is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs the extra [ros]", pytrace=False)
        pytest.skip("the extra [ros] is not installed")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ros_cloud"], stdout=subprocess.PIPE, text=True
    )
    try:
        yield RosServer(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
