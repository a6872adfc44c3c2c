"""What waits for a person's decision, asked at most once in a request."""

from console.lib.users import User
from instances.models import ApproverDuties, Plan

MOST = 99
DUTIES, REQUESTS = "_duties", "_requests"


def duties_of(user: User) -> ApproverDuties:
    """What the person may approve; read once for each object that stands for them."""
    known: ApproverDuties | None = getattr(user, DUTIES, None)
    if known is None:
        known = ApproverDuties.of(user)
        setattr(user, DUTIES, known)
    return known


def waiting_for(user: User) -> int:
    """How many plans wait for the person, counted up to MOST + 1.

    Nearly always nothing waits in the whole site: the query that loaded the person may
    have said so in `plans_waiting`.
    """
    if not getattr(user, "plans_waiting", True):
        return 0
    known: int | None = getattr(user, REQUESTS, None)
    if known is None:
        duties = duties_of(user)
        waiting = Plan.objects.received_by(user, duties).order_by()
        known = waiting[: MOST + 1].count() if duties.constraints else 0
        setattr(user, REQUESTS, known)
    return known
