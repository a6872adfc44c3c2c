"""The form of *Preview form*: the parameters of a version as end users see them."""

from collections.abc import Iterator
from functools import cached_property

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from catalog.forms.parameters import ParameterForm, parameter_form, unvalidated_values
from catalog.models import Region, Version
from catalog.schema import InvalidParametersError
from catalog.suggestions import suggested_in
from console.lib.masking import MASK
from console.lib.users import User
from instances.engine_setup import run_engine_check
from instances.forms.provisioning import initial_texts
from instances.launch_validation import RawInput, with_values
from instances.models import Carried, Plan, ProvisioningSpec, Task


class TrialRegionForm(forms.Form):
    """The region of the trial: a plan can need its credentials."""

    region = forms.ModelChoiceField(
        label=_("Region"), queryset=Region.objects.active(), empty_label=None
    )


class TrialForm:
    """Region and parameters as one form. `plan` is the trial that it starts from."""

    def __init__(
        self, version: Version, data: QueryDict, *, validate: bool, plan: Plan | None
    ) -> None:
        self.version, self.data, self.plan = version, data, plan
        self.validate = validate
        self.spec = ProvisioningSpec(version, None)

    @cached_property
    def regions(self) -> dict[str, Region]:
        return {region.pk: region for region in Region.objects.active()}

    @property
    def region(self) -> Region | None:
        """Return the chosen region, else that of the trial, else the default one."""
        first = self.plan.region_id if self.plan else settings.REGION_ID
        chosen = self.regions.get(self.data.get("region", first))
        return chosen or next(iter(self.regions.values()), None)

    @cached_property
    def region_form(self) -> TrialRegionForm | None:
        """Return the form of the region; None without an active region."""
        if self.region is None:
            return None
        if self.validate:
            return TrialRegionForm(self.data)
        return TrialRegionForm(initial={"region": self.region})

    @cached_property
    def carried(self) -> Carried:
        """Return the values of the trial, which fields that are not changed keep."""
        return self.plan.spec.carried_to(self.version) if self.plan else Carried()

    @cached_property
    def parameters(self) -> ParameterForm:
        schema = self.version.template.schema
        return parameter_form(
            schema,
            data=self.data if self.validate else None,
            initial=initial_texts(schema, self.carried),
            unvalidated={} if self.validate else unvalidated_values(schema, self.data),
            secrets_kept=self.carried.hidden,
            language=get_language() or "en",
            change=self.data.get("change", ""),
            suggestions=suggested_in([self.region] if self.region else []),
        )

    @property
    def parts(self) -> list[forms.Form]:
        return [
            each for each in (self.region_form, self.parameters) if each is not None
        ]

    @property
    def errors(self) -> bool:
        return self.validate and any(part.errors for part in self.parts)

    def is_valid(self) -> bool:
        """Validate as a launch does, including the check by the engine."""
        # All parts are validated, so that one answer names all errors.
        if not self.validate or not all([*map(forms.Form.is_valid, self.parts)]):
            return False
        form = self.parameters
        raw_input = RawInput(
            self.version.pk,
            parameters=form.entered_values(),
            texts=form.entered_texts(),
            typed=True,
        )
        try:
            self.spec = with_values(
                self.spec, raw_input, self.carried.without(form.reset_keys())
            )
            errors = run_engine_check(self.version.template, self.spec.values)
        except InvalidParametersError as refusal:
            errors = refusal.errors
        for key, messages in errors.items():
            known = key in self.parameters.fields
            self.parameters.add_error(key if known else None, messages)
        return not errors

    def shown_values(self) -> Iterator[tuple[str, object]]:
        """Yield the values that the template would get, secrets masked."""
        for key, value in self.spec.effective.items():
            yield key, MASK if key in self.spec.secret_keys else value

    def start(self, *, by: User) -> Plan | None:
        """Queue the preview of a plan that cannot be executed; None without an active region."""
        if self.region is None:
            return None
        return Plan.objects.draft_for(
            Task.Kind.LAUNCH,
            self.spec,
            by=by,
            region=self.region,
            instance_name=str(self.version.product),
            trial=True,
        )
