#!/usr/bin/env python
"""The command line: `python manage.py serve --demo` is the place to begin."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # What is wrong, rather than where in the code it was noticed.
        sys.exit(f"Error: {error}")
