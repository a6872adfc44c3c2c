"""Credentials as people enter them: environment variables, never shown again."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from console.lib.masking import MASK, is_mask

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
# These would change which programs a run executes, not whose cloud it acts on.
RESERVED = re.compile(
    r"LD_.*|DYLD_.*|PYTHON.*|TF_(?!VAR_).*|PATH|HOME|TMPDIR|SHELL|IFS"
)
BYTES = 64 * 1024
LINES = 50


class WriteOnlyArea(forms.Textarea):
    """A text area that never shows what it was given."""

    def format_value(self, value: Any) -> str:
        return ""


class CredentialsField(forms.CharField):
    """Lines of KEY=VALUE, as a dict; None when nothing was entered."""

    # Never shown: a conflict tells only that it was replaced.
    secret = True

    def __init__(self, **options: Any) -> None:
        attrs = {"rows": 4, "autocomplete": "off", "spellcheck": "false"}
        options.setdefault("label", _("Credentials"))
        options.setdefault(
            "help_text",
            _(
                "One environment variable a line, as KEY=VALUE. "
                "They are stored encrypted and never shown again."
            ),
        )
        super().__init__(widget=WriteOnlyArea(attrs=attrs), max_length=BYTES, **options)

    def clean(self, value: Any) -> dict[str, str] | None:
        text = super().clean(value)
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > LINES:
            raise ValidationError(_("At most 50 variables."))
        return dict(map(_pair, lines)) if lines else None


def _pair(line: str) -> tuple[str, str]:
    """Split one line; the messages never repeat what may be a secret."""
    name, equals, value = line.partition("=")
    name = name.strip()
    if not equals or not NAME.fullmatch(name):
        raise ValidationError(
            _("Each line is KEY=VALUE; a key has letters, digits and underscores only.")
        )
    if RESERVED.fullmatch(name):
        raise ValidationError(
            _("%(name)s is reserved: it would change how runs work."),
            params={"name": name},
        )
    if is_mask(value):
        raise ValidationError(
            _(
                "%(mask)s stands for a secret that is not shown. Enter the value itself."
            ),
            params={"mask": MASK},
        )
    return name, value.strip()
