"""Differences of two templates in their parameters and files."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from catalog.models import Template
from catalog.schema import Parameter
from catalog.views.manage.parameter_table import row_of

CONTEXT = 3
DOCUMENT = "template"


@dataclass(frozen=True)
class Change:
    """A property of a parameter in both templates; None if the parameter is missing."""

    key: str
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Line:
    """A line in the diff of a file; `kind` is added, removed, same or place."""

    kind: str
    text: str


@dataclass(frozen=True)
class FileChange:
    """A file with differences."""

    name: str
    lines: list[Line]


@dataclass(frozen=True)
class Comparison:
    """The differences of two templates."""

    parameters: list[Change]
    files: list[FileChange]


def compare(before: Template, after: Template) -> Comparison:
    """Return the differences from one template to another."""
    return Comparison(
        list(_parameters(before, after)), list(_files(_texts(before), _texts(after)))
    )


def _parameters(before: Template, after: Template) -> Iterator[Change]:
    old, new = before.schema.by_key, after.schema.by_key
    for key in [*new, *(key for key in old if key not in new)]:
        was, now = _properties(old.get(key)), _properties(new.get(key))
        if not was or not now:
            # A new or removed parameter is shown by its type.
            yield Change(key, _("Parameter"), was.get(_("Type")), now.get(_("Type")))
            continue
        for name in now:
            if was[name] != now[name]:
                yield Change(key, name, was[name], now[name])


def _properties(parameter: Parameter | None) -> dict[str, str]:
    """Return the properties of a parameter by their labels, as texts."""
    if parameter is None:
        return {}
    row = row_of(parameter)
    return {
        _("Type"): row.type,
        _("Label"): row.label,
        _("Required"): _("yes") if row.required else _("no"),
        _("Secret"): _("yes") if row.secret else _("no"),
        pgettext("value", "Default"): row.default,
        _("Verification rules"): "; ".join(row.rules) or "–",
        _("Description"): row.description or "–",
    }


def _texts(template: Template) -> dict[str, str]:
    """Return the texts of the files, or the document itself, by name."""
    if template.body:
        return {DOCUMENT: template.body}
    return dict(template.files)


def _files(before: dict[str, str], after: dict[str, str]) -> Iterator[FileChange]:
    for name in sorted({*before, *after}):
        old, new = before.get(name, ""), after.get(name, "")
        if old != new or (name in before) != (name in after):
            yield FileChange(name, list(_lines(old, new)))


def _lines(old: str, new: str) -> Iterator[Line]:
    kinds = {"+": "added", "-": "removed", "@": "place"}
    diff = unified_diff(old.splitlines(), new.splitlines(), n=CONTEXT, lineterm="")
    for number, line in enumerate(diff):
        # The first two lines have the name of the file.
        if number > 1:
            yield Line(kinds.get(line[:1], "same"), line)
