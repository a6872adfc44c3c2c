"""The settings of a launch or an update in sections, each with its old and new value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from catalog.models import Portfolio, Region
from console.lib.errors import Text
from console.lib.masking import MASK, is_weak
from instances.models import Instance, Plan, ProvisioningSpec, Task

DASH = "–"


@dataclass(frozen=True)
class DiffRow:
    """One setting. `before` is empty where there is nothing to compare with."""

    label: Text
    after: str
    before: str = ""
    changed: bool = False
    # The value is the default of the template, after and before.
    default: bool = False
    was_default: bool = False

    @property
    def default_label(self) -> Text:
        return pgettext("value", "Default") if self.default else ""


@dataclass(frozen=True)
class DiffSection:
    """The rows under one heading."""

    key: str
    title: Text
    icon: str
    rows: list[DiffRow] = field(default_factory=list)

    @property
    def changes(self) -> int:
        return sum(row.changed for row in self.rows)


@dataclass(frozen=True)
class ParameterDiff:
    """The differences of two specs, or the rows of `new` alone. Secrets are masked."""

    new: ProvisioningSpec
    old: ProvisioningSpec | None = None
    name: str = ""
    region: Region | None = None
    owner: str = ""

    @classmethod
    def of_launch(cls, plan: Plan) -> Self:
        return cls(plan.spec, None, plan.instance_name, plan.region)

    @classmethod
    def of_update(cls, plan: Plan, instance: Instance) -> Self:
        """Compare the spec of a plan with the present configuration of its instance."""
        owner = instance.principal.display_name
        return cls(plan.spec, instance.current(), instance.name, instance.region, owner)

    @cached_property
    def sections(self) -> list[DiffSection]:
        return [
            DiffSection(
                "product", _("Product information"), "package", [*self._product_rows()]
            ),
            DiffSection(
                "instance", _("Instance information"), "box", [*self._instance_rows()]
            ),
            DiffSection(
                "parameters",
                _("Parameter"),
                "sliders-horizontal",
                [*self._parameter_rows()],
            ),
        ]

    @property
    def weak_secrets(self) -> list[str]:
        """Return the labels of secrets that are new and cannot be masked well."""
        before = self.old.values if self.old else {}
        known = self.new.version.template.schema.by_key
        return [
            known[key].label_in(get_language() or "en") if key in known else key
            for key, value in self.new.version.template.split(self.new.values)[
                1
            ].items()
            if before.get(key) != value and is_weak(value)
        ]

    @property
    def changes(self) -> int:
        return sum(section.changes for section in self.sections)

    @property
    def changes_text(self) -> str:
        count = self.changes
        return ngettext("%(count)d change", "%(count)d changes", count) % {
            "count": count
        }

    @property
    def unchanged(self) -> int:
        return sum(len(section.rows) for section in self.sections) - self.changes

    @property
    def changed_rows(self) -> list[DiffRow]:
        return [row for part in self.sections for row in part.rows if row.changed]

    def _product_rows(self) -> Iterator[DiffRow]:
        new, old = self.new, self.old or self.new
        yield _unchanged_row(_("Product"), new.version.product.name)
        yield self._row(_("Version"), new.version.name, old.version.name)
        yield self._row(_("Version ID"), new.version.pk, old.version.pk)
        yield self._row(
            _("Launch option"),
            _name_or_dash(new.portfolio),
            _name_or_dash(old.portfolio),
        )

    def _instance_rows(self) -> Iterator[DiffRow]:
        yield _unchanged_row(_("Product instance name"), self.name)
        if self.region is not None:
            yield _unchanged_row(_("Stack region"), f"{self.region} · {self.region.pk}")
        if self.owner:
            yield _unchanged_row(_("Owner"), self.owner)
        before = self.old.tags if self.old else {}
        for key in sorted({*self.new.tags, *before}):
            label = _("Tag %(key)s") % {"key": key}
            yield self._row(
                label, _tag_text(self.new.tags, key), _tag_text(before, key)
            )

    def _parameter_rows(self) -> Iterator[DiffRow]:
        schema = self.new.version.template.schema
        before = self.old.effective if self.old else {}
        former = self.old.version.template.schema.by_key if self.old else {}
        hidden = {*self._secret_keys()}
        known = {**self.new.effective, **before}
        order = [key for key in schema.by_key if key in known]
        for key in [*order, *(key for key in known if key not in schema.by_key)]:
            parameter = schema.by_key.get(key) or former.get(key)
            row = self._parameter_row(
                parameter.label_in() if parameter else key,
                _value_text(self.new, key),
                _value_text(self.old, key) if self.old else DASH,
                secret=key in hidden,
            )
            yield replace(
                row,
                default=_is_default(self.new, key),
                was_default=self.old is not None and _is_default(self.old, key),
            )

    def _parameter_row(
        self, label: str, after: str, before: str, *, secret: bool
    ) -> DiffRow:
        row = self._row(label, after, before)
        if not secret:
            return row
        shown = MASK if after != DASH else DASH
        if row.changed and after != DASH:
            shown = _("%(mask)s (new value)") % {"mask": MASK}
        was = MASK if before != DASH else DASH
        return DiffRow(label, shown, was if self.old else "", row.changed)

    def _secret_keys(self) -> Iterator[str]:
        """Yield the keys that are secret in the old or in the new version."""
        for spec in (self.new, self.old):
            if spec is not None:
                yield from spec.secret_keys

    def _row(self, label: Text, after: str, before: str) -> DiffRow:
        if self.old is None:
            return DiffRow(label, after or DASH)
        was = before or DASH
        return DiffRow(label, after or DASH, was, changed=(after or DASH) != was)


def changes_since(instance: Instance, base_task: str) -> list[DiffRow]:
    """Return the settings that tasks have changed since a page was opened.

    `base_task` is the ID of the instance's last task at that time. The list is empty if no
    later task succeeded, or if the instance has no such task.
    """
    opened = instance.tasks.filter(pk=base_task).first()
    if opened is None:
        return []
    earlier = instance.tasks.filter(created_at__lte=opened.created_at)
    succeeded = earlier.filter(status=Task.Status.SUCCEEDED).newest_first()
    base = succeeded.first() or earlier.newest_first().last() or opened
    spec = base.spec
    return ParameterDiff(instance.current(), spec, instance.name).changed_rows


def _unchanged_row(label: Text, text: str) -> DiffRow:
    return DiffRow(label, text or DASH, text or DASH)


def _name_or_dash(portfolio: Portfolio | None) -> str:
    return portfolio.name if portfolio else DASH


def _tag_text(tags: Mapping[str, str], key: str) -> str:
    """Return the value of a tag; an empty value differs from a missing tag."""
    if key not in tags:
        return DASH
    return tags[key] or _("(empty)")


def _value_text(spec: ProvisioningSpec, key: str) -> str:
    if spec.effective.get(key) is None:
        return DASH
    return spec.text(key) or _("(empty)")


def _is_default(spec: ProvisioningSpec, key: str) -> bool:
    return key in spec.effective and key not in spec.values
