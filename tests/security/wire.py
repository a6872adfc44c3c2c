"""Requests and responses as bytes, without an HTTP client library."""

import http.client
import io
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field

SECONDS = 60
MOST_BYTES = 64 << 20


@dataclass
class Ask:
    """A request. `kind` and `target` identify it in a report."""

    kind: str
    method: str
    path: str
    role: str = "anonymous"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    target: str = ""

    def raw(self, host: str, cookie: str) -> bytes:
        """Return the bytes to send; given headers override the default ones."""
        given = {name.lower() for name, _ in self.headers}
        own = [("Host", host), ("Cookie", cookie), ("Connection", "close")]
        if "transfer-encoding" not in given:
            own.append(("Content-Length", str(len(self.body))))
        lines = [(n, v) for n, v in own if n.lower() not in given and v] + self.headers
        head = "".join(f"{name}: {text}\r\n" for name, text in lines)
        first = f"{self.method} {self.path} HTTP/1.1\r\n"
        return (first + head + "\r\n").encode("utf-8", "replace") + self.body


@dataclass
class Told:
    """A response; status 0 means that there is none."""

    status: int
    headers: http.client.HTTPMessage | dict[str, str]
    body: bytes
    seconds: float


def send(port: int, raw: bytes, method: str = "GET") -> Told:
    """Send bytes to a port of loopback and read the whole response."""
    began = time.perf_counter()
    try:
        with socket.create_connection(("127.0.0.1", port), SECONDS) as wire:
            # Refused before all of it was read: the answer is there all the same.
            with suppress(BrokenPipeError, ConnectionResetError):
                wire.sendall(raw)
            received = _read(wire)
    except OSError:
        received = b""
    seconds = time.perf_counter() - began
    return _parsed(received, seconds, method)


def _read(wire: socket.socket) -> bytes:
    parts, size = [], 0
    while size < MOST_BYTES:
        try:
            part = wire.recv(1 << 16)
        except ConnectionResetError:
            break
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


class _Bytes:
    """The socket that http.client reads from."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self.content)


def _parsed(received: bytes, seconds: float, method: str) -> Told:
    wire = _Bytes(received)
    answer = http.client.HTTPResponse(wire, method=method)  # type: ignore[arg-type]
    try:
        answer.begin()
        body = answer.read()
    except (http.client.HTTPException, ValueError):
        return Told(0, {}, received, seconds)
    return Told(answer.status, answer.headers, body, seconds)
