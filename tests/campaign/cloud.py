"""A cloud on this host: the stand-in for Terraform tells it of everything it does.

What it has seen is the truth the records of the console are compared with.
"""

import socketserver
import threading
import time
from dataclasses import dataclass, field


@dataclass
class Apply:
    """One `apply` that began: what it did, and how it ended if it lived to tell."""

    run: str
    kind: str
    began: float
    ended: float = 0.0
    code: int | None = None
    done: list[tuple[str, str]] = field(default_factory=list)

    @property
    def task(self) -> str:
        return "-".join(self.run.split("-")[:2])


class Cloud(socketserver.ThreadingTCPServer):
    """Listens on a free port of the loopback."""

    daemon_threads = allow_reuse_address = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Teller)
        self.applies: list[Apply] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server_address[1]


class Teller(socketserver.StreamRequestHandler):
    """One connection is one apply: a process that is killed closes it."""

    def handle(self) -> None:
        apply: Apply | None = None
        try:
            for raw in self.rfile:
                verb, *words = raw.decode().split()
                if verb == "BEGIN":
                    apply = Apply(words[0], words[1], time.monotonic())
                    self.server.applies.append(apply)
                elif verb == "END":
                    apply.code = int(words[0])
                else:
                    apply.done.append((verb, words[0]))
                self.wfile.write(b"ok\n")
        except OSError:
            pass
        finally:
            if apply is not None:
                apply.ended = time.monotonic()
