"""A launch role: credentials by name, so that end users need none of their own."""

from collections.abc import Mapping
from typing import Any

from django.db import models, transaction
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from catalog.models.constraint import Constraint
from console.lib.audit import AuditEntry
from console.lib.edit_conflicts import Editable
from console.lib.encryption import EncryptedJSONField
from console.lib.errors import ConflictError
from console.lib.ids import id_field
from console.lib.names import Named, NameKeyField, check_name
from console.lib.records import listed, store
from console.lib.users import User


class LaunchRoleQuerySet(models.QuerySet["LaunchRole"]):
    def demanded_by(self, product: str, portfolio: str | None) -> "LaunchRole | None":
        """The role under which a product of a portfolio runs, by a launch constraint."""
        config = Constraint.objects.filter(
            kind=Constraint.Kind.LAUNCH, product=product, portfolio=portfolio
        ).values_list("config", flat=True)
        names = [each.get("LocalRoleName") for each in config]
        return self.filter(name__in=names).first()

    @transaction.atomic
    def add(
        self, *, name: str, environment: Mapping[str, str], by: User
    ) -> "LaunchRole":
        """Store credentials under a name. Raises InvalidInputError, ConflictError when it is taken."""
        role = self.model(name=name)
        role.environment = dict(environment)
        role.store()
        AuditEntry.objects.record("CreateLaunchRole", role, by=by, after=role.told())
        return role


class LaunchRole(Named, Editable):
    """The environment of runs under a launch constraint that names this role.

    The constraint refers to it by name, as the vendor's does to a RAM role.
    """

    FACTS = ("name",)
    SECRET_COLUMNS = ("environment",)

    id = id_field("role")
    name = models.CharField(
        _("name"), max_length=64, unique=True, validators=[check_name]
    )
    name_key = NameKeyField(of=["name"], unique=True)
    # Environment variables of the runs: keys, tokens. Write-only.
    environment = EncryptedJSONField(_("credentials"), default=dict)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    objects = LaunchRoleQuerySet.as_manager()

    class Meta:
        verbose_name = _("launch role")
        verbose_name_plural = _("launch roles")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(name=""), name="launch_role_has_name"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def store(self) -> None:
        """Check and save. Raises InvalidInputError; ConflictError when the name is taken."""
        taken = _("The launch role %(name)s already exists. Enter another name.") % {
            "name": self.name
        }
        store(self, taken=taken, code="DuplicateName.LaunchRole")

    @property
    def credential_names(self) -> list[str]:
        """All that is ever shown of the credentials."""
        environment: Any = self.environment
        return sorted(environment)

    def told(self) -> dict[str, Any]:
        """What the audit trail may know: of credentials only the names."""
        return {"name": self.name, "credentials": self.credential_names}

    @property
    def constraints(self) -> "models.QuerySet[Constraint]":
        """The launch constraints that name this role."""
        return Constraint.objects.filter(
            kind=Constraint.Kind.LAUNCH, config__LocalRoleName=self.name
        )

    def edit(self, *, environment: Mapping[str, str], by: User, seen: str = "") -> None:
        """Replace the credentials: the next run uses the new ones.

        `seen` is the stamp of what the person saw. Raises EditConflictError when they were
        replaced since.
        """
        columns = {"environment": dict(environment)}
        self.change("UpdateLaunchRole", columns, by=by, seen=seen)

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Delete the credentials. Raises ConflictError while a launch constraint names them."""
        users = self.constraints.select_related("product")
        if users.exists():
            raise ConflictError(
                _(
                    "The launch role %(role)s is used by these launch constraints: %(names)s. "
                    "Change or delete them first."
                )
                % {"role": self, "names": listed(users)},
                code="ResourceInUse.LaunchRole",
            )
        AuditEntry.objects.record("DeleteLaunchRole", self, by=by, before=self.told())
        self.delete()
