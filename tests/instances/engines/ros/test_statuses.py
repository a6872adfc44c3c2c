"""The status of an instance for each of the 31 stack statuses of ROS (spec 6.7)."""

import pytest

from instances.engines.ros.statuses import meaning

OPERATIONS = (
    *("CREATE", "UPDATE", "DELETE", "CREATE_ROLLBACK", "ROLLBACK", "CHECK"),
    *("IMPORT_CREATE", "IMPORT_CREATE_ROLLBACK", "IMPORT_UPDATE"),
    "IMPORT_UPDATE_ROLLBACK",
)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_in_progress_is_under_change(operation):
    assert meaning(f"{operation}_IN_PROGRESS") == "UnderChange"


def test_review_is_under_change():
    assert meaning("REVIEW_IN_PROGRESS") == "UnderChange"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_failed_is_error(operation):
    assert meaning(f"{operation}_FAILED") == "Error"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_complete_is_available_but_for_rollback_and_deletion(operation):
    expected = "Error" if operation.endswith("ROLLBACK") else "Available"
    expected = "Removed" if operation == "DELETE" else expected
    assert meaning(f"{operation}_COMPLETE") == expected


@pytest.mark.parametrize("status", ["", "SOMETHING_NEW"])
def test_unknown_status_is_error(status):
    assert meaning(status) == "Error"
