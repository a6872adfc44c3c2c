"""A running console with an object of every type, for campaigns from outside."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 300
# In a form as in the cookie: Django takes the secret itself for a token.
CSRF_TOKEN = "f" * 32


def free_port() -> int:
    """Return an unused port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Site:
    """`manage.py serve --demo` without a worker, so that tasks stay queued.

    This process uses the same data directory and reads and writes rows directly.
    """

    def __init__(self, data: str, *, log: Path) -> None:
        self.port = free_port()
        self.log = log
        with log.open("wb") as stream:
            self.server = subprocess.Popen(
                [
                    sys.executable,
                    "manage.py",
                    "serve",
                    "--demo",
                    "--workers=0",
                    f"--port={self.port}",
                ],
                cwd=ROOT,
                env=os.environ | {"CONSOLE_DATA_DIR": data},
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.2)
        raise SystemExit(f"The server did not start:\n{self.log.read_text()}")

    def stop(self) -> None:
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(300)

    def memory(self) -> int:
        """Return the resident bytes of the web processes, without children of requests."""
        return sum(_resident(pid) for pid in _web_processes(self.server.pid))


def _web_processes(root: int) -> list[int]:
    found, todo = [], [root]
    while todo:
        parent = todo.pop()
        children = Path(f"/proc/{parent}/task/{parent}/children")
        try:
            todo += map(int, children.read_text().split())
            if b"gunicorn" in Path(f"/proc/{parent}/cmdline").read_bytes():
                found.append(parent)
        except OSError:
            continue
    return found


def _resident(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


class People:
    """A session cookie and an access key for each role, renewed if they end."""

    def __init__(self) -> None:
        from console.lib.users import User
        from tests.everything import Everything

        find = User.objects.get
        self.everything = Everything(
            find(username="alice"), find(username="bob"), find(username="admin")
        )
        self.root = User.objects.create_superuser("root", password=secrets.token_hex())
        self.roles = ("anonymous", "alice", "bob", "admin", "root")
        self.cookies: dict[str, str] = {}
        self.keys: dict[str, tuple[str, str]] = {}
        for role in self.roles:
            self.renew(role)

    def renew(self, role: str) -> None:
        """Sign the user in again, active and with an enabled key."""
        from django.conf import settings
        from django.test import Client

        from console.api.access_keys import AccessKey
        from console.lib.users import User

        cookies = [f"{settings.CSRF_COOKIE_NAME}={CSRF_TOKEN}"]
        if role != "anonymous":
            User.objects.filter(username=role).update(is_active=True)
            user = User.objects.get(username=role)
            client = Client()
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            cookies.append(f"{name}={client.cookies[name].value}")
            known = self.keys.get(role, ("", ""))[0]
            if not AccessKey.objects.filter(pk=known, active=True).exists():
                AccessKey.objects.filter(user=user).exclude(
                    pk=self.everything.key.pk
                ).delete()
                key = AccessKey.objects.issue(user, by=user)
                self.keys[role] = (key.pk, key.secret_text)
        self.cookies[role] = "; ".join(cookies)
