"""What a review shows: settings in sections, each as it is and as it will be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from catalog.models import Region
from console.lib.errors import Text
from console.lib.masking import MASK, is_weak
from instances.models import Instance, Plan, ProvisioningSpec, Task

NOTHING = "–"


@dataclass(frozen=True)
class Row:
    """One setting. `before` is empty where there was nothing to compare with."""

    label: Text
    after: str
    before: str = ""
    changed: bool = False
    # Whether the template's default holds, after and before.
    default: bool = False
    was_default: bool = False

    @property
    def default_word(self) -> Text:
        """The word beside a default, nothing beside any other value."""
        return pgettext("value", "Default") if self.default else ""


@dataclass(frozen=True)
class Section:
    """A part of the review, as the wizard's pages are cut."""

    key: str
    title: Text
    icon: str
    rows: list[Row] = field(default_factory=list)

    @property
    def changes(self) -> int:
        return sum(row.changed for row in self.rows)


@dataclass(frozen=True)
class Comparison:
    """Two specs side by side; without an old one, the new one alone. Secrets are masked."""

    new: ProvisioningSpec
    old: ProvisioningSpec | None = None
    name: str = ""
    region: Region | None = None
    owner: str = ""

    @classmethod
    def of_launch(cls, plan: Plan) -> "Comparison":
        """What a draft would launch."""
        return cls(plan.spec, None, plan.instance_name, plan.region)

    @classmethod
    def of_update(cls, plan: Plan, instance: Instance) -> "Comparison":
        """What a draft would change in an instance as it is now."""
        owner = instance.principal.display_name
        return cls(plan.spec, instance.current(), instance.name, instance.region, owner)

    @cached_property
    def sections(self) -> list[Section]:
        return [
            Section("product", _("Product information"), "package", [*self._product()]),
            Section("instance", _("Instance information"), "box", [*self._instance()]),
            Section(
                "parameters",
                _("Parameter"),
                "sliders-horizontal",
                [*self._parameters()],
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
    def changed_rows(self) -> list[Row]:
        """Only what differs, of all sections."""
        return [row for part in self.sections for row in part.rows if row.changed]

    def _product(self) -> Iterator[Row]:
        new, old = self.new, self.old or self.new
        yield _same(_("Product"), new.version.product.name)
        yield self._row(_("Version"), new.version.name, old.version.name)
        yield self._row(_("Version ID"), new.version.pk, old.version.pk)
        yield self._row(
            _("Launch option"), _named(new.portfolio), _named(old.portfolio)
        )

    def _instance(self) -> Iterator[Row]:
        yield _same(_("Product instance name"), self.name)
        if self.region is not None:
            yield _same(_("Stack region"), f"{self.region} · {self.region.pk}")
        if self.owner:
            yield _same(_("Owner"), self.owner)
        before = self.old.tags if self.old else {}
        for key in sorted({*self.new.tags, *before}):
            label = _("Tag %(key)s") % {"key": key}
            yield self._row(label, _present(self.new.tags, key), _present(before, key))

    def _parameters(self) -> Iterator[Row]:
        schema = self.new.version.template.schema
        before = self.old.effective if self.old else {}
        former = self.old.version.template.schema.by_key if self.old else {}
        hidden = {*self._secret_keys()}
        known = {**self.new.effective, **before}
        order = [key for key in schema.by_key if key in known]
        for key in [*order, *(key for key in known if key not in schema.by_key)]:
            parameter = schema.by_key.get(key) or former.get(key)
            row = self._parameter(
                parameter.label_in() if parameter else key,
                _value(self.new, key),
                _value(self.old, key) if self.old else NOTHING,
                secret=key in hidden,
            )
            yield replace(
                row,
                default=_is_default(self.new, key),
                was_default=self.old is not None and _is_default(self.old, key),
            )

    def _parameter(self, label: str, after: str, before: str, *, secret: bool) -> Row:
        row = self._row(label, after, before)
        if not secret:
            return row
        shown = MASK if after != NOTHING else NOTHING
        if row.changed and after != NOTHING:
            shown = _("%(mask)s (new value)") % {"mask": MASK}
        was = MASK if before != NOTHING else NOTHING
        return Row(label, shown, was if self.old else "", row.changed)

    def _secret_keys(self) -> Iterator[str]:
        """Keys that are secret in either version: the stricter one decides."""
        for spec in (self.new, self.old):
            if spec is not None:
                yield from spec.secret_keys

    def _row(self, label: Text, after: str, before: str) -> Row:
        if self.old is None:
            return Row(label, after or NOTHING)
        was = before or NOTHING
        return Row(label, after or NOTHING, was, changed=(after or NOTHING) != was)


def spec_of(task: Task) -> ProvisioningSpec:
    """What a task asked for."""
    return ProvisioningSpec.of(task)


def changes_since(instance: Instance, base_task: str) -> list[Row]:
    """What others have changed since a page was opened: as it was then, as it is now.

    Empty when nothing that succeeded lies between, or the page named no task of it.
    """
    opened = instance.tasks.filter(pk=base_task).first()
    if opened is None:
        return []
    earlier = instance.tasks.filter(created_at__lte=opened.created_at)
    ended = earlier.filter(status=Task.Status.SUCCEEDED).newest_first()
    was = ended.first() or earlier.newest_first().last() or opened
    return Comparison(instance.current(), spec_of(was), instance.name).changed_rows


def _same(label: Text, text: str) -> Row:
    return Row(label, text or NOTHING, text or NOTHING)


def _named(thing: Any) -> str:
    return str(thing) if thing else NOTHING


def _present(tags: Mapping[str, str], key: str) -> str:
    """A tag's value; an empty one is told apart from a missing one."""
    if key not in tags:
        return NOTHING
    return tags[key] or _("(empty)")


def _value(spec: ProvisioningSpec, key: str) -> str:
    if spec.effective.get(key) is None:
        return NOTHING
    return spec.text(key) or _("(empty)")


def _is_default(spec: ProvisioningSpec, key: str) -> bool:
    return key in spec.effective and key not in spec.values
