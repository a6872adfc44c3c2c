"""The engine input of a task or plan: files, values, credentials, state, saved plan."""

import hashlib

from django.conf import settings
from django.utils.translation import gettext as _

from catalog.models.trusted import is_trusted
from console.lib.audit import AuditEntry
from console.lib.encryption import DecryptionError
from instances.engine_setup import (
    engine_name_of,
    files_of,
    parameters_of,
    stack_of,
    types_of,
)
from instances.engines.base import Engine, EngineError, Order
from instances.models import Instance, Plan, StateVersion, Task

ACTIONS = {
    Task.Kind.LAUNCH: "apply",
    Task.Kind.UPDATE: "apply",
    Task.Kind.TERMINATE: "destroy",
}


def engine_input_of(
    work: Task | Plan,
    engine: Engine,
    environment: dict[str, str],
    *,
    again: bool = False,
) -> Order:
    """Return the input of a run.

    With `again`, the run is resumed after it began to change resources: its saved plan is
    used up. Raises EngineError when the state or the saved plan cannot be used.
    """
    if isinstance(work, Task):
        action = ACTIONS[Task.Kind(work.kind)]
        saved = None if again else saved_plan(work, engine)
    else:
        terminates = work.operation == Task.Kind.TERMINATE
        action, saved = "plan-destroy" if terminates else "plan", None
    template = work.version.template
    return Order(
        action=action,
        files=files_of(template, engine_name_of(work)),
        parameters=parameters_of(work),
        secrets=work.secrets,
        types=types_of(template, work.secrets),
        environment=environment,
        state=last_state(work.instance) if work.instance else None,
        plan=saved,
        trusted=settings.ALLOW_PROVISIONERS or is_trusted(template),
        stack=stack_of(work),
    )


def last_state(instance: Instance) -> bytes | None:
    """Return the newest state, decrypted, or None if there is none.

    Raises EngineError when it is damaged: with an older one, or none, Terraform would
    create existing resources again.
    """
    newest = StateVersion.objects.latest_of(instance)
    if newest is None:
        return None
    body = state_body(newest)
    if body is not None:
        return body
    older = instance.states.filter(serial__lt=newest.serial).order_by("-serial")
    good = next((state for state in older if state_body(state) is not None), None)
    told = {
        "serial": newest.serial,
        "good": _("The state with serial %(serial)d can be read.")
        % {"serial": good.serial}
        if good
        else _("No earlier state can be read."),
    }
    raise EngineError(
        _(
            "The stored state (serial %(serial)d) cannot be read. It was altered, or "
            "its key is missing in CONSOLE_ENCRYPTION_KEYS. Nothing was started. "
            "%(good)s"
        )
        % told
    )


def state_body(state: StateVersion) -> bytes | None:
    """Return a state, decrypted; None when its key is missing or its digest does not match."""
    try:
        body = bytes(state.body)
    except DecryptionError:
        return None
    return body if hashlib.sha256(body).hexdigest() == state.digest else None


def saved_plan(task: Task, engine: Engine) -> bytes | None:
    """Return the plan file to apply; None makes the run plan anew, which only a draft may.

    Raises EngineError when a submitted plan is missing or out of date.
    """
    plan = task.plan
    if plan is None:
        return None
    version = engine.version()
    if plan.draft:
        if plan.file is None or plan.engine_version != version:
            return None
        return bytes(plan.file)
    return approved_file(plan, version)


def approved_file(plan: Plan, engine_version: str) -> bytes:
    """Return the file of a submitted plan, and record its digest in the audit log.

    Raises EngineError when the file is missing, was made by another engine version, or when
    anything it was made from has changed: it is never replaced by a new plan.
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
    approval = plan.approval
    changes = plan.changed_content() + plan.changed_file()
    if plan.needs_approval:
        changes += approval.changed()
    if changes:
        sentence = " ".join(str(each) for each in changes)
        raise EngineError(
            _("The plan is out of date. %s Nothing was changed.") % sentence
        )
    file = bytes(plan.file)
    AuditEntry.objects.record(
        "ApplyPlan",
        plan,
        by=None,
        before={"digest": approval.approved_digest() or plan.digest},
        after={"digest": plan.digest, "file_digest": hashlib.sha256(file).hexdigest()},
    )
    return file
