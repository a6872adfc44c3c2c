"""The engine `ros`: runs both kinds of template as stacks of Alibaba Cloud ROS, by its SDK.

A run is a detached driver in a directory, as with Terraform, and not a sequence of calls by
the worker. So log, offsets, stages, end, cancellation and adoption have the same files and
the same code, and a worker that is restarted or paused delays nothing.

The death of a run differs. A stack goes on when its driver dies, so such a run is not
"interrupted": the worker starts the driver again, here or on another host, which looks up
the stack. It cannot create a second one: a change has one client token, a region has one
stack of a name, and a tag of the stack names the change last requested (see `stack`). The
driver reads its log, so that no event is logged twice.

A preview is PreviewStack and not a change set, which would leave a stack under review in the
cloud for each preview that is not executed. A saved plan is the result of the preview and the
state of the stack it started from. It is previewed again right before it is executed, and
refused when either differs.

In place of Terraform's state there is a small document: the stack's ID, its resources and
outputs, and the properties they were last given, with a serial.
"""

from instances.engines.ros.engine import Ros

__all__ = ["Ros"]
