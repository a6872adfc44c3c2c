"""The functions of ROS by name: each translates its argument to an expression."""

from instances.engines.ros_local.functions import (
    arithmetic,
    conditions,
    jq,
    lists,
    references,
    strings,
)
from instances.engines.ros_local.scope import Function

FUNCTIONS: dict[str, Function] = {
    **references.FUNCTIONS,
    **strings.FUNCTIONS,
    **lists.FUNCTIONS,
    **conditions.FUNCTIONS,
    **arithmetic.FUNCTIONS,
    **jq.FUNCTIONS,
}
