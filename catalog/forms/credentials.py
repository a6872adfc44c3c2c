"""Form field for credentials: environment variables that are never shown again."""

import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from console.lib.line_breaks import received
from console.lib.masking import MASK, is_mask

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
# Variables that would change which programs a run executes.
RESERVED_NAMES = re.compile(
    r"LD_.*|DYLD_.*|PYTHON.*|TF_(?!VAR_).*|PATH|HOME|TMPDIR|SHELL|IFS"
)
_MARKED = re.compile(r"([^=\s]+)<<([A-Za-z0-9_]+)")
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
MAX_BYTES = 64 * 1024
MAX_VARIABLES = 50


class WriteOnlyArea(forms.Textarea):
    """A text area that never shows the stored value."""

    def format_value(self, value: object) -> str:
        return ""


class CredentialsField(forms.CharField):
    """Lines of KEY=VALUE, as a dict; None if nothing was entered.

    A PEM text after KEY= continues to its last line. Other values of several lines are
    `KEY<<WORD`, the lines and `WORD`, as in the environment files of GitHub Actions.
    """

    # Never shown: in an edit conflict, only the fact that it was replaced.
    secret = True

    def __init__(self, **options: Any) -> None:
        attrs = {"rows": 4, "autocomplete": "off", "spellcheck": "false"}
        options.setdefault("label", _("Credentials"))
        options.setdefault(
            "help_text",
            _(
                "Enter one environment variable per line in the format KEY=VALUE. A PEM key "
                "can follow KEY= with its line breaks. Enter any other multi-line value as "
                "KEY<<END, the lines of the value, and END. Values are encrypted when "
                "stored and are not shown again."
            ),
        )
        super().__init__(
            widget=WriteOnlyArea(attrs=attrs), max_length=MAX_BYTES, **options
        )

    def clean(self, value: object) -> dict[str, str] | None:
        text = received(super().clean(value))
        pairs = list(_pairs(text.split("\n")))
        if len(pairs) > MAX_VARIABLES:
            raise ValidationError(_("Enter up to 50 variables."))
        if any(is_mask(each) for _name, each in pairs):
            raise ValidationError(
                _(
                    "%(mask)s is a placeholder for a hidden secret. Enter the actual value."
                ),
                params={"mask": MASK},
            )
        return dict(pairs) if pairs else None


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield names with values. Error messages never repeat a value, which may be secret."""
    waiting = deque(lines)
    while waiting:
        line = waiting.popleft()
        if not line.strip():
            continue
        if marked := _MARKED.fullmatch(line.strip()):
            yield _checked(marked[1]), "\n".join(_until(waiting, marked[2]))
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise _not_a_pair()
        yield _checked(name.strip()), "\n".join([value.strip(), *_rest(value, waiting)])


def _until(waiting: deque[str], word: str) -> Iterator[str]:
    """Yield the lines up to the one that is the word."""
    while waiting:
        line = waiting.popleft()
        if line.strip() == word:
            return
        yield line
    raise ValidationError(
        _("A multi-line value is not complete. Add the last line %(word)s."),
        params={"word": word},
    )


def _rest(value: str, waiting: deque[str]) -> Iterator[str]:
    """Yield the further lines of a PEM text, and of the PEM texts that follow it."""
    opening = _PEM.fullmatch(value.strip())
    while opening:
        end = f"-----END {opening[1]}-----"
        yield from _until(waiting, end)
        yield end
        opening = _PEM.fullmatch(waiting[0].strip()) if waiting else None
        if opening:
            yield waiting.popleft().strip()


def _checked(name: str) -> str:
    if not VARIABLE_NAME.fullmatch(name):
        raise _not_a_pair()
    if RESERVED_NAMES.fullmatch(name):
        raise ValidationError(
            _(
                "%(name)s is a reserved name because it affects how tasks run. Use another "
                "name."
            ),
            params={"name": name},
        )
    return name


def _not_a_pair() -> ValidationError:
    return ValidationError(
        _(
            "Enter each line in the format KEY=VALUE. Keys can contain only letters, "
            "digits, and underscores."
        )
    )
