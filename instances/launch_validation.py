"""Validation of launches, updates and retries, for pages and the API.

All errors of a request are collected and raised together.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

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
    parameters: Mapping[str, object] = field(default_factory=dict)
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


def validate_launch(
    raw_input: RawInput, product: Product, *, name: str, region: str, by: User
) -> LaunchSpec:
    """Return the spec of a launch; the caller has checked access to the product.

    Raises InvalidInputError with all errors, keyed name, version, portfolio, region, tags,
    tags.<n>, parameters, parameters.<key>, and the code of the first.
    """
    errors = ErrorCollector()
    options = launch_options(product, by)
    with errors.at("name"):
        name = free_name(name)
    constraints, place = EffectiveConstraints(), None
    with errors.at("portfolio"):
        option = choose(options, raw_input.portfolio)
        constraints = option.constraints
    with errors.at("region"):
        place = _active_region(region)
        constraints.check_region(place)
    spec = _spec(raw_input, product, options, errors)
    errors.check()
    assert spec is not None  # otherwise there is an error
    assert place is not None
    return LaunchSpec(spec, name, place)


def validate_update(
    raw_input: RawInput, instance: Instance, *, by: User
) -> ProvisioningSpec:
    """Return the spec of an update; the caller has checked access to the instance.

    The spec may equal the current one: see `Instance.check_differs`. Raises InvalidInputError
    like `validate_launch`, and ForbiddenError when the product is no longer shared with the
    user.
    """
    errors = ErrorCollector()
    options = update_options(instance, by)
    named = bool(raw_input.portfolio)
    raw_input = replace(
        raw_input,
        portfolio=raw_input.portfolio or default_option(instance, options, by),
    )
    with errors.at("portfolio"):
        check_region_of(instance, choose(options, raw_input.portfolio))
    spec = _spec(raw_input, instance.product, options, errors, instance=instance)
    errors.check()
    assert spec is not None
    return replace(spec, option_named=named)


def update_options(instance: Instance, by: User) -> list[LaunchOption]:
    """Return the launch options for an update of an instance.

    Administrators need no access to the product: they have every portfolio that contains
    it, and the one of the instance. Raises ForbiddenError when there is no option.
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


def default_option(
    instance: Instance, options: Sequence[LaunchOption], by: User
) -> str:
    """Return the ID of the portfolio for an update that names none; "" if there is none.

    This is the portfolio of the instance if it is a launch option, else the only one to
    which the user has access.
    """
    offered = {option.portfolio.pk for option in options}
    if instance.portfolio_id in offered:
        return str(instance.portfolio_id)
    granted = list(Portfolio.objects.launch_options(instance.product, by)[:2])
    alone = len(granted) == 1 and granted[0].pk in offered
    return str(granted[0].pk) if alone else ""


def check_region_of(instance: Instance, option: LaunchOption) -> None:
    """Raise InvalidInputError if a new launch option does not allow the instance's region."""
    if option.portfolio.pk != instance.portfolio_id:
        option.constraints.check_region(instance.region)


def choose(options: Sequence[LaunchOption], portfolio: str) -> LaunchOption:
    """Return the launch option of this portfolio, or the only one if none is named.

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
    """Return the normalized name of a new instance.

    Raises InvalidInputError if it is not valid, ConflictError if it is taken.
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
    """Return a random name like `Web service-637412905`."""
    return f"{product.name[: NAME_LENGTH - 10].strip()}-{new_number(9)}"


def execute_once(plan: Plan, *, by: User, unchecked: bool = False) -> Task:
    """Execute a plan that is still allowed. Idempotent: a draft has one task.

    With `unchecked`, a draft is executed without its preview. Raises a DomainError when the
    execution is no longer possible or allowed.
    """
    plan.check_owner(by)
    if not plan.executed:
        check_still_allowed(plan, by=by)
    return plan.execute(by=by, unchecked=unchecked)


def check_still_allowed(plan: Plan, *, by: User) -> None:
    """Check instance, access, version, launch option and region of a plan again.

    Raises a DomainError if one of them no longer allows it. `Plan.execute` checks the
    approval.
    """
    if plan.instance is not None:
        instance_for(by, plan.instance.pk)
    if plan.operation == Task.Kind.TERMINATE:
        return
    if plan.instance is not None:
        check_spec(plan.instance, plan.spec, by=by)
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
    constraints = choose(options, plan.portfolio_id or "").constraints
    constraints.check_region(plan.region)
    constraints.check_values(version, plan.spec.effective)


def check_spec(instance: Instance, spec: ProvisioningSpec, *, by: User) -> None:
    """Check access, version, launch option and constraints of an update again.

    Raises a DomainError if one of them no longer allows it.
    """
    options = update_options(instance, by)
    _active_version(spec.version.product, spec.version.pk, instance.version)
    option = choose(options, spec.portfolio.pk if spec.portfolio else "")
    check_region_of(instance, option)
    option.constraints.check_values(spec.version, spec.effective)


@transaction.atomic
def retry(instance: Instance, *, by: User, task: str) -> Task:
    """Queue a new task with the values of the failed task that has this ID.

    A termination is repeated; a launch or update continues as an update of what exists.
    Raises ConflictError when the task is not the last one or has not failed, while another
    is running, or when access, version, launch option or constraints no longer allow it;
    ApprovalRequiredError when it needs an approved plan.
    """
    failed = instance.failed_task
    if failed is None or failed.pk != task:
        raise _nothing_to_retry()
    _check_retry(instance, failed, by)
    try:
        new = _queue_again(instance, failed, by)
    except ConflictError:
        _check_still_last(instance, failed)
        raise
    AuditEntry.objects.record(
        "RetryTask", failed, by=by, after={"task": new.pk, "kind": new.kind}
    )
    return new


def _check_retry(instance: Instance, failed: Task, by: User) -> None:
    """Raise ConflictError if access, version, launch option or constraints forbid it now."""
    if failed.kind == Task.Kind.TERMINATE:
        return
    try:
        if failed.portfolio is None:
            raise ConflictError(_("The launch option of this task has been deleted."))
        check_spec(instance, failed.spec, by=by)
    except DomainError as refusal:
        raise ConflictError(
            _("This task cannot be retried as it is. %(why)s") % {"why": refusal},
            code=refusal.code,
            hint=_("Choose Edit and retry, or contact an administrator."),
        ) from refusal


def _queue_again(instance: Instance, failed: Task, by: User) -> Task:
    """Queue the new task. Raises ConflictError if the failed one is no longer the last."""
    if failed.kind == Task.Kind.TERMINATE:
        return instance.terminate(by=by, after=failed.pk)
    return instance.update_to(failed.spec, by=by, after=failed.pk)


def _check_still_last(instance: Instance, failed: Task) -> None:
    """Raise ConflictError if another task has started and ended since the instance was read."""
    current = Instance.objects.get(pk=instance.pk)
    if not current.changing and current.last_task_id != failed.pk:
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
    raw_input: RawInput,
    product: Product,
    options: Sequence[LaunchOption],
    errors: ErrorCollector,
    *,
    instance: Instance | None = None,
) -> ProvisioningSpec | None:
    """Return the spec with version, tags and parameters, collecting errors in `errors`.

    None when the version is not valid.
    """
    with errors.at("version"):
        running = instance.version if instance else None
        version = _active_version(product, raw_input.version, running)
        option = next(
            (each for each in options if each.portfolio.pk == raw_input.portfolio),
            options[0] if len(options) == 1 else None,
        )
        portfolio = option.portfolio if option else None
        tags: dict[str, str] = {}
        with errors.at("tags"):
            tags = CombinedTagOptions.of(product, portfolio).complete(raw_input.tags)
        spec = ProvisioningSpec(version, portfolio, tags=tags)
        with errors.at("parameters"):
            carried = raw_input.carried_to(
                version, instance.current() if instance else None
            )
            spec = with_values(spec, raw_input, carried)
            constraints = option.constraints if option else EffectiveConstraints()
            constraints.check_values(version, spec.effective)
            if messages := run_engine_check(version.template, spec.values, spec.hidden):
                raise InvalidInputError(messages)
        return spec
    return None


def with_values(
    spec: ProvisioningSpec, raw_input: RawInput, carried: Carried
) -> ProvisioningSpec:
    """Return the spec with the validated values. Raises InvalidParametersError."""
    schema = spec.version.template.schema.with_secrets(carried.hidden)
    validated = schema.validate(
        raw_input.parameters, kept=carried.values, text=not raw_input.typed
    )
    typed = raw_input.texts if raw_input.typed else raw_input.parameters
    texts = {key: carried.texts[key] for key in validated.kept if key in carried.texts}
    for key in validated.values.keys() - validated.kept:
        if isinstance(text := typed.get(key), str):
            texts[key] = text
    return replace(
        spec,
        values=validated.values,
        texts=texts,
        hidden=carried.hidden & validated.kept,
    )


def _active_version(product: Product, pk: str, running: Version | None) -> Version:
    """Return the version if it may be launched, or if the instance already has it."""
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
