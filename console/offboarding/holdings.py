"""The instances, plans, constraints, keys and sessions of a user."""

from dataclasses import dataclass
from functools import cached_property

from allauth.mfa.models import Authenticator
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from catalog.models import Constraint, Grant
from console.accounts.sessions import Session
from console.api.access_keys import AccessKey
from console.lib.errors import NotFoundError
from console.lib.users import User
from console.offboarding.models import Offboarding
from instances.models import ApproverDuties, Instance, Plan

MAX_ROWS_SHOWN = 200


def person_for(name: str) -> User:
    """Return a user by login name or principal ID. Raises NotFoundError."""
    people = User.objects.with_administrator()
    person = (
        people.filter(username=name).first() or people.filter(principal_id=name).first()
    )
    if person is None:
        raise NotFoundError(_("User not found. Check the login name."))
    return person


@dataclass(frozen=True)
class Holdings:
    """Everything that an offboarding concerns. Each part is queried when it is first used."""

    person: User

    @property
    def owned(self) -> QuerySet[Instance]:
        """Active instances owned by the user; those of groups stay with the groups."""
        return Instance.objects.living().filter(owner=self.person)

    @cached_property
    def instance_count(self) -> int:
        return self.owned.count()

    @cached_property
    def instances(self) -> list[Instance]:
        """The first `MAX_ROWS_SHOWN` owned instances by name."""
        rows = self.owned.select_related("product", "version", "region")
        return list(rows.order_by("name")[:MAX_ROWS_SHOWN])

    @property
    def more(self) -> int:
        """Number of owned instances beyond those shown."""
        return self.instance_count - len(self.instances)

    @cached_property
    def constraints(self) -> list[Constraint]:
        """Approval constraints that name the user as approver."""
        return Constraint.objects.naming(self.person)

    @cached_property
    def waiting(self) -> list[Plan]:
        """Plans that wait for approval by the user, named directly or through a group."""
        plans = Plan.objects.received_by(self.person, ApproverDuties.of(self.person))
        return list(plans.light().select_related("owner")[:MAX_ROWS_SHOWN])

    @cached_property
    def plans(self) -> list[Plan]:
        """Open plans of the user, which no other user can execute."""
        mine = Plan.objects.submitted().filter(owner=self.person)
        return list(mine.filter(status__in=Plan.OPEN).light()[:MAX_ROWS_SHOWN])

    @cached_property
    def keys(self) -> list[AccessKey]:
        return list(AccessKey.objects.of(self.person))

    @cached_property
    def groups(self) -> list[str]:
        names = self.person.groups.order_by("name").values_list("name", flat=True)
        return list(names)

    @cached_property
    def grants(self) -> list[Grant]:
        """Grants that name the user directly."""
        return list(Grant.objects.filter(user=self.person).select_related("portfolio"))

    @cached_property
    def sessions(self) -> list[Session]:
        return list(Session.objects.of(self.person)[:MAX_ROWS_SHOWN])

    @cached_property
    def factors(self) -> list[str]:
        """The types of MFA that the user has, recovery codes included."""
        found = Authenticator.objects.filter(user=self.person)
        return [str(each.get_type_display()) for each in found.order_by("type", "pk")]

    @cached_property
    def offboarding(self) -> Offboarding | None:
        """The last offboarding, if it can still be undone."""
        return Offboarding.objects.undoable(self.person)
