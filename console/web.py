"""How gunicorn serves the console: `gunicorn -c python:console.web console.wsgi`.

Options on its command line, such as `--bind`, go before what is said here.
"""

import contextlib
import os
from typing import Any

# Set by `serve`, which wants to know when every process is ready to answer.
READY = "CONSOLE_READY_FD"

workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
# `serve` replaces the whole server; under gunicorn alone, SIGHUP has to load new code.
preload_app = READY in os.environ
loglevel = "warning"
graceful_timeout = 10
# The longest gunicorn takes: what is longer is refused in words of ours.
limit_request_line = 8190
# One file for all servers of a person: two of them would fight for it.
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Tell `serve` that one more process answers; it may have stopped listening."""
    if READY in os.environ:
        with contextlib.suppress(OSError):
            os.write(int(os.environ[READY]), b"!")
