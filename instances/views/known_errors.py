"""Pages for known errors: explanations that administrators give for failed tasks."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from console.lib import record_pages as pages
from console.lib.access import administrator_required
from console.lib.htmx import redirect_back
from console.lib.http import Request
from instances.forms.known_error import KnownErrorForm, sample_text
from instances.models import KnownError

MAX_SHOWN = 500


def _crumbs() -> list[pages.Crumb]:
    return [(_("Known errors"), reverse("instances:known-error-list"))]


@require_safe
@administrator_required
def known_error_list(request: Request) -> HttpResponse:
    """List the known errors in the order in which they are matched."""
    known_errors = KnownError.objects.all()[:MAX_SHOWN]
    return render(
        request, "manage/known_error_list.html", {"known_errors": known_errors}
    )


@pages.administrator_form
def known_error_create(request: Request) -> HttpResponse:
    """Create a known error, for the task in the query, or test its pattern."""
    initial = {"sample": sample_text(request.GET.get("task", "")[:24])}
    form = KnownErrorForm(request.POST or None, initial=initial)
    if not _is_test(request) and pages.perform(request, form, KnownError.objects.add):
        return redirect_back(request, "instances:known-error-list")
    title = _("Create known error")
    template = "manage/known_error_create.html"
    return _show(request, form, title, template=template, action=title)


@pages.administrator_form
def known_error_edit(request: Request, pk: str) -> HttpResponse:
    """Change a known error, or test its pattern."""
    known_error = get_object_or_404(KnownError, pk=pk)
    form = KnownErrorForm(request.POST or None, record=known_error)
    if not _is_test(request) and pages.perform(
        request, form, known_error.edit, known_error
    ):
        return redirect_back(request, "instances:known-error-list")
    known_error.refresh_from_db()
    template = "manage/known_error_edit.html"
    return _show(
        request, form, known_error.title, template=template, known_error=known_error
    )


@pages.administrator_form
def known_error_delete(request: Request, pk: str) -> HttpResponse:
    known_error = get_object_or_404(KnownError, pk=pk)
    text = _(
        "Failed tasks will no longer show this explanation. To keep it for later, "
        "deactivate it instead."
    )
    return pages.confirm_page(
        request,
        known_error,
        _("Delete known error"),
        text,
        crumbs=_crumbs(),
        name=known_error.title,
    )


def _is_test(request: Request) -> bool:
    """Return True if the pattern is only to be tested, and nothing saved."""
    return "try" in request.POST


def _show(
    request: Request, form: KnownErrorForm, title: str, **context: Any
) -> HttpResponse:
    pattern_result = None
    if _is_test(request):
        # Only the pattern is validated: the rest of the form may be incomplete.
        pattern_result = form.pattern_result
        switches = {"active": "active" in request.POST}
        form = KnownErrorForm(initial=request.POST.dict() | switches)
    return pages.form_page(
        request, form, title, crumbs=_crumbs(), pattern_result=pattern_result, **context
    )
