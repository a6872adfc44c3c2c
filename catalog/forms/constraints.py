"""Readable forms for the configuration of each type of constraint."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
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
    describe_config,
)
from catalog.schema.conversion import as_text
from console.lib.edit_conflicts import EMPTY
from console.lib.forms import EditForm, VerbForm
from console.lib.users import PrincipalType

EMPTY_RULE_ROWS = 2
TEXT_AREA_ROWS = 3
RULES = "rules"
Config = dict[str, Any]


class ConfigForm(VerbForm):
    """The description and the configuration of a constraint on one product."""

    kind: ClassVar[str]

    description = text(_("Constraint description"), required=False)

    def __init__(
        self,
        data: Any = None,
        *,
        product: Product,
        config: Mapping[str, Any],
        initial: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.product = product
        initial = {**self.initial_from(config), **(initial or {})}
        super().__init__(data, initial=initial, **kwargs)

    def initial_of(self, record: Constraint) -> dict[str, Any]:
        config = self.initial_from(record.config)
        return {**config, "description": record.description}

    def initial_from(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """What the fields show for a stored configuration."""
        raise NotImplementedError

    @property
    def config(self) -> Config:
        """The configuration the fields say, to be checked by the verb."""
        raise NotImplementedError

    def verb_values(self) -> dict[str, Any]:
        """Return the keyword arguments of `impose` and `edit`."""
        names = ("description", "seen")
        given = {k: v for k, v in self.cleaned_data.items() if k in names}
        return {"config": self.config, **given}


class LaunchForm(ConfigForm, EditForm):
    """Which credentials runs use."""

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

    def initial_from(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {"role": config.get("LocalRoleName", "")}

    @property
    def config(self) -> Config:
        return {"LocalRoleName": self.cleaned_data["role"]}

    @property
    def suggestions(self) -> Iterable[str]:
        """The roles whose credentials are stored here."""
        return LaunchRole.objects.values_list("name", flat=True)[:100]


class RegionsForm(ConfigForm, EditForm):
    """Where the product may be launched."""

    kind = Constraint.Kind.STACK_REGION

    regions = forms.ModelMultipleChoiceField(
        label=_("Available regions"),
        queryset=Region.objects.active(),
        widget=forms.CheckboxSelectMultiple,
    )

    def initial_from(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {"regions": config.get("StackRegions", [])}

    @property
    def config(self) -> Config:
        return {"StackRegions": [region.pk for region in self.cleaned_data["regions"]]}


class ApprovalForm(ConfigForm, EditForm):
    """Which operations need a plan, and who may approve it."""

    kind = Constraint.Kind.APPROVAL
    PREFIXES: ClassVar = {PrincipalType.USER: "user", PrincipalType.ROLE: "role"}

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

    def initial_from(self, config: Mapping[str, Any]) -> dict[str, Any]:
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
    def config(self) -> Config:
        return {
            "OperationTypes": self.cleaned_data["operations"],
            "Approvers": self.cleaned_data["approvers"],
        }


class LinesOrTicks(forms.CheckboxSelectMultiple):
    """Boxes to tick, or a text area as long as `ticks` holds no options."""

    ticks: list[str] | None = None

    @property
    def use_fieldset(self) -> bool:  # type: ignore[override]
        return self.ticks is not None

    def id_for_label(self, id_: str | None, index: Any = None) -> str:
        if self.ticks is None and id_ and index is None:
            return id_
        return super().id_for_label(id_ or "", index)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        if isinstance(data, MultiValueDict):
            return data.getlist(name)
        return [data[name]] if name in data else []

    def render(
        self, name: str, value: Any, attrs: Any = None, renderer: Any = None
    ) -> SafeString:
        texts = list(map(as_text, value or []))
        if self.ticks is None:
            area = forms.Textarea({"rows": TEXT_AREA_ROWS, "spellcheck": "false"})
            return area.render(name, "\n".join(texts), attrs, renderer)
        self.choices = [(each, each or _("(empty)")) for each in self.ticks]
        return super().render(name, texts, attrs, renderer)


class AllowedValuesField(forms.Field):
    """Values to tick when the template lists some, else lines of text.

    Both are read alike, because the parameter may be another one than that the control
    was made for.
    """

    widget: Any = LinesOrTicks
    known: Mapping[str, Any] = {}

    def offer(self, options: list[str] | None, stored: list[Any]) -> None:
        """Let the control show these options, or lines when there are none."""
        texts = list(map(as_text, stored))
        self.known = dict(zip(texts, stored, strict=True))
        if options is not None:
            extra = [each for each in texts if each not in options]
            self.widget.ticks = [*options, *extra]
            self.label = _("Allowed values")

    def clean(self, value: list[str]) -> list[Any]:
        # A number that was shown and sent back stays a number.
        return [self.known.get(each, each) for each in self.texts(value)]

    def texts(self, sent: list[str]) -> list[str]:
        """Return what was ticked or entered; an empty text only where it can be ticked."""
        assert isinstance(self.widget, LinesOrTicks)
        blank = [""] if "" in (self.widget.ticks or []) else []
        lines = [line for each in sent for line in each.splitlines() or blank]
        return list(dict.fromkeys(lines))


class RuleForm(forms.Form):
    """One rule on one parameter; a row without a parameter is no rule."""

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
        """Return what the template lists for the parameter; None where it is free."""
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

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("parameter") and bool(data.get("pattern")) == bool(
            data.get("values")
        ):
            raise ValidationError(
                _("Enter either a pattern or allowed values, not both.")
            )
        return data

    @property
    def rule(self) -> Config | None:
        """The rule in the configuration's words."""
        data = self.cleaned_data
        if not data.get("parameter"):
            return None
        limit: Config = {"AllowedPattern": data["pattern"]}
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
    """Rules on parameters. There are always two empty rows for more."""

    kind = Constraint.Kind.TEMPLATE

    def __init__(
        self,
        data: Any = None,
        *,
        product: Product,
        config: Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(data, product=product, config=config, **kwargs)
        self.rules = self._rules(config, self.data if self.is_bound else None)

    def _rules(self, config: Mapping[str, Any], data: Any) -> Any:
        """The rows: as they were sent, or without data as a configuration has them."""
        versions = list(self.product.versions.select_related("template"))
        return forms.formset_factory(RuleForm, extra=EMPTY_RULE_ROWS, max_num=100)(
            data=data,
            initial=list(map(_row, config.get("Rules", []))),
            prefix="rules",
            form_kwargs={"versions": versions},
        )

    # The rules are one more entry of the form when another person has changed them.

    def entry_names(self) -> list[str]:
        return [*super().entry_names(), RULES]

    def entry_label(self, name: str) -> Any:
        return _("Rules") if name == RULES else super().entry_label(name)

    def entered(self, name: str) -> Any:
        if name != RULES:
            return super().entered(name)
        return _rule_texts(self.kind, self.config if self.rules.is_valid() else {})

    def stored(self, name: str, record: Constraint) -> Any:
        if name != RULES:
            return super().stored(name, record)
        return _rule_texts(self.kind, record.config)

    def worded(self, name: str, value: Any) -> str:
        if name != RULES:
            return super().worded(name, value)
        return " ".join(value) or EMPTY

    def put(self, data: Any, name: str, record: Constraint) -> None:
        if name != RULES:
            super().put(data, name, record)
            return
        self.rules = self._rules(record.config, None)

    def shown_again(self) -> "TemplateForm":
        """Return the form unjudged, with the options of the parameters chosen in it."""
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

    def initial_from(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def clean(self) -> dict[str, Any]:
        if not self.rules.is_valid():
            raise ValidationError(
                _("One or more rules are incomplete. Complete the marked fields below.")
            )
        return self.cleaned_data

    @property
    def config(self) -> Config:
        return {"Rules": [form.rule for form in self.rules if form.rule]}


def _rule_texts(kind: str, config: Mapping[str, Any]) -> list[str]:
    """Each rule in a sentence."""
    return [str(each) for each in describe_config(kind, config)] if config else []


def _typed(form: RuleForm) -> dict[str, Any]:
    """Return a rule as it was sent; of ticks only those that can be ticked now."""
    sent = {name: form[name].value() for name in form.fields}
    field = form.fields["values"]
    assert isinstance(field, AllowedValuesField)
    ticks = field.widget.ticks
    return {
        "ParameterKey": sent["parameter"],
        "ProductVersionId": sent["version"],
        "RuleName": sent["name"],
        "Description": sent["description"],
        "AllowedPattern": sent["pattern"],
        "AllowedValues": [
            each
            for each in field.texts(sent["values"] or [])
            if ticks is None or each in ticks
        ],
    }


def _row(rule: Mapping[str, Any]) -> dict[str, Any]:
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
