"""A listener on loopback that counts connections: the console must not make any."""

import socket
import threading
from contextlib import contextmanager, suppress


class Listener:
    """Accepts and counts connections on 127.0.0.1 and, if available, ::1."""

    def __init__(self):
        self.hits = 0
        self.sockets = [_bound(socket.AF_INET, ("127.0.0.1", 0))]
        self.port = self.sockets[0].getsockname()[1]
        # A machine may be without IPv6.
        with suppress(OSError):
            self.sockets.append(_bound(socket.AF_INET6, ("::1", self.port)))
        for each in self.sockets:
            threading.Thread(target=self._take, args=(each,), daemon=True).start()

    def _take(self, listening):
        while True:
            try:
                taken, _address = listening.accept()
            except OSError:
                return
            self.hits += 1
            taken.close()

    def close(self):
        for each in self.sockets:
            # Else whoever waits in accept() would go on, and take what is another's.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def _bound(family, address):
    found = socket.socket(family, socket.SOCK_STREAM)
    found.bind(address)
    found.listen()
    return found


@contextmanager
def listening():
    """A listener for the duration of a test."""
    listener = Listener()
    try:
        yield listener
    finally:
        listener.close()
