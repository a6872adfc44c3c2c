"""The console as gunicorn serves it, on a database that falls asleep in the middle of a change.

`STALL` names a file. While `STALL.armed` is there, the next transaction that has written its
rows and comes to its entry in the audit log writes its process ID into `STALL`, and sleeps.
"""

import os
import time
from pathlib import Path

from django.conf import settings
from django.db.backends.signals import connection_created

# Plain names for static files: nothing has to be collected.
PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": PLAIN}}

from console.wsgi import application  # noqa: E402

__all__ = ["application"]
STALL = Path(os.environ["STALL"])
ARMED = STALL.with_suffix(".armed")


def stall(execute, sql, params, many, context):
    if sql.startswith('INSERT INTO "console_auditentry"') and ARMED.exists():
        ARMED.unlink()
        draft = STALL.with_suffix(".draft")
        draft.write_text(str(os.getpid()))
        draft.rename(STALL)
        time.sleep(600)
    return execute(sql, params, many, context)


def install(connection, **kwargs):
    if stall not in connection.execute_wrappers:
        connection.execute_wrappers.append(stall)


connection_created.connect(install)
