"""The Celery application: `celery -A console worker`."""

import os
from importlib import import_module

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
django.setup()

# After setup, because the module needs the settings.
app = import_module("instances.worker.celery_dispatch").app
