"""The last look at a plan before it is applied: what runs is what was approved, to the byte."""

import hashlib

from django.utils.translation import gettext as _

from console.lib.audit import AuditEntry
from instances.engines.base import EngineError
from instances.models import Plan


def approved_file(plan: Plan, engine_version: str) -> bytes:
    """Return the saved plan to apply, and put on record which one it is.

    Raises EngineError when it is missing, was made by another engine, or when anything it
    was made from has moved: nothing is ever computed anew in its place.
    """
    if not plan.file:
        raise EngineError(
            _("The saved plan is missing. Nothing was changed. Create a new plan.")
        )
    if plan.engine_version != engine_version:
        raise EngineError(
            _(
                "The plan was created with %(made)s. This worker uses %(here)s, which "
                "cannot apply it exactly. Nothing was changed. Create a new plan."
            )
            % {"made": plan.engine_version, "here": engine_version}
        )
    moved = plan.moved_content() + plan.moved_file()
    if plan.needs_approval:
        moved += plan.moved_approval()
    if moved:
        sentence = " ".join(str(each) for each in moved)
        raise EngineError(
            _("The plan is out of date. %s Nothing was changed.") % sentence
        )
    file = bytes(plan.file)
    AuditEntry.objects.record(
        "ApplyPlan",
        plan,
        by=None,
        before={"digest": plan.approved_digest() or plan.digest},
        after={"digest": plan.digest, "file_digest": hashlib.sha256(file).hexdigest()},
    )
    return file
