"""Suggested values in a region for parameters that identify resources of the cloud.

Other values can be entered too: only the template determines which values are valid.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import BaseRenderer
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from catalog.models import Region

Suggestions = Mapping[str, list[str]]
MAX_LINES, MAX_VALUES, MAX_VALUE_LENGTH = 200, 1000, 256
MAX_BYTES = 64 * 1024
# The attributes that a text input and a text area have in common.
_SHARED = {"placeholder", "readonly", "hx-preserve"}
_LONE_COLON = re.compile(r"(?<!:):(?!:)")


def canonical(association: str) -> str:
    """Return an AssociationProperty with `::`, for which official templates also write `:`."""
    return _LONE_COLON.sub("::", association.strip())


def suggested_in(regions: Iterable[Region]) -> dict[str, list[str]]:
    """Return the suggestions of several regions, in their order, without duplicates."""
    found: dict[str, dict[str, None]] = {}
    for region in regions:
        kept: Suggestions = region.suggestions
        for association, values in kept.items():
            found.setdefault(association, {}).update(dict.fromkeys(values))
    return {association: list(values) for association, values in found.items()}


class SuggestionInput(forms.TextInput):
    """A text input with a list of suggestions.

    With JavaScript it becomes a text area when several lines are pasted.
    """

    def __init__(self, attrs: dict[str, object], values: list[str]) -> None:
        kept = {name: attrs[name] for name in attrs.keys() & _SHARED}
        super().__init__({**kept, "data-multiline": ""})
        self.values = values

    def render(
        self,
        name: str,
        value: object,
        attrs: dict[str, object] | None = None,
        renderer: BaseRenderer | None = None,
    ) -> SafeString:
        listed = f"{(attrs or {}).get('id', name)}.list"
        field = super().render(name, value, {**(attrs or {}), "list": listed}, renderer)
        options = format_html_join(
            "", '<option value="{}"></option>', ((each,) for each in self.values)
        )
        return format_html('{}<datalist id="{}">{}</datalist>', field, listed, options)


class SuggestionsField(forms.CharField):
    """Lines of `AssociationProperty: value, value`, as a dict of lists."""

    def __init__(self, **options: Any) -> None:
        attrs = {"rows": 6, "spellcheck": "false"}
        options.setdefault("label", _("Suggestions"))
        options.setdefault(
            "help_text",
            _(
                "Values that forms suggest in this region. Enter one resource property per "
                "line: ALIYUN::ECS::Instance::InstanceType: ecs.g7.large, ecs.g7.xlarge"
            ),
        )
        widget = forms.Textarea(attrs=attrs)
        super().__init__(widget=widget, max_length=MAX_BYTES, required=False, **options)

    def prepare_value(self, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return "\n".join(f"{name}: {', '.join(kept)}" for name, kept in value.items())

    def clean(self, value: object) -> dict[str, list[str]]:
        lines = [line for line in super().clean(value).splitlines() if line.strip()]
        if len(lines) > MAX_LINES:
            raise ValidationError(_("Enter up to 200 lines."))
        found: dict[str, list[str]] = {}
        for line in lines:
            association, values = _split(line)
            kept = found.setdefault(association, [])
            kept += [each for each in values if each not in kept]
        return found


def _split(line: str) -> tuple[str, list[str]]:
    """Split a line at the first colon that is followed by a space."""
    association, colon, rest = line.partition(": ")
    values = [each.strip() for each in rest.split(",") if each.strip()]
    if not colon or not association.strip() or not values:
        raise ValidationError(
            _(
                "Enter each line as a resource property, a colon, a space, and values: "
                "%(line)s"
            ),
            params={"line": line[:80]},
        )
    if len(values) > MAX_VALUES or any(len(each) > MAX_VALUE_LENGTH for each in values):
        raise ValidationError(
            _("Each line can contain up to 1,000 values of up to 256 characters.")
        )
    return canonical(association), values
