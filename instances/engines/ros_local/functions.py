"""The functions of ROS by name: each makes an expression of what it is given."""

from instances.engines.ros_local import arithmetic, jq, lists, logic, references, texts
from instances.engines.ros_local.scope import Function

FUNCTIONS: dict[str, Function] = {
    **references.FUNCTIONS,
    **texts.FUNCTIONS,
    **lists.FUNCTIONS,
    **logic.FUNCTIONS,
    **arithmetic.FUNCTIONS,
    **jq.FUNCTIONS,
}
