"""Two templates side by side: what changed in their parameters and in their files."""

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
    """One property of one parameter, before and after; None where the parameter is not."""

    key: str
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Line:
    """One line of a file's diff; `kind` is added, removed, same or place."""

    kind: str
    text: str


@dataclass(frozen=True)
class FileChange:
    """A file that differs."""

    name: str
    lines: list[Line]


@dataclass(frozen=True)
class Comparison:
    """Everything that differs."""

    parameters: list[Change]
    files: list[FileChange]


def compare(before: Template, after: Template) -> Comparison:
    """Say what changed from one template to another."""
    return Comparison(
        list(_parameters(before, after)), list(_files(_texts(before), _texts(after)))
    )


def _parameters(before: Template, after: Template) -> Iterator[Change]:
    old, new = before.schema.by_key, after.schema.by_key
    for key in [*new, *(key for key in old if key not in new)]:
        was, now = _properties(old.get(key)), _properties(new.get(key))
        if not was or not now:
            # It came or went: its type says that it is there.
            yield Change(key, _("Parameter"), was.get(_("Type")), now.get(_("Type")))
            continue
        for name in now:
            if was[name] != now[name]:
                yield Change(key, name, was[name], now[name])


def _properties(parameter: Parameter | None) -> dict[str, str]:
    """What people call the properties, with their values as text."""
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
    """The files a person wrote: the document itself where the template came as one."""
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
        # The first two lines repeat the file's name.
        if number > 1:
            yield Line(kinds.get(line[:1], "same"), line)
