"""Effective constraints of a product in a portfolio: regions, values and approvals.

They are checked before anything is planned, and again before it runs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from catalog.models import Constraint, Portfolio, Product, Region, Version
from catalog.models.constraint_config import ConstraintConfig, TemplateRule
from catalog.models.region import RegionQuerySet
from catalog.schema.conversion import as_text
from catalog.schema.patterns import pattern
from console.lib.errors import DomainError, InvalidInputError
from console.lib.users import User

Kind = Constraint.Kind


class ApprovalRequiredError(DomainError):
    """The operation needs a plan that an approver has approved."""

    code = "ApprovalRequired"


@dataclass(frozen=True)
class Approver:
    """A user or a group, by name, that an approval constraint names."""

    type: str
    name: str


@dataclass(frozen=True)
class EffectiveConstraints:
    """The constraints on launching one product through one portfolio."""

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
        """The regions that all region constraints allow; None without such constraints."""
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
        """Return the active regions in which the product can be launched."""
        regions = Region.objects.active()
        allowed = self.region_ids
        return regions if allowed is None else regions.filter(pk__in=allowed)

    def check_region(self, region: Region) -> None:
        """Raise InvalidInputError with code RegionNotAllowed if a region is not allowed."""
        allowed = self.region_ids
        if allowed is not None and region.pk not in allowed:
            sentence = _(
                "This product cannot be launched in %(region)s. Choose another region."
            )
            raise InvalidInputError(
                {"region": [sentence % {"region": region}]}, code="RegionNotAllowed"
            )

    def needs_approval(self, operation: str) -> bool:
        """Return True if an operation such as `LaunchProduct` requires approval."""
        return any(
            operation in (config.get("OperationTypes") or ())
            for config in self._configs(Kind.APPROVAL)
        )

    def approvers(self, operation: str) -> list[Approver]:
        """Return the approvers of an operation. The approval of one is enough."""
        found = [
            Approver(str(each.get("PrincipalType")), str(each.get("PrincipalName")))
            for config in self._configs(Kind.APPROVAL)
            if operation in (config.get("OperationTypes") or ())
            for each in config.get("Approvers") or ()
        ]
        return list(dict.fromkeys(found))

    def check_direct(self, operation: str) -> None:
        """Raise ApprovalRequiredError if an operation requires approval."""
        if self.needs_approval(operation):
            raise ApprovalRequiredError(
                _("This operation requires approval. You cannot perform it directly."),
                hint=_(
                    "An approval constraint of this launch option "
                    "applies. Create a plan. After an approver approves "
                    "it, you can execute it."
                ),
            )

    def check_values(self, version: Version, values: Mapping[str, object]) -> None:
        """Raise InvalidInputError with code ParameterNotAllowed, keyed by parameter.

        The messages name the allowed values. They never repeat the value, which may be secret.
        """
        errors: dict[str, list[str]] = {}
        rules = list(self._rules(version))
        defaults = _defaults(version) if rules else {}
        for rule in rules:
            key = str(rule.get("ParameterKey") or "")
            # The template's default applies to a parameter without a value.
            effective = values if key in values else defaults
            if key in effective and not _satisfies(rule, effective[key]):
                errors.setdefault(key, []).append(_explain(rule))
        if errors:
            raise InvalidInputError(errors, code="ParameterNotAllowed")

    def allowed_values(self, version: Version) -> dict[str, list[str]]:
        """Return the allowed values as texts, by parameter, for rules that list them."""
        allowed: dict[str, list[str]] = {}
        for rule in self._rules(version):
            listed = rule.get("AllowedValues")
            if listed is None:
                continue
            key, texts = str(rule.get("ParameterKey") or ""), _texts(listed)
            allowed[key] = [each for each in allowed.get(key, texts) if each in texts]
        return allowed

    def _rules(self, version: Version) -> Iterator[TemplateRule]:
        """Yield the template rules for a version. A rule without a version is for all."""
        for config in self._configs(Kind.TEMPLATE):
            for rule in config.get("Rules") or ():
                if rule.get("ProductVersionId") in (None, "", version.pk):
                    yield rule

    def _configs(self, kind: str) -> Iterator[ConstraintConfig]:
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
    """Return the launch options of a user for a product, by name. Takes two queries."""
    return options_through(Portfolio.objects.launch_options(product, user), product)


def options_through(
    portfolios: QuerySet[Portfolio], product: Product
) -> list[LaunchOption]:
    """Return portfolios with their constraints on a product. Takes two queries."""
    on_product = Prefetch(
        "constraints",
        Constraint.objects.filter(product=product),
        to_attr="constraints_on_product",
    )
    return [
        LaunchOption(
            portfolio, EffectiveConstraints(tuple(portfolio.constraints_on_product))
        )
        for portfolio in portfolios.order_by("name", "pk").prefetch_related(on_product)
    ]


def _defaults(version: Version) -> dict[str, object]:
    """Return the known defaults of the template, by parameter."""
    return {
        parameter.key: parameter.default
        for parameter in version.template.schema.parameters
        if parameter.default is not None
    }


def _texts(listed: Iterable[object]) -> list[str]:
    return list(dict.fromkeys(map(as_text, listed)))


def _satisfies(rule: TemplateRule, value: object) -> bool:
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
        # A rule with an invalid pattern must not allow every value.
        return False


def _explain(rule: TemplateRule) -> str:
    if rule.get("Description"):
        return str(rule["Description"])
    allowed = rule.get("AllowedValues")
    if allowed is not None:
        values = ", ".join(as_text(each) for each in allowed)
        return _("Choose one of the allowed values: %(values)s.") % {"values": values}
    return _("Enter a value that matches the pattern %(pattern)s.") % {
        "pattern": rule.get("AllowedPattern", "")
    }
