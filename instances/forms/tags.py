"""The tags part of a wizard: a choice for each offered key, and rows for custom tags."""

import re
from collections.abc import Mapping

from django import forms
from django.forms import BoundField
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from catalog.tags import MAX_TAG_LENGTH, MAX_TAGS, CombinedTagOptions, Pair

BLANK_ROWS = 2
# One more than allowed, so that an excess row is refused, not dropped.
MAX_ROWS = MAX_TAGS + 1
ROW = re.compile(r"tags-key_(\d{1,2})")


class TagsForm(forms.Form):
    """Chosen and custom tags. `catalog.tags` has the rules for them."""

    use_required_attribute = False

    def __init__(
        self,
        offered: CombinedTagOptions,
        *,
        data: MultiValueDict[str, str] | None = None,
        initial: Mapping[str, str] | None = None,
        more: int = 0,
    ) -> None:
        tags = dict(initial or {})
        own = [(k, v) for k, v in tags.items() if k not in offered.values]
        super().__init__(data=data, prefix="tags", initial=_initial(offered, tags, own))
        self.offered = offered
        self.adding = more > 0
        for number, (key, values) in enumerate(offered.choices.items()):
            self.fields[f"choice_{number}"] = forms.ChoiceField(
                label=key,
                error_messages={
                    "required": _("Choose a value for the tag %(key)s.") % {"key": key}
                },
                choices=[("", _("Choose a value")), *((each, each) for each in values)],
            )
        rows = len(own) + BLANK_ROWS + more if data is None else _rows(data)
        self.row_count = min(rows, MAX_ROWS)
        for number in range(self.row_count):
            self._add_row(number)

    def _add_row(self, number: int) -> None:
        label = {"number": number + 1}
        self.fields[f"key_{number}"] = forms.CharField(
            label=_("Key of tag %(number)d") % label,
            required=False,
            widget=forms.TextInput(
                attrs={"maxlength": MAX_TAG_LENGTH, "autocomplete": "off"}
            ),
        )
        self.fields[f"value_{number}"] = forms.CharField(
            label=_("Value of tag %(number)d") % label,
            required=False,
            widget=forms.TextInput(
                attrs={"maxlength": MAX_TAG_LENGTH, "autocomplete": "off"}
            ),
        )

    @property
    def choice_fields(self) -> list[BoundField]:
        """Return the fields of the offered keys that have several values."""
        return [self[name] for name in self.fields if name.startswith("choice_")]

    @property
    def row_fields(self) -> list[tuple[BoundField, BoundField]]:
        """Return the key and value fields of the rows for custom tags."""
        return [
            (self[f"key_{number}"], self[f"value_{number}"])
            for number in range(self.row_count)
        ]

    @property
    def is_open(self) -> bool:
        """Return True if the rows are shown expanded."""
        return self.adding or bool(self.errors) or self.has_entries

    @property
    def has_entries(self) -> bool:
        return any(key.value() or value.value() for key, value in self.row_fields)

    @property
    def is_full(self) -> bool:
        return self.row_count >= MAX_TAGS

    def pairs(self) -> list[tuple[str, Pair]]:
        """Return the tags that were entered, each with the name of its field."""
        found = []
        for number, key in enumerate(self.offered.choices):
            if value := _text(self[f"choice_{number}"]):
                found.append((f"choice_{number}", (key, value)))
        for number, (key_field, value_field) in enumerate(self.row_fields):
            key, value = _text(key_field), _text(value_field)
            if key or value:
                found.append((f"key_{number}", (key, value)))
        return found


def entered_tags(
    data: Mapping[str, str], offered: CombinedTagOptions
) -> dict[str, str]:
    """Return the tags of a request that is not validated, to show them again."""
    typed = {}
    for number, key in enumerate(offered.choices):
        if value := data.get(f"tags-choice_{number}"):
            typed[key] = str(value)
    for number in range(MAX_ROWS):
        if key := str(data.get(f"tags-key_{number}") or "").strip():
            typed[key] = str(data.get(f"tags-value_{number}") or "").strip()
    return typed


def _initial(
    offered: CombinedTagOptions, tags: Mapping[str, str], own: list[Pair]
) -> dict[str, str]:
    initial = {
        f"choice_{number}": tags[key]
        for number, key in enumerate(offered.choices)
        if key in tags
    }
    for number, (key, value) in enumerate(own):
        initial |= {f"key_{number}": key, f"value_{number}": value}
    return initial


def _rows(data: MultiValueDict[str, str]) -> int:
    numbers = [int(match[1]) for name in data if (match := ROW.fullmatch(name))]
    return max(numbers, default=-1) + 1


def _text(field: BoundField) -> str:
    return str(field.value() or "").strip()
