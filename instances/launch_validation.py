"""Validation of launches, updates and retries, for the pages and the API alike.

All errors are collected and raised together. Nothing is stored, and nothing runs but the
bounded check of values by the engine.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from catalog.effective_constraints import (
    EffectiveConstraints,
    LaunchOption,
    launch_options,
    options_through,
)
from catalog.models import Portfolio, Product, Region, Version
from catalog.tags import CombinedTagOptions, Pair
from console.lib.audit import AuditEntry
from console.lib.errors import (
    ConflictError,
    DomainError,
    ForbiddenError,
    InvalidInputError,
)
from console.lib.ids import new_number
from console.lib.names import check_name, normalized
from console.lib.users import User
from instances.engine_setup import run_engine_check
from instances.models import (
    Carried,
    Instance,
    Plan,
    ProvisioningSpec,
    Task,
    instance_for,
)

NAME_LENGTH = 128


@dataclass(frozen=True)
class RawInput:
    """The IDs and raw values of a request, not checked yet.

    `parameters` are texts, or JSON values when `typed`; `texts` are then the texts typed
    for them, where they are known. A parameter that is not among them keeps its value of
    `present`; the parameters in `reset` get the default of the template.
    """

    version: str
    portfolio: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[Pair] = ()
    typed: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    present: ProvisioningSpec | None = None
    reset: frozenset[str] = frozenset()

    def carried_to(self, version: Version, current: ProvisioningSpec | None) -> Carried:
        """Return the values that stay when the request names this version.

        Secrets that the present spec cannot have, because it was made for another version,
        are taken from the current spec of the instance.
        """
        present = self.present or current
        if present is None:
            return Carried()
        carried = present.carried_to(version)
        if current is not None and present.version.pk != version.pk:
            former = current.carried_to(version)
            secret = former.without(frozenset(former.values) - former.hidden)
            carried = Carried(
                {**secret.values, **carried.values},
                carried.texts,
                carried.hidden | secret.hidden,
                carried.defaults,
            )
        return carried.without(self.reset)


@dataclass(frozen=True)
class LaunchSpec:
    """The spec of a new instance, with its name and region, which never change."""

    spec: ProvisioningSpec
    name: str
    region: Region

    def draft(self, *, by: User) -> Plan:
        """Store it as a draft and queue its preview. Nothing is launched."""
        return Plan.objects.draft_for(
            Task.Kind.LAUNCH,
            self.spec,
            by=by,
            region=self.region,
            instance_name=self.name,
        )


class ErrorCollector:
    """Collects errors of several fields; `errors` maps a field to its messages."""

    def __init__(self) -> None:
        self.errors: dict[str, list[str]] = {}
        self.first: DomainError | None = None

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Collect the errors of a block; `place` is its field, or the prefix of several."""
        try:
            yield
        except InvalidInputError as error:
            self.first = self.first or error
            for key, messages in error.errors.items():
                name = f"{place}.{key}" if place == "parameters" and key else key
                self.errors.setdefault(name or place, []).extend(messages)
        except DomainError as error:
            self.first = self.first or error
            self.errors.setdefault(place, []).append(str(error))

    def check(self) -> None:
        """Raise the errors as one InvalidInputError with the code of the first."""
        if self.first is not None:
            raise InvalidInputError(self.errors, code=self.first.code) from self.first


def launch_from(
    asked: RawInput, product: Product, *, name: str, region: str, by: User
) -> LaunchSpec:
    """Check everything about a launch of a product the caller was given.

    Raises InvalidInputError, keyed name, version, portfolio, region, tags, tags.<n>,
    parameters, parameters.<key>; its code is that of the first refusal.
    """
    found = ErrorCollector()
    options = launch_options(product, by)
    with found.at("name"):
        name = free_name(name)
    limits, place = EffectiveConstraints(), None
    with found.at("portfolio"):
        option = choose(options, asked.portfolio)
        limits = option.constraints
    with found.at("region"):
        place = _active_region(region)
        limits.check_region(place)
    spec = _spec(asked, product, options, found)
    found.check()
    assert spec is not None  # otherwise something was found
    assert place is not None
    return LaunchSpec(spec, name, place)


def update_from(asked: RawInput, instance: Instance, *, by: User) -> ProvisioningSpec:
    """Check everything about a change of an instance the caller was given.

    Raises InvalidInputError like `launch_from`, and ForbiddenError for somebody who may no longer
    use the product. Whether anything differs is for `instance.differs_from` to say.
    """
    found = ErrorCollector()
    options = update_options(instance, by)
    named = bool(asked.portfolio)
    asked = replace(
        asked,
        portfolio=asked.portfolio or usual_option(instance, options, by),
    )
    with found.at("portfolio"):
        check_region_of(instance, choose(options, asked.portfolio))
    spec = _spec(asked, instance.product, options, found, instance=instance)
    found.check()
    assert spec is not None
    return replace(spec, option_named=named)


def update_options(instance: Instance, by: User) -> list[LaunchOption]:
    """The launch options for changing an instance.

    An administrator, who need not be granted the product, has every portfolio that
    holds it and the one the instance came from. Raises ForbiddenError when there is none.
    """
    if by.is_administrator:
        holding = Q(products=instance.product) | Q(pk=instance.portfolio_id)
        options = options_through(
            Portfolio.objects.filter(holding).distinct(), instance.product
        )
    else:
        options = launch_options(instance.product, by)
    if not options:
        raise ForbiddenError(
            _(
                "This product is no longer shared with you, so you cannot "
                "update this instance."
            ),
            code="NoPermission.ProductNotGranted",
            hint=_(
                "Ask an administrator for access to a portfolio that "
                "contains the product."
            ),
        )
    return options


def usual_option(instance: Instance, options: Sequence[LaunchOption], by: User) -> str:
    """Return the portfolio an update goes through when none is named, or nothing.

    The one the instance came from, as long as it is a launch option, else the only one
    the person was granted, as for a launch.
    """
    offered = {option.portfolio.pk for option in options}
    if instance.portfolio_id in offered:
        return str(instance.portfolio_id)
    granted = list(Portfolio.objects.launch_options(instance.product, by)[:2])
    alone = len(granted) == 1 and granted[0].pk in offered
    return str(granted[0].pk) if alone else ""


def check_region_of(instance: Instance, option: LaunchOption) -> None:
    """Raise InvalidInputError when another launch option does not allow the instance's region."""
    if option.portfolio.pk != instance.portfolio_id:
        option.constraints.check_region(instance.region)


def choose(options: Sequence[LaunchOption], portfolio: str) -> LaunchOption:
    """Return the launch option asked for, or the only one.

    Raises InvalidInputError with MissingPortfolioId or InvalidPortfolioId.NotLaunchOption.
    """
    if not portfolio and len(options) == 1:
        return options[0]
    if not portfolio:
        problem = _("Several launch options are available. Choose one.")
        raise InvalidInputError({"portfolio": [problem]}, code="MissingPortfolioId")
    for option in options:
        if option.portfolio.pk == portfolio:
            return option
    problem = _(
        "This portfolio is not a launch option of the product. Choose "
        "another launch option."
    )
    raise InvalidInputError(
        {"portfolio": [problem]}, code="InvalidPortfolioId.NotLaunchOption"
    )


def free_name(name: str) -> str:
    """Return the name in its spelling, if a new instance can have it.

    Raises InvalidInputError or ConflictError.
    """
    name = normalized(name)
    if not name:
        problem = _("Enter a name, or select “Automatic generate”.")
        raise InvalidInputError(
            {"name": [problem]}, code="MissingProvisionedProductName"
        )
    try:
        if len(name) > NAME_LENGTH:
            raise ValidationError(_("Use 1 to 128 characters without line breaks."))
        check_name(name)
    except ValidationError as error:
        raise InvalidInputError(
            {"name": error.messages}, code="InvalidProvisionedProductName"
        ) from error
    if Instance.objects.named(name).exists():
        raise ConflictError(
            _("An instance with this name already exists. Enter another name."),
            code="DuplicateName.ProvisionedProduct",
        )
    return name


def automatic_name(product: Product) -> str:
    """Return a name like `Web service-637412905`, unique but for a miracle."""
    return f"{product.name[: NAME_LENGTH - 10].strip()}-{new_number(9)}"


def execute_once(plan: Plan, *, by: User, unchecked: bool = False) -> Task:
    """Run a plan, when it is still allowed. A draft sent twice gives the same task.

    With `unchecked`, a draft does not wait for its preview. Raises a DomainError when it
    is no longer possible or allowed.
    """
    plan.check_owner(by)
    if not plan.executed:
        check_again(plan, by=by)
    return plan.execute(by=by, unchecked=unchecked)


def check_again(plan: Plan, *, by: User) -> None:
    """Refuse to execute what was allowed when it was made and no longer is.

    Raises a DomainError: instance, grant, version, launch option or region have changed.
    Whether an approval is needed is for the verb to say.
    """
    if plan.instance is not None:
        instance_for(by, plan.instance.pk)
    if plan.operation == Task.Kind.TERMINATE:
        return
    if plan.instance is not None:
        check_still_offered(plan.instance, plan.spec, by=by)
        return
    version, product = plan.version, plan.version.product
    options = launch_options(product, by)
    if not options:
        raise ForbiddenError(
            _("This product is no longer shared with you, so you cannot launch it."),
            code="NoPermission.ProductNotGranted",
            hint=_(
                "Ask an administrator for access to a portfolio that "
                "contains the product."
            ),
        )
    _active_version(product, version.pk, None)
    limits = choose(options, plan.portfolio_id or "").constraints
    limits.check_region(plan.region)
    limits.check_values(version, plan.spec.effective)


def check_still_offered(
    instance: Instance, spec: ProvisioningSpec, *, by: User
) -> None:
    """Refuse a change that was allowed when it was first asked for and no longer is.

    Raises a DomainError: grant, version, launch option or its rules have changed.
    """
    options = update_options(instance, by)
    _active_version(spec.version.product, spec.version.pk, instance.version)
    option = choose(options, spec.portfolio.pk if spec.portfolio else "")
    check_region_of(instance, option)
    option.constraints.check_values(spec.version, spec.effective)


@transaction.atomic
def retry(instance: Instance, *, by: User, task: str) -> Task:
    """Ask once more for what the failed task of this ID asked for, in a new task.

    A termination is terminated again; a launch or update goes on as an update, from what
    is there by now. Raises ConflictError when that task is not the last one or has not failed,
    while another runs, or when grant, version, launch option or rules no longer allow what
    it asked for; ApprovalRequiredError when it needs an approved plan.
    """
    failed = instance.failed_task
    if failed is None or failed.pk != task:
        raise _nothing_to_retry()
    _check_still_allowed(instance, failed, by)
    try:
        new = _again(instance, failed, by)
    except ConflictError:
        _check_still_last(instance, failed)
        raise
    AuditEntry.objects.record(
        "RetryTask", failed, by=by, after={"task": new.pk, "kind": new.kind}
    )
    return new


def _check_still_allowed(instance: Instance, failed: Task, by: User) -> None:
    """Raise ConflictError when grant, version, launch option or rules have changed since."""
    if failed.kind == Task.Kind.TERMINATE:
        return
    try:
        if failed.portfolio is None:
            raise ConflictError(_("The launch option of this task has been deleted."))
        check_still_offered(instance, failed.spec, by=by)
    except DomainError as refusal:
        raise ConflictError(
            _("This task cannot be retried as it is. %(why)s") % {"why": refusal},
            code=refusal.code,
            hint=_("Choose Edit and retry, or contact an administrator."),
        ) from refusal


def _again(instance: Instance, failed: Task, by: User) -> Task:
    """Queue the new task, unless the failed one is no longer the last."""
    if failed.kind == Task.Kind.TERMINATE:
        return instance.terminate(by=by, after=failed.pk)
    return instance.update_to(failed.spec, by=by, after=failed.pk)


def _check_still_last(instance: Instance, failed: Task) -> None:
    """Raise ConflictError when the instance has gone on, and rests, since it was read."""
    fresh = Instance.objects.get(pk=instance.pk)
    if not fresh.changing and fresh.last_task_id != failed.pk:
        raise _nothing_to_retry()


def _nothing_to_retry() -> ConflictError:
    return ConflictError(
        _(
            "This task cannot be retried because it is not the latest task of the "
            "instance."
        ),
        code="IncorrectStatus.Task",
    )


def _spec(
    asked: RawInput,
    product: Product,
    options: Sequence[LaunchOption],
    found: ErrorCollector,
    *,
    instance: Instance | None = None,
) -> ProvisioningSpec | None:
    """Check version, tags and parameters, noting what is wrong; None without a version."""
    with found.at("version"):
        running = instance.version if instance else None
        version = _active_version(product, asked.version, running)
        option = next(
            (each for each in options if each.portfolio.pk == asked.portfolio),
            options[0] if len(options) == 1 else None,
        )
        portfolio = option.portfolio if option else None
        tags: dict[str, str] = {}
        with found.at("tags"):
            tags = CombinedTagOptions.of(product, portfolio).complete(asked.tags)
        spec = ProvisioningSpec(version, portfolio, tags=tags)
        with found.at("parameters"):
            carried = asked.carried_to(
                version, instance.current() if instance else None
            )
            spec = filled(spec, asked, carried)
            limits = option.constraints if option else EffectiveConstraints()
            limits.check_values(version, spec.effective)
            if against := run_engine_check(version.template, spec.values, spec.hidden):
                raise InvalidInputError(against)
        return spec
    return None


def filled(
    spec: ProvisioningSpec, asked: RawInput, carried: Carried
) -> ProvisioningSpec:
    """Return a spec with the values that its template accepts. Raises InvalidParametersError."""
    schema = spec.version.template.schema.with_secrets(carried.hidden)
    judged = schema.validate(
        asked.parameters, kept=carried.values, text=not asked.typed
    )
    given = asked.texts if asked.typed else asked.parameters
    texts = {key: carried.texts[key] for key in judged.kept if key in carried.texts}
    entered = judged.values.keys() - judged.kept
    texts |= {key: given[key] for key in entered if isinstance(given.get(key), str)}
    return replace(
        spec,
        values=judged.values,
        texts=texts,
        hidden=carried.hidden & judged.kept,
    )


def _active_version(product: Product, pk: str, running: Version | None) -> Version:
    """A version people may choose; what an instance runs stays possible for it."""
    if running is not None and running.pk == pk:
        return running
    return Version.objects.launchable(product, pk)


def _active_region(pk: str) -> Region:
    region = Region.objects.active().filter(pk=pk).first()
    if region is None:
        raise InvalidInputError(
            {"region": [_("Choose a region.")]}, code="InvalidRegion"
        )
    return region
