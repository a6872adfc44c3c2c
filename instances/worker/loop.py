"""The worker: claims work and follows each run in a thread of its own."""

import contextlib
import logging
import os
import secrets
import threading
import time
from datetime import timedelta

from django.db import Error, close_old_connections, connection
from django.utils.timezone import now

from instances.models import Check, Heartbeat, Plan, Task, Work
from instances.wakeup import Bell
from instances.worker.check_run import CheckRun
from instances.worker.cleanup import sweep_runs
from instances.worker.database_retry import CONNECTION_ERRORS, DatabaseRetry
from instances.worker.host import WorkerLock, has_free_disk_space, host_name
from instances.worker.run import Run

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
BEAT_SECONDS = 5.0
SWEEP_EVERY = timedelta(minutes=10)
ROOM = "there is room for runs again"
NO_ROOM = "no run begins: the disk is below its floor (CONSOLE_FREE_BYTES)"


class Worker:
    """One process that runs up to `concurrency` pieces of work at once."""

    def __init__(self, concurrency: int = 4) -> None:
        self.host = host_name()
        self.name = f"{self.host}-{os.getpid()}-{secrets.token_hex(2)}"
        self.concurrency = concurrency
        self.stopping = threading.Event()
        self.threads: set[threading.Thread] = set()
        self.lock = WorkerLock(self.name)
        self.bell = Bell(self.name)
        self.swept_at = now() - SWEEP_EVERY
        self.beat_at = self.looked_at = 0.0
        self.room = True

    def stop(self) -> None:
        """Stop following. Runs go on; the next worker takes them over at once."""
        self.stopping.set()
        self.bell.ring()

    def work(self, *, once: bool = False) -> None:
        """Serve the queue until told to stop, or until it is empty."""
        logger.info("worker %s begins", self.name)
        retry = DatabaseRetry(self.stopping)
        try:
            while not self.stopping.is_set():
                try:
                    if self._turn() and once and not self._following():
                        return
                    self.bell.wait(0.1 if once else POLL_SECONDS)
                except CONNECTION_ERRORS:
                    logger.warning("worker %s: no database", self.name, exc_info=True)
                    retry.wait()
                except Exception:
                    # A full disk, no descriptor left, a bug: what runs is followed all the
                    # same, and who waits is served as soon as this is over.
                    logger.exception("worker %s: its loop failed", self.name)
                    retry.wait()
        finally:
            for thread in list(self.threads):
                thread.join()
            self._say_goodbye()
            self.lock.release()
            self.bell.close()
            logger.info("worker %s ends", self.name)

    def _turn(self) -> bool:
        """Once around: a sign of life, a look around, new work; whether there was none."""
        close_old_connections()
        self._beat()
        self._look_around()
        return not self._fill()

    def _beat(self) -> None:
        """Leave a sign of life for `/readyz`, and sweep up now and then."""
        room = self._has_room()
        if time.monotonic() - self.beat_at >= BEAT_SECONDS:
            self.beat_at = time.monotonic()
            Heartbeat.objects.beat(
                self.name,
                host=self.host,
                capacity=self.concurrency,
                busy=self._following(),
                room=room,
            )
        if now() - self.swept_at >= SWEEP_EVERY:
            self.swept_at = now()
            Plan.objects.abandoned().delete()
            Heartbeat.objects.forget_old()
            sweep_runs()

    def _has_room(self) -> bool:
        """Whether a run may begin on this host; when that has changed, it is told at once."""
        room = has_free_disk_space()
        if room != self.room:
            self.room, self.beat_at = room, 0.0
            logger.warning("worker %s: %s", self.name, ROOM if room else NO_ROOM)
        return room

    def _say_goodbye(self) -> None:
        """A worker that stops in good order is not waited for."""
        with contextlib.suppress(Error):
            Heartbeat.objects.filter(pk=self.name).delete()

    def _look_around(self) -> None:
        """See which of the workers are gone, here and on other hosts."""
        if time.monotonic() - self.looked_at < POLL_SECONDS:
            return
        self.looked_at = time.monotonic()
        self.lock.touch()
        for queue in (Task.objects, Plan.objects, Check.objects):
            queue.suspect(self.host)
            held = queue.running().filter(host=self.host).exclude(worker=self.name)
            for name in set(held.order_by().values_list("worker", flat=True)):
                if not WorkerLock.is_held(name):
                    queue.let_go(name, self.host)

    def _following(self) -> int:
        self.threads = {thread for thread in self.threads if thread.is_alive()}
        return len(self.threads)

    def _fill(self) -> bool:
        """Claim as much as there is room for; say whether anything was claimed."""
        claimed = False
        while self._following() < self.concurrency and not self.stopping.is_set():
            work = self._claim()
            if work is None:
                break
            claimed = True
            thread = threading.Thread(target=self._follow, args=[work], name=work.pk)
            thread.start()
            self.threads.add(thread)
        return claimed

    def _claim(self) -> Work | None:
        """The next piece of work: tasks, which people wait for, then previews, then checks."""
        mine, room = (self.name, self.host), self._has_room()
        work: Work | None = Task.objects.claim(*mine, room=room) or Plan.objects.claim(
            *mine, room=room
        )
        # Checks leave room: a launch must not wait for them.
        if work is None and self._following() <= self.concurrency // 2:
            work = Check.objects.claim(*mine, room=room)
        return work

    def _follow(self, work: Work) -> None:
        try:
            kind = CheckRun if isinstance(work, Check) else Run
            kind(work, self.stopping).drive()  # type: ignore[arg-type]
        except Exception:
            # Nothing may stop the loop; the lease runs out and the work is claimed again.
            logger.exception("%s could not be followed", work.pk)
        finally:
            connection.close()
            self.bell.ring()
