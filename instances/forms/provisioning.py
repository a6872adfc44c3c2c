"""The form of both wizards: version, launch option, tags and parameters."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Generic, TypeVar

from django import forms
from django.forms.utils import ErrorList
from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from catalog.effective_constraints import EffectiveConstraints, LaunchOption
from catalog.forms.parameter_field import entered_text_or_value, is_untouched
from catalog.forms.parameters import ParameterForm, parameter_form, unvalidated_values
from catalog.models import Portfolio, Region, Version
from catalog.schema import Schema
from catalog.suggestions import suggested_in
from catalog.tags import CombinedTagOptions
from console.lib.edit_conflicts import EditConflict
from console.lib.errors import InvalidInputError
from instances.forms.tags import TagsForm, entered_tags
from instances.launch_validation import NAME_LENGTH, LaunchSpec, RawInput
from instances.models import Carried, ProvisioningSpec

VERSION_LABEL = _("%(name)s — %(guidance)s")
WITHDRAWN_LABEL = _("%(name)s — no longer available")


class LaunchOptionField(forms.ChoiceField):
    """A choice of a launch option. The only option is the default."""

    def clean(self, value: object) -> str:
        offered = list(self.widget.choices)
        only = offered[0][0] if len(offered) == 1 else ""
        return str(super().clean(value or only))


class ChoicesForm(forms.Form):
    """The choice of launch option and version."""

    use_required_attribute = False
    auto_id = "id_%s"

    portfolio = LaunchOptionField(
        label=_("Launch option"),
        help_text=_(
            "The portfolio that you launch the product through. Its constraints apply."
        ),
        error_messages={
            "required": _("Several launch options are available. Choose one.")
        },
    )
    version = forms.ChoiceField(
        label=_("Product version"),
        error_messages={"required": _("Choose a version.")},
    )

    def set_choices(self, options: list[LaunchOption], versions: list[Version]) -> None:
        """Set the options of both fields; a single launch option is preselected."""
        portfolio = self.fields["portfolio"]
        assert isinstance(portfolio, forms.ChoiceField)
        portfolio.choices = [(o.portfolio.pk, o.portfolio.name) for o in options]
        if len(options) > 1:
            portfolio.choices = [("", _("Choose a launch option")), *portfolio.choices]
        version = self.fields["version"]
        assert isinstance(version, forms.ChoiceField)
        version.choices = [(each.pk, _version_label(each)) for each in versions]


class LaunchChoicesForm(ChoicesForm):
    """The choices of a launch, which include the name and the region of the instance."""

    name = forms.CharField(
        label=_("Product instance name"),
        max_length=NAME_LENGTH,
        help_text=_("1 to 128 characters. You cannot change the name later."),
        error_messages={"required": _("Enter a name, or select “Automatic generate”.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    automatic = forms.BooleanField(
        label=_("Automatic generate"),
        required=False,
        help_text=_("Generates a name from the product name and a number."),
    )
    region = forms.ChoiceField(
        label=_("Region"),
        help_text=_(
            "The region where resources are created. You cannot change it later."
        ),
        error_messages={"required": _("Choose a region.")},
    )

    field_order = ["name", "automatic", "portfolio", "version", "region"]

    def set_region_choices(self, regions: Iterable[Region]) -> None:
        region = self.fields["region"]
        assert isinstance(region, forms.ChoiceField)
        region.choices = [(each.pk, str(each)) for each in regions]


def _version_label(version: Version) -> str:
    if not version.active:
        return WITHDRAWN_LABEL % {"name": version.name}
    if version.guidance == Version.Guidance.DEFAULT:
        return version.name
    return VERSION_LABEL % {
        "name": version.name,
        "guidance": version.get_guidance_display(),
    }


# What a form makes of its input: a LaunchSpec, or the ProvisioningSpec of an update.
Spec = TypeVar("Spec", LaunchSpec, ProvisioningSpec)
PARAMETER_PREFIX = "parameters-"


class ProvisioningForm(Generic[Spec]):
    """Choices, tags and the parameters of the chosen version, as one form.

    With `validate`, `request_data` is validated, otherwise only shown again. `start` has
    the initial values of the fields. `is_valid` sets `spec`.
    """

    spec: Spec

    choices_class: type[ChoicesForm] = ChoicesForm
    # Set when the plan was edited since the page was opened.
    conflict: EditConflict | None = None

    def __init__(
        self,
        *,
        options: list[LaunchOption],
        versions: list[Version],
        request_data: QueryDict,
        validate: bool,
        start: ProvisioningSpec | None,
    ) -> None:
        self.options, self.versions = options, versions
        self.request_data, self.start = request_data, start
        # The fields of another choice are only shown again.
        self.validate = validate and not self.outdated

    @cached_property
    def version(self) -> Version:
        """Return the chosen version, else that of `start`, else the first one."""
        wanted = [self.request_data.get("version")]
        wanted += [self.start.version.pk] if self.start else []
        by_pk = {version.pk: version for version in self.versions}
        return next((by_pk[pk] for pk in wanted if pk in by_pk), self.versions[0])

    @cached_property
    def option(self) -> LaunchOption | None:
        """Return the chosen launch option, else that of `start`, else the default."""
        started = self.start.portfolio if self.start else None
        wanted = [self.request_data.get("portfolio"), started and started.pk]
        by_pk = {option.portfolio.pk: option for option in self.options}
        only = self.options[0] if len(self.options) == 1 else self.default_option
        return next((by_pk[pk] for pk in wanted if pk in by_pk), only)

    @property
    def default_option(self) -> LaunchOption | None:
        """Return the launch option that is preselected among several."""
        return None

    @property
    def portfolio(self) -> Portfolio | None:
        return self.option.portfolio if self.option else None

    @property
    def constraints(self) -> EffectiveConstraints:
        return self.option.constraints if self.option else EffectiveConstraints()

    @property
    def choices_key(self) -> str:
        """Return the version and the launch option that the fields belong to."""
        return f"{self.version.pk}/{self.portfolio.pk if self.portfolio else ''}"

    @property
    def was_sent(self) -> bool:
        """Return True if the request has the fields of the form."""
        return "shown" in self.request_data

    @property
    def outdated(self) -> bool:
        """Return True if the fields in the request belong to another choice."""
        return self.request_data.get("shown", self.choices_key) != self.choices_key

    @cached_property
    def choices(self) -> ChoicesForm:
        if self.validate:
            form = self.choices_class(self.request_data)
        else:
            typed = self.request_data.dict()
            chosen = {"version": self.version.pk}
            if self.portfolio:
                chosen["portfolio"] = self.portfolio.pk
            form = self.choices_class(initial=self.initial_choices() | typed | chosen)
        form.set_choices(self.options, self.versions)
        self.prepare_choices(form)
        return form

    def prepare_choices(self, choices: ChoicesForm) -> None:
        """Set the options of further choices."""

    def initial_choices(self) -> dict[str, str]:
        return {}

    @cached_property
    def tags(self) -> TagsForm:
        offered = CombinedTagOptions.of(self.version.product, self.portfolio)
        if self.validate:
            return TagsForm(offered, data=self.request_data)
        typed = entered_tags(self.request_data, offered)
        first = self.start.tags if self.start else {}
        more = 3 if self.request_data.get("change") == "tag" else 0
        return TagsForm(offered, initial=typed if self.was_sent else first, more=more)

    @cached_property
    def parameters(self) -> ParameterForm:
        return parameter_form(
            self.schema.with_secrets(self.carried.hidden),
            data=self.request_data if self.validate else None,
            initial=initial_texts(self.schema, self.carried),
            unvalidated={} if self.validate else self._reentered_parameters(),
            secrets_kept=self.carried.hidden,
            former_defaults=self.carried.defaults,
            language=get_language() or "en",
            change="" if self.outdated else self.request_data.get("change", ""),
            suggestions=self.suggestions,
            allowed=self.constraints.allowed_values(self.version),
        )

    @cached_property
    def carried(self) -> Carried:
        """Return the values of `start` that the chosen version can take over."""
        return self.start.carried_to(self.version) if self.start else Carried()

    @cached_property
    def suggestions(self) -> dict[str, list[str]]:
        """Return the region's suggestions for parameters that name resources."""
        return suggested_in([self.region] if self.region else [])

    @property
    def region(self) -> Region | None:
        """Return the region of the instance; None if none is chosen."""
        raise NotImplementedError

    @property
    def schema(self) -> Schema:
        return self.version.template.schema

    def _reentered_parameters(self) -> dict[str, object]:
        """Return the entries for another version that this one can show again.

        Entries for secrets of either version are left out, and fields that were not changed:
        their value is the default or the present value of the other version.
        """
        typed_for = self.request_data.get("shown", "").partition("/")[0]
        version = next((each for each in self.versions if each.pk == typed_for), None)
        if version is None:
            return {}
        before = version.template.schema
        carried = self.start.carried_to(version) if self.start else Carried()
        hidden = carried.hidden | self.carried.hidden
        first = initial_texts(before, carried)
        return {
            key: value
            for key, value in unvalidated_values(self.schema, self.request_data).items()
            if key not in before.by_key
            or not (
                key in hidden
                or before.by_key[key].secret
                or is_untouched(before.by_key[key], value, first)
            )
        }

    def _unknown_parameters(self) -> dict[str, str]:
        """Return the keys in the request that the version does not have, to be refused."""
        names = [
            name for name in self.request_data if name.startswith(PARAMETER_PREFIX)
        ]
        # A key can be followed by a colon and the name of its second entry, or of a cell.
        keys = [name.removeprefix(PARAMETER_PREFIX).partition(":")[0] for name in names]
        return {key: "" for key in keys if key not in self.schema.by_key}

    def is_valid(self) -> bool:
        """Validate all parts at once, then set `spec` or `errors`."""
        if not self.validate:
            return False
        parts = [
            self.choices.is_valid(),
            self.tags.is_valid(),
            self.parameters.is_valid(),
        ]
        try:
            spec = self.build_spec(self._raw_input())
        except InvalidInputError as refusal:
            self._add_errors(refusal.errors)
            return False
        if not all(parts):
            return False
        self.spec = spec
        return True

    def build_spec(self, raw_input: RawInput) -> Spec:
        """Return the spec that the input describes. Raises InvalidInputError."""
        raise NotImplementedError

    def _raw_input(self) -> RawInput:
        form, typed = self.parameters, self.parameters.is_valid()
        return RawInput(
            version=self.request_data.get("version", ""),
            portfolio=self.request_data.get("portfolio", ""),
            parameters=self._unknown_parameters()
            | (form.entered_values() if typed else {}),
            texts=form.entered_texts() if typed else {},
            reset=form.reset_keys() if typed else frozenset(),
            tags=[pair for _name, pair in self.tags.pairs()],
            typed=True,
            present=self.start,
        )

    def _add_errors(self, errors: Mapping[str, list[str]]) -> None:
        """Add each message to the field that it is about."""
        rows = [name for name, _pair in self.tags.pairs()]
        valid = self.parameters.is_valid()
        for path, messages in errors.items():
            part, _dot, rest = path.partition(".")
            if part == "parameters":
                # The form has its own errors already, in other words.
                if rest in self.parameters.fields and valid:
                    self.parameters.add_error(rest, messages)
                elif rest not in self.schema.by_key:
                    named = [f"{rest}: {each}" if rest else each for each in messages]
                    self.parameters.add_error(None, named)
            elif part == "tags":
                known = [text for each in self.tags.errors.values() for text in each]
                new = [text for text in messages if text not in known]
                if new:
                    self.tags.add_error(rows[int(rest)] if rest else None, new)
            elif part not in self.choices.errors:
                field = part if part in self.choices.fields else None
                self.choices.add_error(field, messages)

    # The interface of a form that components/error_summary.html uses.

    @property
    def parts(self) -> list[forms.Form]:
        return [self.choices, self.tags, self.parameters]

    @property
    def errors(self) -> dict[str, ErrorList]:
        if not self.validate:
            return {}
        return {
            f"{n}.{k}": v
            for n, part in enumerate(self.parts)
            for k, v in part.errors.items()
        }

    def non_field_errors(self) -> list[str]:
        return [str(e) for part in self.parts for e in part.non_field_errors()]

    def hidden_fields(self) -> Iterator[forms.BoundField]:
        for part in self.parts:
            yield from part.hidden_fields()

    def visible_fields(self) -> Iterator[forms.BoundField]:
        for part in self.parts:
            yield from part.visible_fields()


def initial_texts(schema: Schema, carried: Carried) -> dict[str, object]:
    """Return the initial texts of fields: the values taken over, as they were entered."""
    return {
        key: entered_text_or_value(schema.by_key[key], value, carried.texts.get(key))
        for key, value in carried.values.items()
        if key not in carried.hidden
    }
