"""The engine `ros_local`: simulates ROS templates by Terraform's built-in terraform_data."""

from instances.engines.ros_local.engine import DOCUMENT, RosLocal
from instances.engines.ros_local.error_collector import Problem
from instances.engines.ros_local.translation import problems, translate

__all__ = ["DOCUMENT", "Problem", "RosLocal", "problems", "translate"]
