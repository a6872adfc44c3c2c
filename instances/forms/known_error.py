"""A card about a known error, as administrators write and try it."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.lib.forms import EditForm
from instances.models import KnownError, Task, TaskDiagnostics
from instances.models.known_error import SEARCHED, compiled
from instances.presenters.task_log import log_tail

# So much of a sample is repeated around what was found.
AROUND = 120


def _help(name: str) -> Any:
    """What the model says about a field."""
    return getattr(KnownError._meta.get_field(name), "help_text", "")


class KnownErrorForm(EditForm):
    """The facts of a card, and a text to try its pattern on, which is not kept."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=128)
    pattern = forms.CharField(
        label=gettext_lazy("Pattern"),
        max_length=500,
        help_text=_help("pattern"),
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    explanation = forms.CharField(
        label=gettext_lazy("Explanation"),
        max_length=4000,
        help_text=_help("explanation"),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    link = forms.CharField(
        label=gettext_lazy("Link"),
        max_length=500,
        required=False,
        help_text=gettext_lazy(
            "A page with more information. The address must start with https:// or "
            "http://."
        ),
    )
    position = forms.IntegerField(
        label=gettext_lazy("Order"),
        min_value=0,
        max_value=1_000_000,
        initial=100,
        help_text=_help("position"),
    )
    active = forms.BooleanField(
        label=gettext_lazy("Active: shown on failed tasks"),
        required=False,
        initial=True,
    )
    sample = forms.CharField(
        label=gettext_lazy("Log text to test the pattern with"),
        required=False,
        max_length=SEARCHED,
        help_text=gettext_lazy("For testing only. This text is not saved."),
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )

    def verb_values(self) -> dict[str, Any]:
        """The arguments of the verbs: everything but the text that was only tried."""
        return {k: v for k, v in self.cleaned_data.items() if k != "sample"}

    @property
    def verdict(self) -> dict[str, str]:
        """What the pattern finds in the sample: `found` with its surroundings, or `problem`."""
        pattern = str(self.data.get("pattern", ""))
        sample = str(self.data.get("sample", ""))[:SEARCHED]
        try:
            match = compiled(pattern).search(sample) if pattern else None
        except ValidationError as error:
            return {"problem": " ".join(error.messages)}
        if match is None:
            return {"problem": _("The pattern does not match this text.")}
        start, end = match.span()
        return {
            "before": sample[max(0, start - AROUND) : start],
            "found": sample[start : min(end, start + AROUND)],
            "after": sample[end : end + AROUND],
        }


def sample_of(pk: str) -> str:
    """The text a failed task would be searched in, to write a card about it; "" for none."""
    task = Task.objects.select_related("diagnostics").filter(pk=pk).first()
    if task is None:
        return ""
    lines = [line.text for line in log_tail(task).lines if line.level == "error"]
    return "\n".join(
        [*lines, TaskDiagnostics.of(task).error, task.status_message]
    ).strip()
