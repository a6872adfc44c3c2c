"""Everything one person has to do with: what must go to somebody else when they leave."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from catalog.models import Constraint, Grant
from console.accounts.sessions import Session
from console.api.access_keys import AccessKey
from console.lib.errors import NotFoundError
from console.lib.users import User
from console.offboarding.models import Departure
from instances.models import Duties, Instance, Plan

SHOWN = 200


def person_for(name: str) -> User:
    """Return a person by login name or principal ID. Raises NotFoundError."""
    people = User.objects.with_administrator()
    person = (
        people.filter(username=name).first() or people.filter(principal_id=name).first()
    )
    if person is None:
        raise NotFoundError(_("User not found. Check the login name."))
    return person


@dataclass(frozen=True)
class Holdings:
    """What a person owns, approves and holds. Each part is read when a page asks for it."""

    person: User

    @property
    def owned(self) -> QuerySet[Instance]:
        """Their living instances; those of their groups stay with the groups."""
        return Instance.objects.living().filter(owner=self.person)

    @cached_property
    def instance_count(self) -> int:
        return self.owned.count()

    @cached_property
    def instances(self) -> list[Instance]:
        """The first of them by name, to choose from."""
        rows = self.owned.select_related("product", "version", "region")
        return list(rows.order_by("name")[:SHOWN])

    @property
    def more(self) -> int:
        """How many instances are not among those shown."""
        return self.instance_count - len(self.instances)

    @cached_property
    def constraints(self) -> list[Constraint]:
        """The approval constraints that name them."""
        return Constraint.objects.naming(self.person)

    @cached_property
    def waiting(self) -> list[Any]:
        """The plans that wait for their decision, by name or through a group."""
        plans = Plan.objects.received_by(self.person, Duties.of(self.person))
        return list(plans.light().select_related("owner")[:SHOWN])

    @cached_property
    def plans(self) -> list[Any]:
        """Their own plans that are not at their end: nobody else can execute them."""
        mine = Plan.objects.submitted().filter(owner=self.person)
        return list(mine.filter(status__in=Plan.OPEN).light()[:SHOWN])

    @cached_property
    def keys(self) -> list[AccessKey]:
        return list(AccessKey.objects.of(self.person))

    @cached_property
    def groups(self) -> list[str]:
        names = self.person.groups.order_by("name").values_list("name", flat=True)
        return list(names)

    @cached_property
    def grants(self) -> list[Grant]:
        """The portfolios granted to them by name."""
        return list(Grant.objects.filter(user=self.person).select_related("portfolio"))

    @cached_property
    def sessions(self) -> list[Session]:
        """Where they are signed in."""
        return list(Session.objects.of(self.person)[:SHOWN])

    @cached_property
    def factors(self) -> list[str]:
        """The kinds of second factor they have, and whether they have recovery codes."""
        found = Authenticator.objects.filter(user=self.person)
        return [str(each.get_type_display()) for each in found.order_by("type", "pk")]

    @cached_property
    def departure(self) -> Departure | None:
        """Their last departure, while it can be undone."""
        return Departure.objects.undoable(self.person)
