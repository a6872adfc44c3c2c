"""The API operations on instances, tasks and plans.

Only this package uses the names of the API: it says ProvisionedProduct, the code Instance.
"""

from collections.abc import Mapping

from console.lib.operation import Operation
from instances.operations import approvals, changes, instances, launching, plans, tasks

OPERATIONS: Mapping[str, Operation] = {
    **instances.OPERATIONS,
    **launching.OPERATIONS,
    **tasks.OPERATIONS,
    **plans.OPERATIONS,
    **changes.OPERATIONS,
    **approvals.OPERATIONS,
}
