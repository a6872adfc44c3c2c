"""Celery as a way to spread work over hosts: `celery -A console worker`.

A message holds the ID of a piece of work, is acknowledged at once, and only says "look at the
queue": the consumer takes work by the same claim as every worker. Twice, late or never
delivered, it changes nothing but when that happens. What was not taken up in time is sent
again by the consumers themselves.
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
from kombu.exceptions import KombuError

from console.lib.encryption import check_ring
from instances.models import Check, Plan, Task
from instances.worker.loop import Worker

logger = logging.getLogger(__name__)

# Work that has waited so long has lost its message, or is behind a dead worker.
RESEND_AFTER = timedelta(seconds=5)
SWEEP_SECONDS = 5.0
# A broker that is away is asked again after so long: requests do not wait for it each time.
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
    # Runs are processes of their own: a thread follows each, and lets go of it when told.
    worker_pool="threads",
    worker_prefetch_multiplier=1,
)
_broker_away_until = 0.0


def send(pk: str, **options: Any) -> None:
    """Send a message about a piece of work. Never fails: a sweeper sends it again."""
    global _broker_away_until
    if time.monotonic() < _broker_away_until:
        return
    try:
        take_up.apply_async(args=[pk], retry=False, **options)
    except (KombuError, OSError) as error:
        _broker_away_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("%s is queued, but the broker is away: %s", pk, error)


@app.task(name="catalog.take_up")
def take_up(pk: str) -> None:
    """Take up the next work of the queue, if there is any: the ID tells whose message it is."""
    taken = consumer().take_one()
    logger.info("message about %s: took %s", pk, taken or "nothing")


class Consumer(Worker):
    """A worker whose threads are Celery's: each message lends it one."""

    def __init__(self, concurrency: int, queue: Any) -> None:
        super().__init__(concurrency)
        self.queue = queue
        self.following: set[int] = set()
        self.sweeper = threading.Thread(target=self._sweep, name="sweeper")

    def _following(self) -> int:
        return len(self.following)

    def take_one(self) -> str:
        """Claim a piece of work and follow it to its end; the ID, or "" without any."""
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

    def _sweep(self) -> None:
        """Until told to stop: give signs of life, and send again what nobody took up."""
        while not self.stopping.is_set():
            try:
                close_old_connections()
                self._beat()
                self._look_around()
                self._resend()
            except Error as error:
                logger.warning("the database is away: %s", error)
            except Exception:
                # Without this thread lost messages would stay lost, and nobody would see it.
                logger.exception("the sweep failed")
            self.bell.wait(SWEEP_SECONDS)
        self._say_goodbye()
        self.lock.release()
        connection.close()

    def _resend(self) -> None:
        """Send the oldest again, as many as there is room for, to this very worker.

        Only a worker of the same host can go on with what a dead one left behind.
        """
        room = self.concurrency - self._following()
        moment = now() - RESEND_AFTER
        for model in (Task, Plan, Check):
            queue: Any = model.objects
            late = queue.queued().startable().filter(queued_at__lt=moment)
            for rows in (queue.left_behind(self.host), late.in_turn()):
                for pk in rows.values_list("pk", flat=True)[: max(0, room)]:
                    room -= 1
                    # Worthless by the next sweep: they must not pile up.
                    send(pk, queue=self.queue, expires=SWEEP_SECONDS)


_consumer: Consumer | None = None


def consumer() -> Consumer:
    """The consumer of this process."""
    assert _consumer is not None  # no message comes before the worker is ready
    return _consumer


@signals.worker_init.connect
def begin(sender: Any, **kwargs: Any) -> None:
    """Refuse what cannot work, before anything is taken."""
    global _consumer
    if not settings.BROKER_URL:
        raise SystemExit("CONSOLE_BROKER_URL is not set.")
    # A word or a class, as it was given.
    if "thread" not in str(sender.pool_cls):
        raise SystemExit("Use --pool threads: a run has to be let go of when told.")
    try:
        check_ring()
    except ImproperlyConfigured as error:
        # Celery would only log any other exception, and go on.
        raise SystemExit(str(error)) from error
    _consumer = Consumer(int(sender.concurrency or 1), worker_direct(sender.hostname))


@signals.worker_ready.connect
def sweep(**kwargs: Any) -> None:
    consumer().sweeper.start()


@signals.worker_shutting_down.connect
def let_go(**kwargs: Any) -> None:
    """Stop following: the runs go on, and the next worker takes them over at once."""
    if _consumer is not None:
        _consumer.stop()


@signals.worker_shutdown.connect
def end(**kwargs: Any) -> None:
    if _consumer is not None and _consumer.sweeper.is_alive():
        _consumer.sweeper.join(2 * SWEEP_SECONDS)
        _consumer.bell.close()
