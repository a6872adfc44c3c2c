"""The API's operations on what was launched: parameters, one verb, an answer.

The wire's names live here and nowhere else: the API says ProvisionedProduct, the code says
Instance.
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
