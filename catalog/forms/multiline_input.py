"""Text controls that take several lines; they look like one line until they hold more.

Without JavaScript they are plain text areas. `multiline.js` lets Enter send the form while
there is one line, and shows a secret's control as a password input until several lines
are pasted or asked for.
"""

from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

TEMPLATE = "components/multiline_input.html"
# A stored text opens with all its lines up to here; more of them scroll.
MAX_ROWS = 12


class MultilineInput(forms.Textarea):
    """A text area as high as its text, and one line high for one line."""

    covered = False

    def __init__(self, attrs: dict[str, Any] | None = None, rows: int = 1) -> None:
        super().__init__({**(attrs or {}), "rows": rows, "spellcheck": "false"})

    def render(
        self, name: str, value: Any, attrs: Any = None, renderer: Any = None
    ) -> SafeString:
        shown = self.format_value(value) or ""
        lines = min(shown.count("\n") + 1, MAX_ROWS)
        grown = {**(attrs or {}), "data-multiline": ""}
        grown["rows"] = max(lines, int(self.attrs["rows"]))
        context = {
            "control": super().render(name, value, grown, renderer),
            "several": grown["rows"] > 1,
            "covered": self.covered,
        }
        return render_to_string(TEMPLATE, context)


class SecretInput(MultilineInput):
    """A covered text area that never shows what it was given.

    Browsers keep the text of areas across restarts unless `autocomplete` is off.
    """

    covered = True

    def __init__(self, attrs: dict[str, Any] | None = None, rows: int = 1) -> None:
        hidden = {"autocomplete": "off", "autocapitalize": "none", "class": "covered"}
        super().__init__({**(attrs or {}), **hidden, "data-covered": ""}, rows)

    def format_value(self, value: Any) -> None:
        return None
