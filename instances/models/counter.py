"""Counters that only grow, from which `/metrics` reports the past without reading it."""

from django.db import IntegrityError, models, transaction
from django.db.models import F

# Upper bounds of a histogram of task seconds.
BOUNDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


class CounterManager(models.Manager["Counter"]):
    def add(self, name: str, amount: float = 0.0) -> None:
        """Count one more, in the transaction of what is counted."""
        row = self.filter(pk=name)
        more = {"count": F("count") + 1, "total": F("total") + amount}
        if row.update(**more):
            return
        try:
            with transaction.atomic():
                self.create(pk=name, count=1, total=amount)
        except IntegrityError:
            # Another process has counted the first one at the same moment.
            row.update(**more)

    def add_task(self, kind: str, status: str, seconds: float) -> None:
        """Count a task that ended, in the histogram of its kind and result."""
        bound = next((str(each) for each in BOUNDS if seconds <= each), "+Inf")
        self.add(f"task/{kind}/{status}/{bound}", seconds)


class Counter(models.Model):
    """The number of events of a kind, and the sum of their measured values."""

    LEASE_LOST = "lease-lost"

    name = models.CharField(primary_key=True, max_length=128)
    count = models.PositiveBigIntegerField(default=0)
    total = models.FloatField(default=0)

    objects = CounterManager()

    class Meta:
        # The name that it was created with.
        db_table = "instances_tally"

    def __str__(self) -> str:
        return self.name
