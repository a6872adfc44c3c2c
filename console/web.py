"""Configuration of gunicorn: `gunicorn -c python:console.web console.wsgi`.

Options on its command line, such as `--bind`, override these.
"""

import contextlib
import os

# Set by `serve`, which waits until every process is ready.
READY = "CONSOLE_READY_FD"

workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
# `serve` replaces the whole server; without it SIGHUP must load new code.
preload_app = READY in os.environ
loglevel = "warning"
graceful_timeout = 10
# The maximum of gunicorn; longer requests get the error page of the console.
limit_request_line = 8190
# The file would be shared by all servers of the user.
control_socket_disable = True


def post_worker_init(worker: object) -> None:
    """Notify `serve` that a web process is ready. The pipe may be closed."""
    if READY in os.environ:
        with contextlib.suppress(OSError):
            os.write(int(os.environ[READY]), b"!")
