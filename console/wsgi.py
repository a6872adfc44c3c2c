"""The web server's entry point."""

import os

from django.core.wsgi import get_wsgi_application

from console.assets import make_all

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

application = get_wsgi_application()

# Before the server forks, so that an upgrade in place cannot give its processes two releases.
make_all()
