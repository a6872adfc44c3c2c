"""Form fields for the names and descriptions of records."""

from typing import Any

from django import forms

from console.lib.errors import Text

MAX_TEXT_LENGTH = 128


def text(label: Any, **options: Any) -> forms.CharField:
    """Return a field for a text of at most 128 characters."""
    return forms.CharField(label=label, max_length=MAX_TEXT_LENGTH, **options)


def text_area(label: Text) -> forms.CharField:
    """Return an optional field for a text of several lines."""
    return text(label, required=False, widget=forms.Textarea(attrs={"rows": 3}))
