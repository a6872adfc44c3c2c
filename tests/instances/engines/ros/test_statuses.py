"""What each of ROS's 31 stack statuses means for an instance (spec 6.7)."""

import pytest

from instances.engines.ros.statuses import meaning

OPERATIONS = (
    *("CREATE", "UPDATE", "DELETE", "CREATE_ROLLBACK", "ROLLBACK", "CHECK"),
    *("IMPORT_CREATE", "IMPORT_CREATE_ROLLBACK", "IMPORT_UPDATE"),
    "IMPORT_UPDATE_ROLLBACK",
)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_in_progress_is_under_change(operation):
    assert meaning(f"{operation}_IN_PROGRESS") == "UnderChange"


def test_a_review_is_a_change_as_well():
    assert meaning("REVIEW_IN_PROGRESS") == "UnderChange"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_failed_is_an_error(operation):
    assert meaning(f"{operation}_FAILED") == "Error"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_complete_is_available_but_for_rollbacks_and_deletions(operation):
    expected = "Error" if operation.endswith("ROLLBACK") else "Available"
    expected = "Removed" if operation == "DELETE" else expected
    assert meaning(f"{operation}_COMPLETE") == expected


@pytest.mark.parametrize("status", ["", "SOMETHING_NEW"])
def test_an_unknown_status_is_never_a_success(status):
    assert meaning(status) == "Error"
