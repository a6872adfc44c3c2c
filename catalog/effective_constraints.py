"""What the constraints of a product inside a portfolio allow: regions, values, direct changes.

Pages and the API ask here before anything is planned, and once more before it runs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from catalog.models import Constraint, Portfolio, Product, Region, Version
from catalog.models.region import RegionQuerySet
from catalog.schema.conversion import as_text
from catalog.schema.patterns import pattern
from console.lib.errors import DomainError, InvalidInputError
from console.lib.users import User

Kind = Constraint.Kind


class ApprovalRequiredError(DomainError):
    """The operation is only possible through a plan that an approver has accepted."""

    code = "ApprovalRequired"


@dataclass(frozen=True)
class Approver:
    """A person or a group, by name, that an approval constraint assigns."""

    type: str
    name: str


@dataclass(frozen=True)
class EffectiveConstraints:
    """The constraints under which one product launches through one portfolio."""

    all: tuple[Constraint, ...] = ()

    @classmethod
    def of(
        cls, product: Product, portfolio: Portfolio | None
    ) -> "EffectiveConstraints":
        """Read the constraints; without a portfolio there are none."""
        if portfolio is None:
            return cls()
        return cls(tuple(Constraint.objects.on(product, portfolio)))

    @property
    def region_ids(self) -> frozenset[str] | None:
        """The regions every region constraint agrees on; None when all are allowed."""
        lists = [
            frozenset(config.get("StackRegions") or ())
            for config in self._configs(Kind.STACK_REGION)
        ]
        return frozenset.intersection(*lists) if lists else None

    @property
    def sentences(self) -> list[str]:
        """The constraints in sentences, to show them to users."""
        return [line for each in self.all for line in each.sentences]

    def regions(self) -> RegionQuerySet:
        """The active regions in which the product may launch."""
        regions = Region.objects.active()
        allowed = self.region_ids
        return regions if allowed is None else regions.filter(pk__in=allowed)

    def check_region(self, region: Region) -> None:
        """Raise InvalidInputError with code RegionNotAllowed for a region outside the limits."""
        allowed = self.region_ids
        if allowed is not None and region.pk not in allowed:
            sentence = _(
                "This product cannot be launched in %(region)s. Choose another region."
            )
            raise InvalidInputError(
                {"region": [sentence % {"region": region}]}, code="RegionNotAllowed"
            )

    def needs_approval(self, operation: str) -> bool:
        """Whether an approval constraint covers the operation (`LaunchProduct`, ...)."""
        return any(
            operation in (config.get("OperationTypes") or ())
            for config in self._configs(Kind.APPROVAL)
        )

    def approvers(self, operation: str) -> list[Approver]:
        """Who may approve the operation; any one of them suffices."""
        found = [
            Approver(str(each.get("PrincipalType")), str(each.get("PrincipalName")))
            for config in self._configs(Kind.APPROVAL)
            if operation in (config.get("OperationTypes") or ())
            for each in config.get("Approvers") or ()
        ]
        return list(dict.fromkeys(found))

    def check_direct(self, operation: str) -> None:
        """Raise ApprovalRequiredError when the operation may not be done directly."""
        if self.needs_approval(operation):
            raise ApprovalRequiredError(
                _("This operation requires approval. You cannot perform it directly."),
                hint=_(
                    "An approval constraint of this launch option "
                    "applies. Create a plan. After an approver approves "
                    "it, you can execute it."
                ),
            )

    def check_values(self, version: Version, values: Mapping[str, Any]) -> None:
        """Raise InvalidInputError with code ParameterNotAllowed, keyed by parameter.

        The messages name what is allowed and never repeat the value: it may be a secret.
        """
        errors: dict[str, list[str]] = {}
        rules = list(self._rules(version))
        defaults = _defaults(version) if rules else {}
        for rule in rules:
            key = str(rule.get("ParameterKey") or "")
            # A parameter that is left out has the template's default.
            effective = values if key in values else defaults
            if key in effective and not _fits(rule, effective[key]):
                errors.setdefault(key, []).append(_explain(rule))
        if errors:
            raise InvalidInputError(errors, code="ParameterNotAllowed")

    def allowed_values(self, version: Version) -> dict[str, list[str]]:
        """Return the texts to choose from, by parameter, where rules list them."""
        allowed: dict[str, list[str]] = {}
        for rule in self._rules(version):
            listed = rule.get("AllowedValues")
            if listed is None:
                continue
            key, texts = str(rule.get("ParameterKey") or ""), _texts(listed)
            allowed[key] = [each for each in allowed.get(key, texts) if each in texts]
        return allowed

    def _rules(self, version: Version) -> Iterator[Mapping[str, Any]]:
        """The template rules for a version; a rule that names none holds for all."""
        for config in self._configs(Kind.TEMPLATE):
            for rule in config.get("Rules") or ():
                if rule.get("ProductVersionId") in (None, "", version.pk):
                    yield rule

    def _configs(self, kind: str) -> Iterator[dict[str, Any]]:
        return (each.config for each in self.all if each.kind == kind)


@dataclass(frozen=True)
class LaunchOption:
    """A portfolio through which a user may launch a product, with its constraints."""

    portfolio: Portfolio
    constraints: EffectiveConstraints

    @property
    def sentences(self) -> list[str]:
        return self.constraints.sentences


def launch_options(product: Product, user: User) -> list[LaunchOption]:
    """The launch options a person has for a product, by name. Two queries."""
    return options_through(Portfolio.objects.launch_options(product, user), product)


def options_through(
    portfolios: QuerySet[Portfolio], product: Product
) -> list[LaunchOption]:
    """Portfolios with the limits each sets on a product, by name. Two queries."""
    here = Prefetch(
        "constraints", Constraint.objects.filter(product=product), to_attr="here"
    )
    return [
        LaunchOption(portfolio, EffectiveConstraints(tuple(portfolio.here)))
        for portfolio in portfolios.order_by("name", "pk").prefetch_related(here)
    ]


def _defaults(version: Version) -> dict[str, Any]:
    """Return the defaults of the template that are known, by parameter."""
    return {
        parameter.key: parameter.default
        for parameter in version.template.schema.parameters
        if parameter.default is not None
    }


def _texts(listed: list[Any]) -> list[str]:
    return list(dict.fromkeys(map(as_text, listed)))


def _fits(rule: Mapping[str, Any], value: Any) -> bool:
    """Return True if a value, or each item of a list, is listed and matches the pattern."""
    allowed, source = rule.get("AllowedValues"), rule.get("AllowedPattern")
    text = as_text(value)
    if allowed is not None:
        items = [text]
        if isinstance(value, list) and text not in _texts(allowed):
            items = [as_text(each) for each in value]
        if not set(items) <= set(_texts(allowed)):
            return False
    try:
        return not source or pattern(source).matches(text)
    except ValueError:
        # A rule nobody can read must not let everything through.
        return False


def _explain(rule: Mapping[str, Any]) -> str:
    if rule.get("Description"):
        return str(rule["Description"])
    allowed = rule.get("AllowedValues")
    if allowed is not None:
        values = ", ".join(as_text(each) for each in allowed)
        return _("Choose one of the allowed values: %(values)s.") % {"values": values}
    return _("Enter a value that matches the pattern %(pattern)s.") % {
        "pattern": rule.get("AllowedPattern", "")
    }
