"""The reader of ROS templates."""
