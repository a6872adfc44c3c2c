"""The form of *Try the form*: a version's parameters as end users get them, and a region."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from catalog.forms.parameters import ParameterForm, parameter_form, typed_again
from catalog.models import Region, Version
from catalog.schema import InvalidParametersError
from catalog.suggestions import suggested_in
from console.lib.masking import MASK
from console.lib.users import User
from instances.engine_setup import objections
from instances.forms.provisioning import shown_first
from instances.launch_validation import Asked, filled
from instances.models import Carried, Plan, ProvisioningSpec, Task


class PlaceForm(forms.Form):
    """Where the plan is made: its credentials may be needed for that."""

    region = forms.ModelChoiceField(
        label=_("Region"), queryset=Region.objects.active(), empty_label=None
    )


class TrialForm:
    """Region and parameters as one form; `plan` is the trial it goes on from."""

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
        """The chosen region, else the one of the trial, else the usual one."""
        first = self.plan.region_id if self.plan else settings.REGION_ID
        chosen = self.regions.get(self.data.get("region", first))
        return chosen or next(iter(self.regions.values()), None)

    @cached_property
    def place(self) -> PlaceForm | None:
        """None where there is no region, so nothing can be planned."""
        if self.region is None:
            return None
        if self.validate:
            return PlaceForm(self.data)
        return PlaceForm(initial={"region": self.region})

    @cached_property
    def carried(self) -> Carried:
        """The values of the trial it goes on from: what is left as it is, stays."""
        return self.plan.spec.carried_to(self.version) if self.plan else Carried()

    @cached_property
    def parameters(self) -> ParameterForm:
        schema = self.version.template.schema
        return parameter_form(
            schema,
            data=self.data if self.validate else None,
            initial=shown_first(schema, self.carried),
            again_typed={} if self.validate else typed_again(schema, self.data),
            secrets_kept=self.carried.hidden,
            language=get_language() or "en",
            again=self.data.get("change", ""),
            suggestions=suggested_in([self.region] if self.region else []),
        )

    @property
    def parts(self) -> list[forms.Form]:
        return [each for each in (self.place, self.parameters) if each is not None]

    @property
    def errors(self) -> bool:
        return self.validate and any(part.errors for part in self.parts)

    def is_valid(self) -> bool:
        """Judge as a launch does, the engine's view of the values included."""
        # All of them, so that one answer names everything there is to mend.
        if not self.validate or not all([*map(forms.Form.is_valid, self.parts)]):
            return False
        form = self.parameters
        asked = Asked(
            self.version.pk,
            parameters=form.entered_values(),
            texts=form.entered_texts(),
            typed=True,
        )
        try:
            self.spec = filled(self.spec, asked, self.carried.without(form.reset()))
            against = objections(self.version.template, self.spec.values)
        except InvalidParametersError as refusal:
            against = refusal.errors
        for key, messages in against.items():
            known = key in self.parameters.fields
            self.parameters.add_error(key if known else None, messages)
        return not against

    def shown_values(self) -> Iterator[tuple[str, Any]]:
        """What the template would be given, secrets masked."""
        for key, value in self.spec.effective.items():
            yield key, MASK if key in self.spec.secret_keys else value

    def start(self, *, by: User) -> Plan | None:
        """Queue a plan nobody can carry out; None where there is no region for it."""
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
