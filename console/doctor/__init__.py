"""Checks of an installation: the `doctor` command and the system checks of Django."""
