"""Celery as a way to distribute work over hosts: `celery -A console worker`.

A message holds the ID of a piece of work and is acknowledged at once. It only tells the
consumer to look at the queue, where work is claimed as by every worker: a message that comes
twice, late or never changes no result. Consumers send messages again for work that was not
claimed in time.
"""

import logging
import threading
import time
from datetime import timedelta
from typing import Any

from celery import Celery, signals
from celery.utils.nodenames import worker_direct
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, close_old_connections, connection
from django.utils.timezone import now
from kombu.entity import Queue
from kombu.exceptions import KombuError

from console.lib.encryption import check_ring
from instances.models import Check, Plan, Task
from instances.worker.loop import Worker

logger = logging.getLogger(__name__)

# The message of work that is queued longer was lost, or is at a worker that was killed.
RESEND_AFTER = timedelta(seconds=5)
MAINTENANCE_SECONDS = 5.0
# The pause after a failed send, so that not every request waits for the broker.
PAUSE_SECONDS = 15.0
CONNECT_SECONDS = 2

app = Celery("catalog", broker=settings.BROKER_URL, set_as_current=False)
app.conf.update(
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=CONNECT_SECONDS,
    broker_transport_options={
        "max_retries": 1,
        "interval_start": 0,
        "interval_max": 0.2,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_keepalive": True,
    },
    task_acks_late=False,
    task_default_queue="catalog",
    task_ignore_result=True,
    worker_concurrency=4,
    worker_direct=True,
    worker_hijack_root_logger=False,
    # Each run is a process of its own; a thread follows it until the consumer stops.
    worker_pool="threads",
    worker_prefetch_multiplier=1,
)
_broker_away_until = 0.0


def send(pk: str, **options: object) -> None:
    """Send a message about a piece of work.

    Errors are logged and ignored: consumers send lost messages again.
    """
    global _broker_away_until
    if time.monotonic() < _broker_away_until:
        return
    try:
        take_up.apply_async(args=[pk], retry=False, **options)
    except (KombuError, OSError) as error:
        _broker_away_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("%s is queued, but the broker is unreachable: %s", pk, error)


@app.task(name="catalog.take_up")
def take_up(pk: str) -> None:
    """Claim the next work of the queue and follow it; `pk` is used for the log only."""
    claimed = consumer().claim_one()
    logger.info("message about %s: claimed %s", pk, claimed or "nothing")


class Consumer(Worker):
    """A worker that follows each run in the Celery thread that got a message."""

    def __init__(self, concurrency: int, queue: Queue) -> None:
        super().__init__(concurrency)
        self.queue = queue
        self.following: set[int] = set()
        self.maintenance = threading.Thread(target=self._loop, name="maintenance")

    def _running(self) -> int:
        return len(self.following)

    def claim_one(self) -> str:
        """Claim one piece of work and follow it to its end. Return its ID, or ""."""
        if self.stopping.is_set():
            return ""
        close_old_connections()
        me = threading.get_ident()
        self.following.add(me)
        try:
            work = self._claim()
            if work is None:
                return ""
            self._follow(work)
            return work.pk
        finally:
            self.following.discard(me)
            connection.close()

    def _loop(self) -> None:
        """Until stopped: heartbeat, cleanup, recovery, and resending of lost messages."""
        while not self.stopping.is_set():
            try:
                close_old_connections()
                self._maintain()
                self._release_lost_work()
                self._resend()
            except Error as error:
                logger.warning("database unreachable: %s", error)
            except Exception:
                # This thread must go on: without it, lost messages are not sent again.
                logger.exception("the maintenance of the consumer failed")
            self.wakeup.wait(MAINTENANCE_SECONDS)
        self._delete_heartbeat()
        self.lock.release()
        connection.close()

    def _resend(self) -> None:
        """Send messages for the oldest queued and abandoned work to this consumer itself.

        At most as many as it has free threads. Only a worker of the same host can adopt a
        run whose worker was killed.
        """
        free = self.concurrency - self._running()
        moment = now() - RESEND_AFTER
        for model in (Task, Plan, Check):
            queue: Any = model.objects
            late = queue.queued().startable().filter(queued_at__lt=moment)
            for rows in (queue.left_behind(self.host), late.in_turn()):
                for pk in rows.values_list("pk", flat=True)[: max(0, free)]:
                    free -= 1
                    # Expires before the next resending, so that messages do not pile up.
                    send(pk, queue=self.queue, expires=MAINTENANCE_SECONDS)


_consumer: Consumer | None = None


def consumer() -> Consumer:
    assert _consumer is not None  # no message arrives before the worker is ready
    return _consumer


@signals.worker_init.connect
def create_consumer(sender: Any, **kwargs: object) -> None:
    """Check the configuration and create the consumer. Raises SystemExit."""
    global _consumer
    if not settings.BROKER_URL:
        raise SystemExit("CONSOLE_BROKER_URL is not set.")
    # A word or a class, as it was configured.
    if "thread" not in str(sender.pool_cls):
        raise SystemExit(
            "Use --pool threads: the consumer must be able to release its runs."
        )
    try:
        check_ring()
    except ImproperlyConfigured as error:
        # Celery logs any other exception and continues.
        raise SystemExit(str(error)) from error
    _consumer = Consumer(int(sender.concurrency or 1), worker_direct(sender.hostname))


@signals.worker_ready.connect
def start_maintenance(**kwargs: object) -> None:
    consumer().maintenance.start()


@signals.worker_shutting_down.connect
def stop_consumer(**kwargs: object) -> None:
    """Release the runs: they continue, and another worker adopts them at once."""
    if _consumer is not None:
        _consumer.stop()


@signals.worker_shutdown.connect
def close_consumer(**kwargs: object) -> None:
    if _consumer is not None and _consumer.maintenance.is_alive():
        _consumer.maintenance.join(2 * MAINTENANCE_SECONDS)
        _consumer.wakeup.close()
