"""A check of a version or of the credentials of a region, run in the background.

A version is given to `init` and `validate`; a region's credentials make a plan of nothing.
A check changes nothing and has no verb to carry anything out.
"""

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models import Region, Version
from console.lib.audit import AuditEntry
from console.lib.ids import id_field
from console.lib.users import User
from instances.models.work import Work, WorkQuerySet, WorkStatus, clock, queue_indexes
from instances.wakeup import announce


class CheckQuerySet(WorkQuerySet):
    def light(self) -> "CheckQuerySet":
        """Defer the columns that only the run needs."""
        return self.defer("secrets", "parameters", "tags", "stages")

    def ask(self, subject: Version | Region, *, by: User | None) -> "Check":
        """Queue a check of a version or of a region's credentials.

        One that is waiting or running is given back; one that has ended is replaced.
        """
        about = {"version" if isinstance(subject, Version) else "region": subject}
        try:
            with transaction.atomic():
                self.filter(**about, state=Work.State.ENDED).delete()
                check: Check = self.create(**about, created_by=by)
                announce(check.pk)
        except IntegrityError:
            return self.filter(**about).get()
        return check


def check_version(version: Version, *, by: User) -> None:
    """Queue the check of a version. InstancesConfig.ready() registers this function."""
    Check.objects.ask(version, by=by)


class Check(Work):
    """A check of a version or a region, of which only the newest is kept."""

    Status = WorkStatus

    id = id_field("check")
    version = models.ForeignKey(  # type: ignore[assignment]
        Version,
        models.CASCADE,
        null=True,
        related_name="checks",
        verbose_name=_("version"),
    )
    region = models.ForeignKey(
        Region,
        models.CASCADE,
        null=True,
        related_name="checks",
        verbose_name=_("region"),
    )
    status = models.CharField(
        _("status"),
        max_length=16,
        choices=Status,
        default=Status.IN_PROGRESS,
        editable=False,
    )
    status_message = models.TextField(_("status message"), blank=True, editable=False)
    # Each a dict of severity, message, file (may be empty) and line (may be None).
    problems = models.JSONField(_("problems"), default=list, editable=False)
    log = models.JSONField(_("log"), default=list, editable=False)
    engine_version = models.CharField(max_length=64, blank=True, editable=False)

    objects = CheckQuerySet.as_manager()

    class Meta:
        verbose_name = _("check")
        verbose_name_plural = _("checks")
        ordering = ["-created_at", "-id"]
        indexes = [*queue_indexes("check")]
        constraints = [
            models.CheckConstraint(
                condition=Q(version__isnull=False, region__isnull=True)
                | Q(version__isnull=True, region__isnull=False),
                name="check_has_one_subject",
            ),
            models.CheckConstraint(
                condition=Q(status="InProgress") & ~Q(state="ended")
                | Q(status__in=["Succeeded", "Failed"], state="ended"),
                name="check_status_agrees_with_queue",
            ),
            models.UniqueConstraint(fields=["version"], name="check_version_once"),
            models.UniqueConstraint(fields=["region"], name="check_region_once"),
        ]

    def __str__(self) -> str:
        return self.pk

    @property
    def running(self) -> bool:
        return self.status == self.Status.IN_PROGRESS

    @property
    def passed(self) -> bool:
        return self.status == self.Status.SUCCEEDED

    @property
    def warnings(self) -> list[dict[str, object]]:
        """Return the warnings among the problems, for a check that has passed."""
        found = [each for each in self.problems if each["severity"] == "warning"]
        return [{**each, "summary": each["message"]} for each in found]

    def end(self, *, ok: bool, message: str, **found: object) -> None:
        """Store the result; a version that has waited for it becomes active.

        Raises LeaseLostError when another worker holds the check.
        """
        moment = clock()
        with transaction.atomic():
            self.write(
                state=self.State.ENDED,
                status=self.Status.SUCCEEDED if ok else self.Status.FAILED,
                status_message=message,
                ended_at=moment,
                updated_at=moment,
                lease_until=None,
                **found,
            )
            subject = self.version or self.region
            AuditEntry.objects.record(
                "Check", subject, by=self.created_by, after={"status": self.status}
            )
            if ok and self.version is not None:
                self.version.activate_after_check(by=self.created_by)
