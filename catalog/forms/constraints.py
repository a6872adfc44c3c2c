"""Forms for constraints, with the configuration of each type."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import BaseRenderer
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from catalog.forms.parameter_choices import own_choices
from catalog.forms.text_fields import MAX_TEXT_LENGTH, text
from catalog.models import Constraint, LaunchRole, Product, Region, Version
from catalog.models.constraint_config import (
    MAX_PATTERN_LENGTH,
    OPERATION_NAMES,
    OPERATIONS,
    ConstraintConfig,
    RawConfig,
    TemplateRule,
    describe_config,
)
from catalog.schema.conversion import as_text
from console.lib.edit_conflicts import EMPTY, Plain
from console.lib.errors import Text
from console.lib.forms import EditForm, VerbForm
from console.lib.users import PrincipalType

EMPTY_RULE_ROWS = 2
TEXT_AREA_ROWS = 3
RULES = "rules"


class ConfigForm(VerbForm):
    """The description and the configuration of a constraint on one product."""

    kind: ClassVar[str]

    description = text(_("Constraint description"), required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        product: Product,
        config: ConstraintConfig,
        initial: Mapping[str, object] | None = None,
        **kwargs: Any,
    ) -> None:
        self.product = product
        initial = {**self.initial_from(config), **(initial or {})}
        super().__init__(data, initial=initial, **kwargs)

    def initial_of(self, record: Constraint) -> dict[str, object]:
        config = self.initial_from(record.config)
        return {**config, "description": record.description}

    def initial_from(self, config: ConstraintConfig) -> dict[str, object]:
        """Return the initial values of the fields for a stored configuration."""
        raise NotImplementedError

    @property
    def config(self) -> RawConfig:
        """The configuration in the fields, which the verb validates."""
        raise NotImplementedError

    def verb_values(self) -> dict[str, object]:
        """Return the keyword arguments of `impose` and `edit`."""
        names = ("description", "seen")
        given = {k: v for k, v in self.cleaned_data.items() if k in names}
        return {"config": self.config, **given}


class LaunchForm(ConfigForm, EditForm):
    """Launch constraint: the credentials that tasks use."""

    kind = Constraint.Kind.LAUNCH

    role = forms.CharField(
        label=_("Launch role"),
        max_length=MAX_TEXT_LENGTH,
        help_text=_(
            "The name of a set of stored credentials. Tasks use them, so end "
            "users do not need credentials of their own."
        ),
        widget=forms.TextInput(attrs={"list": "launch-roles", "autocomplete": "off"}),
    )

    def initial_from(self, config: ConstraintConfig) -> dict[str, object]:
        return {"role": config.get("LocalRoleName", "")}

    @property
    def config(self) -> RawConfig:
        return {"LocalRoleName": self.cleaned_data["role"]}

    @property
    def suggestions(self) -> Iterable[str]:
        """The names of the launch roles, as suggestions."""
        return LaunchRole.objects.values_list("name", flat=True)[:100]


class RegionsForm(ConfigForm, EditForm):
    """Region constraint: the regions in which the product can be launched."""

    kind = Constraint.Kind.STACK_REGION

    regions = forms.ModelMultipleChoiceField(
        label=_("Available regions"),
        queryset=Region.objects.active(),
        widget=forms.CheckboxSelectMultiple,
    )

    def initial_from(self, config: ConstraintConfig) -> dict[str, object]:
        return {"regions": config.get("StackRegions", [])}

    @property
    def config(self) -> RawConfig:
        return {"StackRegions": [region.pk for region in self.cleaned_data["regions"]]}


class ApprovalForm(ConfigForm, EditForm):
    """Approval constraint: the operations that need a plan, and its approvers."""

    kind = Constraint.Kind.APPROVAL
    PREFIXES: ClassVar[dict[str, str]] = {
        PrincipalType.USER: "user",
        PrincipalType.ROLE: "role",
    }

    operations = forms.MultipleChoiceField(
        label=_("Must create a plan containing"),
        choices=list(OPERATION_NAMES.items()),
        widget=forms.CheckboxSelectMultiple,
    )
    approvers = forms.CharField(
        label=_("Approvers"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "Enter one approver per line: user/<login> or role/<group>. "
            "Approval by any one of them is enough."
        ),
    )

    def initial_from(self, config: ConstraintConfig) -> dict[str, object]:
        lines = [
            f"{self.PREFIXES[each['PrincipalType']]}/{each['PrincipalName']}"
            for each in config.get("Approvers", [])
        ]
        operations = config.get("OperationTypes", list(OPERATIONS))
        return {"operations": operations, "approvers": "\n".join(lines)}

    def clean_approvers(self) -> list[dict[str, str]]:
        types = {prefix: kind for kind, prefix in self.PREFIXES.items()}
        approvers = []
        for line in filter(
            None, map(str.strip, self.cleaned_data["approvers"].splitlines())
        ):
            prefix, slash, name = line.partition("/")
            if not slash or prefix not in types:
                raise ValidationError(
                    _("Enter user/<login> or role/<group>, one per line.")
                )
            approvers.append(
                {"PrincipalType": str(types[prefix]), "PrincipalName": name}
            )
        return approvers

    @property
    def config(self) -> RawConfig:
        return {
            "OperationTypes": self.cleaned_data["operations"],
            "Approvers": self.cleaned_data["approvers"],
        }


class ChoicesOrLines(forms.CheckboxSelectMultiple):
    """Check boxes for the `listed` values, or a text area without them."""

    listed: list[str] | None = None

    @property
    def use_fieldset(self) -> bool:  # type: ignore[override]
        return self.listed is not None

    def id_for_label(self, id_: str | None, index: str | None = None) -> str:
        if self.listed is None and id_ and index is None:
            return id_
        return super().id_for_label(id_ or "", index)

    def value_from_datadict(
        self, data: Mapping[str, Any], files: Any, name: str
    ) -> list[str]:
        if isinstance(data, MultiValueDict):
            return data.getlist(name)
        return [data[name]] if name in data else []

    def render(
        self,
        name: str,
        value: Iterable[object] | None,
        attrs: dict[str, object] | None = None,
        renderer: BaseRenderer | None = None,
    ) -> SafeString:
        texts = list(map(as_text, value or []))
        if self.listed is None:
            area = forms.Textarea({"rows": TEXT_AREA_ROWS, "spellcheck": "false"})
            return area.render(name, "\n".join(texts), attrs, renderer)
        self.choices = [(each, each or _("(empty)")) for each in self.listed]
        return super().render(name, texts, attrs, renderer)


class AllowedValuesField(forms.Field):
    """Allowed values: check boxes if the template lists some, otherwise lines of text.

    Both are read in the same way, because the user may have selected another parameter
    than the one that the control was made for.
    """

    widget: Any = ChoicesOrLines
    known: Mapping[str, Any] = {}

    def offer(self, options: list[str] | None, stored: list[object]) -> None:
        """Set the options of the control; it shows lines of text without options."""
        texts = list(map(as_text, stored))
        self.known = dict(zip(texts, stored, strict=True))
        if options is not None:
            extra = [each for each in texts if each not in options]
            self.widget.listed = [*options, *extra]
            self.label = _("Allowed values")

    def clean(self, value: list[str]) -> list[object]:
        # A stored number that is sent back stays a number.
        return [self.known.get(each, each) for each in self.texts(value)]

    def texts(self, sent: list[str]) -> list[str]:
        """Return the selected or entered values; an empty text only if it is an option."""
        assert isinstance(self.widget, ChoicesOrLines)
        blank = [""] if "" in (self.widget.listed or []) else []
        lines = [line for each in sent for line in each.splitlines() or blank]
        return list(dict.fromkeys(lines))


class RuleForm(forms.Form):
    """A rule for a parameter. A row without a parameter is ignored."""

    parameter = forms.ChoiceField(label=_("Parameter"), required=False)
    version = forms.ChoiceField(label=_("Version"), required=False)
    name = text(_("Rule name"), required=False)
    description = text(
        _("Rule description"),
        required=False,
        help_text=_("The message that users see when their value is rejected."),
    )
    pattern = forms.CharField(
        label=_("Parameter value (regular expression)"),
        required=False,
        max_length=MAX_PATTERN_LENGTH,
    )
    values = AllowedValuesField(
        label=_("Or enter allowed values, one per line"), required=False
    )

    def __init__(self, *args: Any, versions: list[Version], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.versions = versions
        keys = {key for each in versions for key in each.template.schema.by_key}
        parameter, version = self.fields["parameter"], self.fields["version"]
        named = [(each.pk, each.name) for each in versions]
        parameter.choices = [("", "—"), *((key, key) for key in sorted(keys))]  # type: ignore[attr-defined]
        version.choices = [("", _("All versions")), *named]  # type: ignore[attr-defined]
        values = self.fields["values"]
        assert isinstance(values, AllowedValuesField)
        values.offer(self._options(), self.initial.get("values") or [])

    def _options(self) -> list[str] | None:
        """Return the values that the template lists for the parameter, or None."""
        key, pk = self["parameter"].value(), self["version"].value()
        schemas = [v.template.schema for v in self.versions if pk in (None, "", v.pk)]
        found = [each.by_key[key] for each in schemas if key in each.by_key]
        options: dict[str, None] = {}
        for parameter in found:
            own = own_choices(parameter)
            if own is None:
                return None
            options.update(dict.fromkeys(own))
        return list(options) if found else None

    def clean(self) -> dict[str, object]:
        data = self.cleaned_data
        if data.get("parameter") and bool(data.get("pattern")) == bool(
            data.get("values")
        ):
            raise ValidationError(
                _("Enter either a pattern or allowed values, not both.")
            )
        return data

    @property
    def rule(self) -> RawConfig | None:
        """The rule as the configuration has it."""
        data = self.cleaned_data
        if not data.get("parameter"):
            return None
        limit: RawConfig = {"AllowedPattern": data["pattern"]}
        if data["values"]:
            limit = {"AllowedValues": data["values"]}
        return {
            "RuleName": data["name"],
            "Description": data["description"],
            "ProductVersionId": data["version"],
            "ParameterKey": data["parameter"],
            **limit,
        }


class TemplateForm(ConfigForm, EditForm):
    """Template constraint: rules for parameters, with two empty rows for more."""

    kind = Constraint.Kind.TEMPLATE

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        product: Product,
        config: ConstraintConfig,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, product=product, config=config, **kwargs)
        self.rules = self._rules(config, self.data if self.is_bound else None)

    def _rules(
        self, config: ConstraintConfig, data: Mapping[str, Any] | None
    ) -> "forms.BaseFormSet[RuleForm]":
        """Return the rows of the data, or without data those of a configuration."""
        versions = list(self.product.versions.select_related("template"))
        return forms.formset_factory(RuleForm, extra=EMPTY_RULE_ROWS, max_num=100)(
            data=data,
            initial=list(map(_row, config.get("Rules", []))),
            prefix="rules",
            form_kwargs={"versions": versions},
        )

    # The rules are one entry of the form in an edit conflict.

    def entry_names(self) -> list[str]:
        return [*super().entry_names(), RULES]

    def entry_label(self, name: str) -> Text:
        return _("Rules") if name == RULES else super().entry_label(name)

    def entered(self, name: str) -> Plain:
        if name != RULES:
            return super().entered(name)
        if not self.rules.is_valid():
            return []
        return _rule_texts(self.kind, cast(ConstraintConfig, self.config))

    def stored(self, name: str, record: Constraint) -> Plain:
        if name != RULES:
            return super().stored(name, record)
        return _rule_texts(self.kind, record.config)

    def worded(self, name: str, value: Plain) -> str:
        if name != RULES:
            return super().worded(name, value)
        return " ".join(cast("list[str]", value)) or EMPTY

    def put(self, data: QueryDict, name: str, record: Constraint) -> None:
        if name != RULES:
            super().put(data, name, record)
            return
        self.rules = self._rules(record.config, None)

    def shown_again(self) -> "TemplateForm":
        """Return the form without validation, with the options of the new parameters."""
        typed = self._rules({}, self.data)
        rows = [_typed(form) for form in typed if form["parameter"].value()]
        again = TemplateForm(
            product=self.product,
            config={"Rules": rows},
            record=self.record,
            initial={"description": self["description"].value()},
        )
        again.initial["seen"] = self.data.get("seen", "")
        return again

    def initial_from(self, config: ConstraintConfig) -> dict[str, object]:
        return {}

    def clean(self) -> dict[str, object]:
        if not self.rules.is_valid():
            raise ValidationError(
                _("One or more rules are incomplete. Complete the marked fields below.")
            )
        return self.cleaned_data

    @property
    def config(self) -> RawConfig:
        return {"Rules": [form.rule for form in self.rules if form.rule]}


def _rule_texts(kind: str, config: ConstraintConfig) -> list[str]:
    """Return each rule as a sentence."""
    return [str(each) for each in describe_config(kind, config)] if config else []


def _typed(form: RuleForm) -> TemplateRule:
    """Return a rule as it was sent, without values that are no longer options."""
    sent = {name: form[name].value() for name in form.fields}
    field = form.fields["values"]
    assert isinstance(field, AllowedValuesField)
    options = field.widget.listed
    return {
        "ParameterKey": sent["parameter"],
        "ProductVersionId": sent["version"],
        "RuleName": sent["name"],
        "Description": sent["description"],
        "AllowedPattern": sent["pattern"],
        "AllowedValues": [
            each
            for each in field.texts(sent["values"] or [])
            if options is None or each in options
        ],
    }


def _row(rule: TemplateRule) -> dict[str, object]:
    return {
        "parameter": rule.get("ParameterKey"),
        "version": rule.get("ProductVersionId"),
        "name": rule.get("RuleName"),
        "description": rule.get("Description"),
        "pattern": rule.get("AllowedPattern"),
        "values": list(rule.get("AllowedValues", [])),
    }


CONFIG_FORMS: Mapping[str, type[ConfigForm]] = {
    form.kind: form for form in (LaunchForm, TemplateForm, ApprovalForm, RegionsForm)
}
