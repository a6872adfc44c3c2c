"""The forms of step 1 of the launch and update wizards."""

from functools import cached_property

from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext as _

from catalog.effective_constraints import LaunchOption, launch_options
from catalog.models import Product, Region, Version
from console.lib.errors import ConflictError
from console.lib.users import User
from instances.forms.provisioning import (
    ChoicesForm,
    LaunchChoicesForm,
    ProvisioningForm,
)
from instances.launch_validation import (
    LaunchSpec,
    RawInput,
    automatic_name,
    default_option,
    update_options,
    validate_launch,
    validate_update,
)
from instances.models import Instance, Plan, ProvisioningSpec, Task


class LaunchForm(ProvisioningForm[LaunchSpec]):
    """The launch of a product. Raises ConflictError without an active version."""

    choices_class = LaunchChoicesForm

    def __init__(
        self,
        product: Product,
        by: User,
        request_data: QueryDict,
        *,
        validate: bool = False,
        draft: Plan | None = None,
    ) -> None:
        self.product, self.by, self.draft = product, by, draft
        versions = list(product.versions.active().by_advice().select_related("product"))
        if not versions:
            raise ConflictError(
                _("This product has no active version, so it cannot be launched."),
                code="InvalidProductVersion.NotFound",
            )
        super().__init__(
            options=launch_options(product, by),
            versions=versions,
            request_data=request_data,
            validate=validate,
            start=draft.spec if draft else None,
        )

    @property
    def needs_approval(self) -> bool:
        return self.constraints.needs_approval(Task.Kind.LAUNCH)

    def prepare_choices(self, choices: ChoicesForm) -> None:
        assert isinstance(choices, LaunchChoicesForm)
        choices.set_region_choices(self.regions.values())
        choices.fields["name"].required = "automatic" not in self.request_data

    @cached_property
    def regions(self) -> dict[str, Region]:
        """Return the regions that the launch option allows, by ID."""
        return {region.pk: region for region in self.constraints.regions()}

    @property
    def region(self) -> Region | None:
        chosen = self.request_data.get("region") or self.initial_choices()["region"]
        return self.regions.get(chosen) or next(iter(self.regions.values()), None)

    @property
    def region_has_suggestions(self) -> bool:
        """Return True if the suggestions of fields depend on the region."""
        return any(region.suggestions for region in self.regions.values())

    def initial_choices(self) -> dict[str, str]:
        if self.draft is None:
            return {"region": settings.REGION_ID}
        return {"name": self.draft.instance_name, "region": self.draft.region_id}

    def build_spec(self, raw_input: RawInput) -> LaunchSpec:
        automatic = bool(self.request_data.get("automatic"))
        name = self.request_data.get("name", "").strip()
        return validate_launch(
            raw_input,
            self.product,
            name=automatic_name(self.product) if automatic else name,
            region=self.request_data.get("region", ""),
            by=self.by,
        )


class UpdateForm(ProvisioningForm[ProvisioningSpec]):
    """The update of an instance. Raises ForbiddenError without a launch option.

    The initial values are those of `draft`, else those of the task `origin`, else the
    present values of the instance.
    """

    def __init__(
        self,
        instance: Instance,
        by: User,
        request_data: QueryDict,
        *,
        validate: bool = False,
        draft: Plan | None = None,
        origin: Task | None = None,
    ) -> None:
        self.instance, self.by, self.draft = instance, by, draft
        self.origin = None if draft else origin
        started = draft or self.origin
        super().__init__(
            options=update_options(instance, by),
            versions=self._versions(),
            request_data=request_data,
            validate=validate,
            start=started.spec if started else instance.current(),
        )

    @property
    def default_option(self) -> LaunchOption | None:
        usual = default_option(self.instance, self.options, self.by)
        return next((o for o in self.options if o.portfolio.pk == usual), None)

    @property
    def region(self) -> Region:
        return self.instance.region

    def _versions(self) -> list[Version]:
        """Return the active versions, and the present one even if it is inactive."""
        product, running = self.instance.product, self.instance.version
        versions = list(product.versions.active().by_advice().select_related("product"))
        known = [each.pk for each in versions]
        return versions if running.pk in known else [*versions, running]

    @property
    def needs_approval(self) -> bool:
        return self.constraints.needs_approval(Task.Kind.UPDATE)

    @property
    def base_task(self) -> str:
        """Return the instance's last task when the page or its draft was opened."""
        known = self.instance.last_task_id
        if "base_task" in self.request_data:
            return self.request_data.get("base_task", "")
        return (self.draft.base_task_id if self.draft else known) or ""

    @property
    def superseded(self) -> bool:
        """Return True if the instance was changed since the page was opened."""
        return self.base_task != (self.instance.last_task_id or "")

    def build_spec(self, raw_input: RawInput) -> ProvisioningSpec:
        return validate_update(raw_input, self.instance, by=self.by)
