"""Readable forms for the configuration of each type of constraint."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from catalog.constraint_config import (
    OPERATION_NAMES,
    OPERATIONS,
    PATTERN,
    described,
)
from catalog.forms import TEXT, text
from catalog.models import Constraint, LaunchRole, Product, Region
from console.lib.edit_conflicts import NOTHING
from console.lib.forms import EditForm
from console.lib.people import PrincipalType

ROWS = 2
RULES = "rules"
Config = dict[str, Any]


class ConfigForm(EditForm):
    """A description, and fields that make up the configuration for one product."""

    kind: ClassVar[str]

    description = text(_("Constraint description"), required=False)

    def __init__(
        self, *args: Any, product: Product, config: Mapping[str, Any], **kwargs: Any
    ) -> None:
        self.product = product
        initial = {**self.initial_from(config), **(kwargs.pop("initial", None) or {})}
        super().__init__(*args, initial=initial, **kwargs)

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

    @property
    def about(self) -> dict[str, Any]:
        """Keyword arguments of `impose` and `edit`."""
        names = ("description", "seen")
        given = {k: v for k, v in self.cleaned_data.items() if k in names}
        return {"config": self.config, **given}


class LaunchForm(ConfigForm):
    """Which credentials runs use."""

    kind = Constraint.Kind.LAUNCH

    role = forms.CharField(
        label=_("Launch role"),
        max_length=TEXT,
        help_text=_("The name of a set of credentials. Runs use it, people need none."),
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


class RegionsForm(ConfigForm):
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


class ApprovalForm(ConfigForm):
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
            "One a line: user/<login> or role/<group>. The approval of one is enough."
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
                    _("Write user/<login> or role/<group>, one a line.")
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


class RuleForm(forms.Form):
    """One rule on one parameter; a row without a parameter is no rule."""

    parameter = forms.ChoiceField(label=_("Parameter"), required=False)
    version = forms.ChoiceField(label=_("Version"), required=False)
    name = text(_("Rule name"), required=False)
    description = text(
        _("Rule description"),
        required=False,
        help_text=_("What people read when their value is refused."),
    )
    pattern = forms.CharField(
        label=_("Value as pattern"), required=False, max_length=PATTERN
    )
    values = forms.CharField(
        label=_("…or allowed values, one a line"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(
        self,
        *args: Any,
        parameters: list[str],
        versions: list[tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        parameter, version = self.fields["parameter"], self.fields["version"]
        parameter.choices = [("", "—"), *((key, key) for key in parameters)]  # type: ignore[attr-defined]
        version.choices = [("", _("All versions")), *versions]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("parameter") and bool(data.get("pattern")) == bool(
            data.get("values")
        ):
            raise ValidationError(_("Give either a pattern or allowed values."))
        return data

    @property
    def rule(self) -> Config | None:
        """The rule in the configuration's words."""
        data = self.cleaned_data
        if not data.get("parameter"):
            return None
        limit = {"AllowedPattern": data["pattern"]}
        if data["values"]:
            limit = {"AllowedValues": data["values"].splitlines()}
        return {
            "RuleName": data["name"],
            "Description": data["description"],
            "ProductVersionId": data["version"],
            "ParameterKey": data["parameter"],
            **limit,
        }


class TemplateForm(ConfigForm):
    """Rules on parameters. There are always two empty rows for more."""

    kind = Constraint.Kind.TEMPLATE

    def __init__(
        self, *args: Any, product: Product, config: Mapping[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(*args, product=product, config=config, **kwargs)
        self.rules = self._rules(config, self.data if self.is_bound else None)

    def _rules(self, config: Mapping[str, Any], data: Any) -> Any:
        """The rows: as they were sent, or without data as a configuration has them."""
        versions = list(self.product.versions.select_related("template"))
        keys = {key for each in versions for key in each.template.schema.by_key}
        return forms.formset_factory(RuleForm, extra=ROWS, max_num=100)(
            data=data,
            initial=list(map(_row, config.get("Rules", []))),
            prefix="rules",
            form_kwargs={
                "parameters": sorted(keys),
                "versions": [(each.pk, each.name) for each in versions],
            },
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
        return " ".join(value) or NOTHING

    def put(self, data: Any, name: str, record: Constraint) -> None:
        if name != RULES:
            super().put(data, name, record)
            return
        self.rules = self._rules(record.config, None)

    def initial_from(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def clean(self) -> dict[str, Any]:
        if not self.rules.is_valid():
            raise ValidationError(_("A rule is not complete: see below."))
        return self.cleaned_data

    @property
    def config(self) -> Config:
        return {"Rules": [form.rule for form in self.rules if form.rule]}


def _rule_texts(kind: str, config: Mapping[str, Any]) -> list[str]:
    """Each rule in a sentence."""
    return [str(each) for each in described(kind, config)] if config else []


def _row(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "parameter": rule.get("ParameterKey"),
        "version": rule.get("ProductVersionId"),
        "name": rule.get("RuleName"),
        "description": rule.get("Description"),
        "pattern": rule.get("AllowedPattern"),
        "values": "\n".join(map(str, rule.get("AllowedValues", []))),
    }


CONFIG_FORMS: Mapping[str, type[ConfigForm]] = {
    form.kind: form for form in (LaunchForm, TemplateForm, ApprovalForm, RegionsForm)
}
