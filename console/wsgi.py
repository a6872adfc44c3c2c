"""The WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

from console.assets import make_all

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

application = get_wsgi_application()

# Before the server forks, so that all its processes have the assets of one release.
make_all()
