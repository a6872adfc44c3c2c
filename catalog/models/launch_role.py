"""Launch roles: named credentials that tasks use, so that end users need none."""

from collections.abc import Mapping
from typing import Any

from django.db import models, transaction
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from catalog.models.constraint import Constraint
from console.lib.edit_conflicts import Editable
from console.lib.encryption import EncryptedJSONField
from console.lib.errors import ConflictError
from console.lib.ids import id_field
from console.lib.names import Named, NameKeyField, check_name
from console.lib.records import listed
from console.lib.users import User


class LaunchRoleQuerySet(models.QuerySet["LaunchRole"]):
    def required_by(self, product: str, portfolio: str | None) -> "LaunchRole | None":
        """Return the role that the launch constraint of a product in a portfolio names."""
        config = Constraint.objects.filter(
            kind=Constraint.Kind.LAUNCH, product=product, portfolio=portfolio
        ).values_list("config", flat=True)
        names = [each.get("LocalRoleName") for each in config]
        return self.filter(name__in=names).first()

    def add(
        self, *, name: str, environment: Mapping[str, str], by: User
    ) -> "LaunchRole":
        """Store credentials under a name. Raises InvalidInputError and ConflictError."""
        role = self.model(name=name)
        role.environment = dict(environment)
        return role.create_audited(by=by)


class LaunchRole(Named, Editable):
    """Environment variables for tasks under a launch constraint that names this role.

    A constraint refers to the role by name, as the vendor's constraints refer to RAM roles.
    """

    AUDIT_NAME = "LaunchRole"
    FACTS = ("name",)
    SECRET_COLUMNS = ("environment",)

    id = id_field("role")
    name = models.CharField(
        _("name"), max_length=64, unique=True, validators=[check_name]
    )
    name_key = NameKeyField(of=["name"], unique=True)
    # Write-only: values such as keys and tokens are never shown.
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

    def duplicate_message(self) -> str:
        text = _("The launch role %(name)s already exists. Enter another name.")
        return text % {"name": self.name}

    @property
    def credential_names(self) -> list[str]:
        """The names of the environment variables; their values are never shown."""
        environment: Any = self.environment
        return sorted(environment)

    def audit_facts(self) -> dict[str, object]:
        return {"name": self.name, "credentials": self.credential_names}

    @property
    def constraints(self) -> "models.QuerySet[Constraint]":
        """The launch constraints that name this role."""
        return Constraint.objects.filter(
            kind=Constraint.Kind.LAUNCH, config__LocalRoleName=self.name
        )

    def edit(self, *, environment: Mapping[str, str], by: User, seen: str = "") -> None:
        """Replace the credentials. The next task uses the new ones.

        `seen` is the stamp of the record as the user saw it. Raises
        EditConflictError if the record has changed since.
        """
        self.edit_audited(by=by, seen=seen, environment=dict(environment))

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Delete the role. Raises ConflictError while a launch constraint names it."""
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
        self.delete_audited(by=by)
