"""The configuration of each type of constraint: its fields, validation and description.

The configuration of Launch is the vendor's. The vendor documents no others, so those of
Template, Approval and StackRegion are defined here, with its names where it shows any.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypedDict

import re2
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.models.product import Product
from catalog.models.region import Region
from console.lib.errors import InvalidInputError, Text
from console.lib.users import PrincipalType, Role, User

OPERATION_NAMES: dict[str, Text] = {
    "LaunchProduct": gettext_lazy("Launch"),
    "UpdateProvisionedProduct": gettext_lazy("Update"),
    "TerminateProvisionedProduct": gettext_lazy("Terminate"),
}
OPERATIONS = tuple(OPERATION_NAMES)
MAX_TEXT_LENGTH = 128
MAX_PATTERN_LENGTH = 1000
MAX_ENTRIES = 100
RULE_KEYS = {
    "RuleName",
    "Description",
    "ProductVersionId",
    "ParameterKey",
    "AllowedValues",
    "AllowedPattern",
}

# A configuration as it was sent, before validation.
RawConfig = dict[str, object]


class TemplateRule(TypedDict, total=False):
    """A rule of a template constraint: allowed values or a pattern for one parameter."""

    RuleName: str
    Description: str
    ProductVersionId: str
    ParameterKey: str
    AllowedValues: list[Any]
    AllowedPattern: str


class ApproverName(TypedDict):
    """A user or group that an approval constraint names."""

    PrincipalType: str
    PrincipalName: str


class ConstraintConfig(TypedDict, total=False):
    """A validated configuration; its type determines which keys it has."""

    LocalRoleName: str
    Rules: list[TemplateRule]
    OperationTypes: list[str]
    Approvers: list[ApproverName]
    StackRegions: list[str]


class ConstraintConfigError(Exception):
    """A configuration is invalid; the message says why."""


def clean_config(kind: str, config: object, product: Product) -> ConstraintConfig:
    """Validate the configuration of a constraint on a product; return its stored form.

    Raises InvalidInputError for the field `config`.
    """
    try:
        return CHECKS[kind](_object(config, _("The configuration")), product)
    except ConstraintConfigError as error:
        raise InvalidInputError(
            {"config": [str(error)]}, code="InvalidConfig"
        ) from error


def _launch(config: RawConfig, product: Product) -> ConstraintConfig:
    _only(config, {"LocalRoleName"})
    return {"LocalRoleName": _text(config, "LocalRoleName")}


def _template(config: RawConfig, product: Product) -> ConstraintConfig:
    _only(config, {"Rules"})
    rules = [
        _rule(_object(rule, _("Each rule")), number, product)
        for number, rule in enumerate(_list(config, "Rules"), 1)
    ]
    return {"Rules": rules}


def _rule(rule: RawConfig, number: int, product: Product) -> TemplateRule:
    _only(rule, RULE_KEYS)
    key, version = (
        _text(rule, "ParameterKey"),
        _text(rule, "ProductVersionId", empty=True),
    )
    _check_parameter(product, version, key)
    cleaned: TemplateRule = {
        "RuleName": _text(rule, "RuleName", empty=True) or f"rule-{number}",
        "Description": _text(rule, "Description", empty=True),
        "ProductVersionId": version,
        "ParameterKey": key,
    }
    if ("AllowedValues" in rule) == ("AllowedPattern" in rule):
        raise ConstraintConfigError(
            _(
                "Each rule must contain either AllowedValues or AllowedPattern, "
                "not both."
            )
        )
    if "AllowedPattern" in rule:
        return {**cleaned, "AllowedPattern": _pattern(rule)}
    values = _list(rule, "AllowedValues")
    if any(isinstance(value, dict | list) for value in values):
        raise ConstraintConfigError(
            _("AllowedValues can contain only strings, numbers, and Booleans.")
        )
    return {**cleaned, "AllowedValues": values}


def _check_parameter(product: Product, version: str, key: str) -> None:
    """Refuse a parameter that the version, or any version without one, does not declare."""
    versions = product.versions.select_related("template")
    if version:
        versions = versions.filter(pk=version)
    found = list(versions)
    if not found:
        raise ConstraintConfigError(
            _("%(product)s has no version %(version)s.")
            % {"product": product, "version": version}
        )
    if not any(key in each.template.schema.by_key for each in found):
        raise ConstraintConfigError(
            _("The template does not define the parameter %(key)s.") % {"key": key}
        )


def _pattern(rule: RawConfig) -> str:
    pattern = _text(rule, "AllowedPattern", most=MAX_PATTERN_LENGTH)
    try:
        re2.compile(pattern)
    except re2.error as error:
        raise ConstraintConfigError(
            _(
                "The pattern %(pattern)s is not valid: %(error)s. "
                "Lookarounds and backreferences are not supported."
            )
            % {"pattern": pattern, "error": error}
        ) from error
    return pattern


def _approval(config: RawConfig, product: Product) -> ConstraintConfig:
    _only(config, {"OperationTypes", "Approvers"})
    operations = _list(config, "OperationTypes")
    for operation in operations:
        if operation not in OPERATIONS:
            raise ConstraintConfigError(
                _("%(value)s is not a valid operation. Valid operations: %(known)s.")
                % {"value": operation, "known": ", ".join(OPERATIONS)}
            )
    approvers = [
        _approver(_object(each, _("Each approver")))
        for each in _list(config, "Approvers")
    ]
    return {"OperationTypes": list(dict.fromkeys(operations)), "Approvers": approvers}


def _approver(approver: RawConfig) -> ApproverName:
    _only(approver, {"PrincipalType", "PrincipalName"})
    kind, name = _text(approver, "PrincipalType"), _text(approver, "PrincipalName")
    if kind == PrincipalType.USER:
        known = User.objects.filter(username=name, is_active=True).exists()
    elif kind == PrincipalType.ROLE:
        known = Role.objects.filter(name=name).exists()
    else:
        raise ConstraintConfigError(_("PrincipalType must be RamUser or RamRole."))
    if not known:
        raise ConstraintConfigError(
            _(
                "%(name)s is not a user or group that can approve. Choose "
                "another approver."
            )
            % {"name": name}
        )
    return {"PrincipalType": kind, "PrincipalName": name}


def _regions(config: RawConfig, product: Product) -> ConstraintConfig:
    _only(config, {"StackRegions"})
    wanted = _list(config, "StackRegions")
    known = set(Region.objects.values_list("pk", flat=True))
    for region in wanted:
        if not isinstance(region, str) or region not in known:
            raise ConstraintConfigError(
                _("The region %(region)s does not exist.") % {"region": region}
            )
    return {"StackRegions": list(dict.fromkeys(wanted))}


CHECKS: Mapping[str, Callable[[RawConfig, Product], ConstraintConfig]] = {
    "Launch": _launch,
    "Template": _template,
    "Approval": _approval,
    "StackRegion": _regions,
}


def _object(value: object, name: str) -> RawConfig:
    if not isinstance(value, dict):
        raise ConstraintConfigError(
            _("%(name)s must be a JSON object.") % {"name": name}
        )
    return value


def _only(config: RawConfig, known: set[str]) -> None:
    for key in config:
        if key not in known:
            raise ConstraintConfigError(
                _("%(key)s is not supported. Supported keys: %(known)s.")
                % {"key": str(key)[:MAX_TEXT_LENGTH], "known": ", ".join(sorted(known))}
            )


def _text(
    config: RawConfig, key: str, *, empty: bool = False, most: int = MAX_TEXT_LENGTH
) -> str:
    value = config.get(key)
    if empty and value in (None, ""):
        return ""
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        raise ConstraintConfigError(
            _("%(key)s must be 1 to %(most)d characters long.")
            % {"key": key, "most": most}
        )
    return value


def _list(config: RawConfig, key: str) -> list[Any]:
    value = config.get(key)
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_ENTRIES:
        raise ConstraintConfigError(
            _("%(key)s must be a list of 1 to %(most)d items.")
            % {"key": key, "most": MAX_ENTRIES}
        )
    return value


def describe_config(kind: str, config: ConstraintConfig) -> Iterator[str]:
    """Yield the configuration in sentences, to show it to users."""
    if kind == "Launch":
        yield _(
            "Tasks and previews use the credentials of the launch role %(role)s."
        ) % {"role": config.get("LocalRoleName", "")}
    elif kind == "StackRegion":
        yield _("Available regions: %(regions)s.") % {
            "regions": ", ".join(config.get("StackRegions", []))
        }
    elif kind == "Approval":
        approvers = [each["PrincipalName"] for each in config.get("Approvers", [])]
        operations = config.get("OperationTypes", [])
        named = [str(OPERATION_NAMES.get(each, each)) for each in operations]
        yield _(
            "These operations require approval by one of %(approvers)s: %(operations)s."
        ) % {
            "operations": ", ".join(named),
            "approvers": ", ".join(approvers),
        }
    else:
        yield from map(_rule_sentence, config.get("Rules", []))


def _rule_sentence(rule: TemplateRule) -> str:
    if "AllowedPattern" in rule:
        sentence = _("%(key)s must match %(pattern)s.")
    else:
        sentence = _("%(key)s must be one of %(values)s.")
    demand = sentence % {
        "key": rule.get("ParameterKey", ""),
        "pattern": rule.get("AllowedPattern", ""),
        "values": ", ".join(map(str, rule.get("AllowedValues", []))),
    }
    return f"{demand} {rule.get('Description') or ''}".rstrip()
