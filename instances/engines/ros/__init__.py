"""Runs both kinds of template as stacks of Alibaba Cloud ROS, by its official SDK.

A run is a detached driver in a directory, as Terraform's is, and not calls made by the
worker: so the log, its offsets, the stages, the end, cancellation and adoption are the
same files and the same code, and a worker that is restarted or paused delays nothing.

What differs is death. A stack goes on when whoever asked for it dies, so a run that died
while changing something is not "interrupted": the worker starts its driver again, here or
on another host, and that finds out what there is. It cannot make a second stack: a change
has one client token, a region has one stack of a name, and a tag of the stack says for
which change it was last asked for (see `stack`). What the driver has told is read back
from its log, so nothing is told twice.

A preview is PreviewStack and not a change set, which would leave a stack under review in
the cloud for each preview nobody carries out. A saved plan is what the preview found and
from which state of the stack; it is previewed again right before it is carried out, and
refused when either differs.

Where Terraform has a state, this has a small document: the stack's ID, its resources and
outputs, and the settings they were last given, with a serial.
"""

from instances.engines.ros.engine import Ros

__all__ = ["Ros"]
