"""The preview of a change: its request, its result, and what has changed since."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.models import Region
from catalog.models.product import SIMULATED
from console.lib.encryption import EncryptedField
from console.lib.errors import ConflictError, Text
from console.lib.exact import ExactDecoder, ExactEncoder
from console.lib.ids import new_id
from instances.models.engine import SIMULATION, engine_in
from instances.models.fingerprint import CHANGED, Fingerprint
from instances.models.instance import Instance
from instances.models.task import Task
from instances.models.warning import NO_ITEMS
from instances.models.work import Work

UNSEEN: Mapping[str, Any] = {
    "state": Work.State.QUEUED,
    "status_message": "",
    "base_state": "",
    "changes": [],
    "warnings": [],
    "log": [],
    "file": None,
    "file_digest": "",
    "fingerprint": {},
    "digest": "",
    "expires_at": None,
    "previewed_at": None,
    "started_at": None,
    "ended_at": None,
    "cancel_requested_at": None,
    "run_directory": "",
    "offset": 0,
    "stage": "",
    "stages": {},
    "attempt": 0,
    "stop_step": Work.Stop.NONE,
}


class PlanOutOfDateError(ConflictError):
    """The plan cannot run as it was previewed; `changes` has a sentence for each reason."""

    code = "IncorrectStatus.Plan"

    def __init__(self, changes: Sequence[Text]) -> None:
        self.changes = changes
        sentence = " ".join(str(each) for each in changes)
        super().__init__(
            _("The plan is out of date. %(moved)s Nothing was changed.")
            % {"moved": sentence},
            hint=_(
                "Preview the plan again, and then request approval for the new preview."
            ),
        )


class Preview(Work):
    """A change that is computed before it is made. Abstract: the content of a plan."""

    operation = models.CharField(
        gettext_lazy("operation type"),
        max_length=32,
        choices=Task.Kind,
        editable=False,
    )
    region = models.ForeignKey(
        Region,
        models.PROTECT,
        related_name="+",
        verbose_name=gettext_lazy("stack region"),
    )
    instance = models.ForeignKey(
        Instance,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="plans",
        verbose_name=gettext_lazy("instance"),
    )
    # A launch has its instance's ID before there is an instance.
    reserved_instance_id = models.CharField(
        max_length=24, default=partial(new_id, "pp"), editable=False
    )
    instance_name = models.CharField(gettext_lazy("instance name"), max_length=128)
    # The task and the state that the preview started from
    base_task = models.ForeignKey(
        Task, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    base_state = models.CharField(max_length=96, blank=True, editable=False)
    # The result of the preview
    changes = models.JSONField(
        gettext_lazy("resource changes"),
        default=list,
        editable=False,
        encoder=ExactEncoder,
        decoder=ExactDecoder,
    )
    warnings = models.JSONField(
        gettext_lazy("warnings"), default=list, db_default=NO_ITEMS, editable=False
    )
    log = models.JSONField(gettext_lazy("log"), default=list, editable=False)
    file = EncryptedField(gettext_lazy("saved plan"), null=True)
    file_digest = models.CharField(max_length=64, blank=True, editable=False)
    engine_version = models.CharField(max_length=64, blank=True, editable=False)
    previewed_at = models.DateTimeField(null=True, editable=False)
    # The fingerprint that an approval is bound to
    fingerprint = models.JSONField(default=dict, editable=False)
    digest = models.CharField(max_length=64, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    @property
    def engine(self) -> str:
        """The engine of the instance, or of a new one in this region."""
        if self.instance is not None:
            return self.instance.made_by
        return engine_in(self.region, self.version.template)

    @property
    def simulated(self) -> Text:
        """The notice that the resources are simulated; empty when they are real."""
        return SIMULATED if self.engine == SIMULATION else ""

    def counts(self) -> dict[str, int]:
        """Count the resources to add, modify, replace, remove and leave unchanged."""
        counts = dict.fromkeys(("Add", "Modify", "Replace", "Remove", "None"), 0)
        for change in self.changes:
            counts[change["action"]] += 1
        return counts

    @property
    def steps(self) -> int:
        """The number of changes an apply reports: a replacement is a removal and a creation."""
        counts = self.counts()
        return sum(counts.values()) - counts["None"] + counts["Replace"]

    def seal(self, file: bytes) -> dict[str, object]:
        """Set the saved plan and return the columns that bind an approval to it."""
        self.file = file
        self.file_digest = hashlib.sha256(file).hexdigest()
        self.expires_at = now() + timedelta(hours=settings.PLAN_HOURS)
        found = self.current_fingerprint(state=self.base_state)
        return {
            "file_digest": self.file_digest,
            "expires_at": self.expires_at,
            "fingerprint": found.stored(),
            "digest": found.digest,
        }

    def current_fingerprint(self, *, state: str) -> Fingerprint:
        """Return the fingerprint of the stored columns and a state of the instance."""
        return Fingerprint.of(
            request=[
                self.operation,
                self.reserved_instance_id,
                self.instance_name,
                self.region_id,
                self.version_id,
                self.portfolio_id,
            ],
            template=self.version.template.digest,
            parameters=self.values,
            tags=self.tags,
            state=state,
            file=self.file_digest,
            expires_at=self.expires_at,
        )

    def forget(self) -> list[str]:
        """Drop the result of a preview; return the names of the columns to store."""
        columns: dict[str, Any] = {
            **UNSEEN,
            "base_task": self.instance.last_task if self.instance else None,
            "queued_at": now(),
            "turn": self.next_turn(),
        }
        for name, value in columns.items():
            setattr(self, name, value)
        return list(columns)

    @property
    def superseded(self) -> bool:
        """Return True if another task has changed the instance since the preview began."""
        instance = self.instance
        return instance is not None and instance.last_task_id != self.base_task_id

    def changed_since_preview(self) -> list[Text]:
        """Return a sentence for each difference; empty when the plan can still run."""
        found: list[Text] = []
        if self.superseded:
            found.append(self._superseded_by())
        return found + self.changed_content()

    def changed_content(self) -> list[Text]:
        """Return the differences of content and state: the plan's own task may be running."""
        was = Fingerprint.read(self.fingerprint)
        state = self.instance.state_mark if self.instance else ""
        found = was.differences(self.current_fingerprint(state=state))
        if was.digest != self.digest:
            found.append(_("The preview record has been changed."))
        if self.expires_at is None or self.expires_at <= now():
            found.append(self._expired())
        return found

    def changed_file(self) -> list[Text]:
        """Return the difference of the saved plan's bytes, which only a run has to read."""
        file = b"" if self.file is None else bytes(self.file)
        same = hashlib.sha256(file).hexdigest() == self.file_digest
        return [] if same else [CHANGED["file"]]

    def _superseded_by(self) -> Text:
        task = self.instance.last_task if self.instance else None
        if task is None:
            return _("The instance has changed since the preview.")
        return _("The instance has changed since the preview: %(kind)s (%(task)s).") % {
            "kind": task.get_kind_display(),
            "task": task.pk,
        }

    def _expired(self) -> Text:
        if self.expires_at is None:
            return _("The preview has no expiration time.")
        return _("The plan expired at %(time)s.") % {
            "time": f"{localtime(self.expires_at):%Y-%m-%d %H:%M}"
        }
