"""The worker's main loop: claims work and follows each run in a thread of its own."""

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
from instances.wakeup import Wakeup
from instances.worker.check_run import run_of
from instances.worker.cleanup import remove_orphaned_runs
from instances.worker.database_retry import CONNECTION_ERRORS, DatabaseRetry
from instances.worker.host import WorkerLock, has_free_disk_space, host_name

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
CLEANUP_INTERVAL = timedelta(minutes=10)
DISK_FREE = "enough disk space again, runs start"
DISK_FULL = "no run starts, the disk has too little free space (CONSOLE_FREE_BYTES)"


class Worker:
    """One process that follows up to `concurrency` runs at the same time."""

    def __init__(self, concurrency: int = 4) -> None:
        self.host = host_name()
        self.name = f"{self.host}-{os.getpid()}-{secrets.token_hex(2)}"
        self.concurrency = concurrency
        self.stopping = threading.Event()
        self.threads: set[threading.Thread] = set()
        self.lock = WorkerLock(self.name)
        self.wakeup = Wakeup(self.name)
        self.cleaned_up_at = now() - CLEANUP_INTERVAL
        self.heartbeat_at = self.recovered_at = 0.0
        self.free_disk_space = True

    def stop(self) -> None:
        """Stop following runs. They continue; another worker adopts them at once."""
        self.stopping.set()
        self.wakeup.wake()

    def work(self, *, once: bool = False) -> None:
        """Work on the queue until `stop` is called, or with `once` until it is empty."""
        logger.info("worker %s started", self.name)
        retry = DatabaseRetry(self.stopping)
        try:
            while not self.stopping.is_set():
                try:
                    if self._iterate() and once and not self._running():
                        return
                    self.wakeup.wait(0.1 if once else POLL_SECONDS)
                except CONNECTION_ERRORS:
                    logger.warning(
                        "worker %s: database unreachable", self.name, exc_info=True
                    )
                    retry.wait()
                except Exception:
                    # A full disk, no free file descriptor, a bug: the threads still follow
                    # their runs, and the queue is served again when the cause is gone.
                    logger.exception("worker %s: the main loop failed", self.name)
                    retry.wait()
        finally:
            for thread in list(self.threads):
                thread.join()
            self._delete_heartbeat()
            self.lock.release()
            self.wakeup.close()
            logger.info("worker %s ended", self.name)

    def _iterate(self) -> bool:
        """Run one iteration: heartbeat, recovery, claim. Return True if idle."""
        close_old_connections()
        self._maintain()
        self._release_lost_work()
        return not self._claim_all()

    def _maintain(self) -> None:
        """Store a heartbeat every 5 seconds, and clean up every 10 minutes."""
        free = self._check_disk_space()
        if time.monotonic() - self.heartbeat_at >= HEARTBEAT_SECONDS:
            self.heartbeat_at = time.monotonic()
            Heartbeat.objects.beat(
                self.name,
                host=self.host,
                capacity=self.concurrency,
                busy=self._running(),
                room=free,
            )
        if now() - self.cleaned_up_at >= CLEANUP_INTERVAL:
            self.cleaned_up_at = now()
            Plan.objects.abandoned().delete()
            Heartbeat.objects.forget_old()
            remove_orphaned_runs()

    def _check_disk_space(self) -> bool:
        """Return True if a run may start on this host. A change makes the heartbeat due."""
        free = has_free_disk_space()
        if free != self.free_disk_space:
            self.free_disk_space, self.heartbeat_at = free, 0.0
            logger.warning("worker %s: %s", self.name, DISK_FREE if free else DISK_FULL)
        return free

    def _delete_heartbeat(self) -> None:
        with contextlib.suppress(Error):
            Heartbeat.objects.filter(pk=self.name).delete()

    def _release_lost_work(self) -> None:
        """End the leases of killed workers of this host; suspect hosts that are silent."""
        if time.monotonic() - self.recovered_at < POLL_SECONDS:
            return
        self.recovered_at = time.monotonic()
        self.lock.touch()
        for queue in (Task.objects, Plan.objects, Check.objects):
            queue.suspect(self.host)
            held = queue.running().filter(host=self.host).exclude(worker=self.name)
            for name in set(held.order_by().values_list("worker", flat=True)):
                if not WorkerLock.is_held(name):
                    queue.let_go(name, self.host)

    def _running(self) -> int:
        """Return the number of runs that are followed now."""
        self.threads = {thread for thread in self.threads if thread.is_alive()}
        return len(self.threads)

    def _claim_all(self) -> bool:
        """Claim work up to the concurrency. Return True if any was claimed."""
        claimed = False
        while self._running() < self.concurrency and not self.stopping.is_set():
            work = self._claim()
            if work is None:
                break
            claimed = True
            thread = threading.Thread(target=self._follow, args=[work], name=work.pk)
            thread.start()
            self.threads.add(thread)
        return claimed

    def _claim(self) -> Work | None:
        """Claim the next piece of work: tasks first, then previews, then checks."""
        free = self._check_disk_space()
        for queue in (Task.objects, Plan.objects):
            work: Work | None = queue.claim(self.name, self.host, free_disk_space=free)
            if work is not None:
                return work
        # Checks use at most half of the concurrency, so that a launch need not wait for them.
        if self._running() > self.concurrency // 2:
            return None
        return Check.objects.claim(self.name, self.host, free_disk_space=free)

    def _follow(self, work: Work) -> None:
        try:
            run_of(work, self.stopping).drive()
        except Exception:
            # The lease expires, and the work is claimed again.
            logger.exception("%s: the run could not be followed", work.pk)
        finally:
            connection.close()
            self.wakeup.wake()
