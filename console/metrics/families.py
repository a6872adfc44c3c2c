"""The metric families. The cost of a scrape depends on the work in progress, not on the past."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min, Q, Sum
from django.utils.timezone import now

from console.metrics import latencies
from console.metrics.text import Family, Sample, histogram
from instances.models import Check, Counter, Heartbeat, Plan, Task, Work
from instances.models.counter import BOUNDS


def families() -> Iterator[Family]:
    """Yield all metric families."""
    yield from _queue()
    yield from _workers()
    yield _task_seconds()
    yield _losses()
    yield _requests()


def _queue() -> Iterator[Family]:
    depth: list[Sample] = []
    running: list[Sample] = []
    oldest: list[datetime] = []
    for state, samples in ((Work.State.QUEUED, depth), (Work.State.RUNNING, running)):
        tasks = Task.objects.filter(state=state).order_by().values("kind")
        counts = {row["kind"]: row for row in tasks.annotate(n=Count("pk"), at=_AT)}
        for kind in Task.Kind.values:
            samples.append(Sample({"kind": kind}, counts.get(kind, {}).get("n", 0)))
        for name, model in (("Preview", Plan), ("Check", Check)):
            found = model.objects.filter(state=state).aggregate(n=Count("pk"), at=_AT)
            counts[name] = found
            samples.append(Sample({"kind": name}, found["n"]))
        if state == Work.State.QUEUED:
            oldest = [row["at"] for row in counts.values() if row["at"]]
    waited = (now() - min(oldest)).total_seconds() if oldest else 0.0
    yield Family(
        "queue_depth",
        "gauge",
        "Tasks, previews and checks that wait for a worker.",
        depth,
    )
    yield Family(
        "running",
        "gauge",
        "Tasks, previews and checks that a worker monitors.",
        running,
    )
    yield Family(
        "oldest_waiting_seconds",
        "gauge",
        "Waiting time of the oldest queued task, preview or check.",
        [Sample({}, max(0.0, waited))],
    )


_AT = Min("queued_at")


def _workers() -> Iterator[Family]:
    found = Heartbeat.objects.alive().aggregate(
        alive=Count("pk"),
        capacity=Sum("capacity"),
        busy=Sum("busy"),
        full=Count("pk", filter=Q(room=False)),
    )
    for name, help_text in (
        ("alive", "Workers with a heartbeat in the last 30 seconds."),
        ("capacity", "Runs that the active workers can monitor at the same time."),
        ("busy", "Runs that the active workers monitor."),
        ("full", "Active workers whose disk is too full to start a run."),
    ):
        samples = [Sample({}, found[name] or 0)]
        yield Family(f"workers_{name}", "gauge", help_text, samples)


def _task_seconds() -> Family:
    """Return the durations of tasks from counters: a few rows for any number of tasks."""
    found: dict[tuple[str, str], dict[str, Counter]] = {}
    for counter in Counter.objects.filter(name__startswith="task/"):
        _, kind, status, bound = counter.name.split("/")
        found.setdefault((kind, status), {})[bound] = counter
    samples: list[Sample] = []
    for (kind, result), rows in sorted(found.items()):
        counts = [rows[str(b)].count if str(b) in rows else 0 for b in BOUNDS]
        counts.append(rows["+Inf"].count if "+Inf" in rows else 0)
        total = sum(row.total for row in rows.values())
        labels = {"kind": kind, "result": result}
        samples += histogram(labels, BOUNDS, counts, total)
    help_text = "Seconds from the start of a task to its end."
    return Family("task_seconds", "histogram", help_text, samples)


def _losses() -> Family:
    lost = Counter.objects.filter(pk=Counter.LEASE_LOST).values_list("count", flat=True)
    help_text = (
        "Number of times that work was taken over from a worker that stopped "
        "sending heartbeats."
    )
    return Family("lease_losses_total", "counter", help_text, [Sample({}, sum(lost))])


def _requests() -> Family:
    cells = latencies.totals()
    samples: list[Sample] = []
    for place in range(0, latencies.CELLS, latencies.WIDTH):
        *counts, total = cells[place : place + latencies.WIDTH]
        if not any(counts):
            continue
        kind, family = divmod(place // latencies.WIDTH, len(latencies.STATUSES))
        labels = {"view": latencies.KINDS[kind], "status": latencies.STATUSES[family]}
        samples += histogram(labels, latencies.BOUNDS, counts, total)
    help_text = (
        "Seconds from a request to its response, for the web processes of this host."
    )
    return Family("http_request_seconds", "histogram", help_text, samples)
