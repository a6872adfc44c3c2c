"""Text controls for several lines, which look like one line until they have more.

Without JavaScript they are text areas. `multiline.js` lets Enter submit the form while
there is one line, and shows the control of a secret as a password input until several
lines are pasted or requested.
"""

from django import forms
from django.forms.renderers import BaseRenderer
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

TEMPLATE = "components/multiline_input.html"
# A control shows at most so many lines of its text; the others scroll.
MAX_ROWS = 12


class MultilineInput(forms.Textarea):
    """A text area that is as high as its text."""

    covered = False

    def __init__(self, attrs: dict[str, object] | None = None, rows: int = 1) -> None:
        super().__init__({**(attrs or {}), "rows": rows, "spellcheck": "false"})

    def render(
        self,
        name: str,
        value: object,
        attrs: dict[str, object] | None = None,
        renderer: BaseRenderer | None = None,
    ) -> SafeString:
        shown = self.format_value(value) or ""
        lines = min(shown.count("\n") + 1, MAX_ROWS)
        rows = max(lines, int(self.attrs["rows"]))
        grown = {**(attrs or {}), "data-multiline": "", "rows": rows}
        context = {
            "control": super().render(name, value, grown, renderer),
            "several": rows > 1,
            "covered": self.covered,
        }
        return render_to_string(TEMPLATE, context)


class SecretInput(MultilineInput):
    """A covered text area that never shows the stored value.

    Browsers keep the text of areas across restarts unless `autocomplete` is off.
    """

    covered = True

    def __init__(self, attrs: dict[str, object] | None = None, rows: int = 1) -> None:
        hidden = {"autocomplete": "off", "autocapitalize": "none", "class": "covered"}
        super().__init__({**(attrs or {}), **hidden, "data-covered": ""}, rows)

    def format_value(self, value: object) -> None:
        return None
