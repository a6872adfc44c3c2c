"""The functions of ROS templates, each as an expression of Terraform."""

from typing import Any

FUNCTIONS: dict[str, Any] = {}
