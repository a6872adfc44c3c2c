"""Known errors: what administrators tell people whose task has failed."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from console.lib.access import administrator_required
from console.lib.forms import refusals_on, render_form
from console.lib.htmx import redirect_back
from console.lib.http import Request
from instances.forms.known_error import KnownErrorForm, sample_text
from instances.models import KnownError

READ_OR_POST = ["GET", "HEAD", "POST"]
SHOWN = 500


@require_safe
@administrator_required
def known_error_list(request: Request) -> HttpResponse:
    """List the cards in the order in which they are looked through."""
    cards = KnownError.objects.all()[:SHOWN]
    return render(request, "manage/known_error_list.html", {"cards": cards})


@require_http_methods(READ_OR_POST)
@administrator_required
def known_error_create(request: Request) -> HttpResponse:
    """Write a card, perhaps about a task, and try it before it is kept."""
    initial = {"sample": sample_text(request.GET.get("task", "")[:24])}
    form = KnownErrorForm(request.POST or None, initial=initial)
    if not _tried(request) and form.is_valid():
        with refusals_on(form):
            card = KnownError.objects.add(**form.verb_values(), by=request.user)
            messages.success(request, _("%s has been created.") % card)
            return redirect_back(request, "instances:known-error-list")
    return _show(request, "manage/known_error_create.html", form)


@require_http_methods(READ_OR_POST)
@administrator_required
def known_error_edit(request: Request, pk: str) -> HttpResponse:
    """Change a card, and try it before that is kept."""
    card = get_object_or_404(KnownError, pk=pk)
    form = KnownErrorForm(request.POST or None, record=card)
    if not _tried(request) and form.is_valid():
        with refusals_on(form):
            card.edit(**form.verb_values(), by=request.user)
            messages.success(request, _("%s has been changed.") % card)
            return redirect_back(request, "instances:known-error-list")
    card.refresh_from_db()
    return _show(request, "manage/known_error_edit.html", form, card=card)


@require_http_methods(READ_OR_POST)
@administrator_required
def known_error_delete(request: Request, pk: str) -> HttpResponse:
    """Ask, then delete a card."""
    card = get_object_or_404(KnownError, pk=pk)
    if request.method == "POST":
        card.remove(by=request.user)
        messages.success(request, _("%s has been deleted.") % card)
        return redirect_back(request, "instances:known-error-list")
    return render(request, "manage/known_error_delete.html", {"card": card})


def _tried(request: Request) -> bool:
    """Whether the pattern is only tried; nothing is kept."""
    return "try" in request.POST


def _show(
    request: Request, template: str, form: KnownErrorForm, **context: Any
) -> HttpResponse:
    context |= {"form": form, "pattern_result": None}
    if not _tried(request):
        return render_form(request, template, context)
    # Only the pattern is judged: the rest of the form may not be finished.
    unjudged = KnownErrorForm(initial=request.POST.dict() | _switches(request))
    context |= {"form": unjudged, "pattern_result": form.pattern_result}
    return render(request, template, context)


def _switches(request: Request) -> dict[str, bool]:
    return {"active": "active" in request.POST}
