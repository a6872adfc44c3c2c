"""Notices about plans, in the console and by mail."""

from collections.abc import Mapping, Sequence
from functools import partial

from django.conf import settings
from django.db import models, transaction
from django.db.models import OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from console.lib.errors import NotFoundError, Text
from console.lib.mail import Letter, send
from console.lib.users import User


class NoticeQuerySet(models.QuerySet["Notice"]):
    def unread(self) -> "NoticeQuerySet":
        return self.filter(read_at=None)

    def deliver(self, notices: Sequence["Notice"], *, comment: str = "") -> None:
        """Store notices, and send each recipient a mail once this is committed."""
        Notice.objects.bulk_create(notices)
        letters = [
            Letter(each.recipient.email, str(each), _body(each, comment))
            for each in notices
            if each.recipient.email
        ]
        if letters:
            transaction.on_commit(partial(send, letters))

    def mark_read(self) -> None:
        """Mark the unread notices among these as read."""
        self.unread().update(read_at=now())


class Notice(models.Model):
    """A notice for one user. `kind` is the event of the plan."""

    class Kind(models.TextChoices):
        REQUESTED = "requested", _("waiting for your approval")
        READY = "ready", _("ready to execute")
        FAILED = "failed", _("preview failed")
        APPROVED = "approved", _("was approved")
        REJECTED = "rejected", _("was rejected")
        CANCELED = "canceled", _("was canceled")
        EXECUTED = "executed", _("was executed")
        EXECUTION_FAILED = "execution-failed", _("execution failed")

    SENTENCES: Mapping[str, Text] = {
        Kind.REQUESTED: _("The plan %(name)s is waiting for your approval."),
        Kind.READY: _("The plan %(name)s is ready to execute."),
        Kind.FAILED: _("The preview of the plan %(name)s failed."),
        Kind.APPROVED: _("The plan %(name)s was approved and is ready to execute."),
        Kind.REJECTED: _("The plan %(name)s was rejected."),
        Kind.CANCELED: _("The plan %(name)s was canceled."),
        Kind.EXECUTED: _("The plan %(name)s was executed."),
        Kind.EXECUTION_FAILED: _("The execution of the plan %(name)s failed."),
    }

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="notices",
        verbose_name=_("recipient"),
    )
    plan = models.ForeignKey(
        "instances.Plan",
        models.CASCADE,
        related_name="notices",
        verbose_name=_("plan"),
    )
    kind = models.CharField(_("type"), max_length=16, choices=Kind)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)
    read_at = models.DateTimeField(_("read at"), null=True, editable=False)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["recipient", "-created_at", "-id"], name="notice_of_person"
            ),
            models.Index(
                fields=["recipient"],
                name="notice_unread",
                condition=Q(read_at=None),
            ),
        ]

    def __str__(self) -> str:
        return str(self.SENTENCES[self.kind]) % {"name": self.plan.name}


def _body(notice: Notice, comment: str) -> str:
    plan = notice.plan
    address = reverse("instances:plan-detail", args=[plan.pk])
    lines = [
        str(notice),
        "",
        f"{plan.get_operation_display()}: {plan.instance_name}",
        f"{plan.version.product} {plan.version}",
        str(_("Requested by %(name)s.") % {"name": plan.owner.display_name}),
    ]
    if comment:
        lines += ["", comment]
    return "\n".join([*lines, "", f"{settings.PUBLIC_URL}{address}", ""])


def unread_of(person: OuterRef) -> Subquery:
    """Return a subquery that counts the unread notices of a user."""
    unread = Notice.objects.unread().filter(recipient=person).order_by()
    count = unread.values("recipient").annotate(number=models.Count("pk"))
    return Subquery(count.values("number"), output_field=models.IntegerField())


def notice_for(user: User, pk: int) -> Notice:
    """Return a notice of this user. Raises NotFoundError for a missing or foreign one."""
    notice = Notice.objects.filter(recipient=user, pk=pk).select_related("plan").first()
    if notice is None:
        raise NotFoundError(_("The notice does not exist."))
    return notice
