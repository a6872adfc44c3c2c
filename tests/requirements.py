"""Tools that a test needs and a machine may lack."""

import os

import pytest


def missing(reason):
    """Skip the test; in the build, where everything is installed, fail it."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
