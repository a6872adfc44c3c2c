"""Pages of the administration: lists of records, forms for one, and questions before a deletion."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.contrib import messages
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from console.lib.access import administrator_required
from console.lib.errors import Text
from console.lib.forms import VerbForm, refusals_on, render_form
from console.lib.htmx import came_from, render_page
from console.lib.http import Request
from console.lib.pagination import Page, page_size, paginate

# The label and the address of a page above, as in breadcrumbs.
Crumb = tuple[Text, str]
View = TypeVar("View", bound=Callable[..., HttpResponse])
Record = TypeVar("Record", bound=Model)


def administrator_form(view: View) -> View:
    """Let administrators read a page and send its form."""
    guarded: Any = administrator_required(view)
    return require_http_methods(["GET", "HEAD", "POST"])(guarded)


def page_of(request: Request, rows: QuerySet[Any]) -> Page:
    """Return the page of rows that the query of a request asks for."""
    return paginate(
        rows,
        cursor=request.GET.get("cursor", ""),
        size=page_size(request.GET.get("size", "")),
    )


def list_page(
    request: Request, rows: QuerySet[Any], template: str, *, fragment: str
) -> HttpResponse:
    """Render a list that can be searched; `rows` are those that the search has found."""
    context = {"page": page_of(request, rows), "q": request.GET.get("q", "").strip()}
    return render_page(request, template, context, fragment=fragment)


def perform(
    request: Request,
    form: VerbForm,
    verb: Callable[..., Record | None],
    record: Record | None = None,
    *,
    message: str = "",
) -> Record | None:
    """Call a verb with the values of a form, and tell the user what was done.

    Return the record that the verb has created, or the `record` that it has changed.
    Return None when the form was not sent or is refused: then it holds the errors.
    `message` may have a %s for the record.
    """
    if form.is_valid():
        with refusals_on(form):
            done = verb(**form.verb_values(), by=request.user) or record
            default = _("%s has been changed.") if record else _("%s has been created.")
            text = message or default
            messages.success(request, text % done if "%s" in text else text)
            return done
    return None


def form_page(
    request: Request,
    form: VerbForm,
    title: Text,
    *,
    crumbs: Sequence[Crumb],
    action: Text = "",
    template: str = "manage/form_page.html",
    **context: Any,
) -> HttpResponse:
    """Render a page around a form. It can be left for the last page of `crumbs`.

    `action` is the label of the button, "Save" by default; `context` is what a template
    needs beside the form.
    """
    context |= {"form": form, "title": title, "crumbs": crumbs, "back": crumbs[-1][1]}
    return render_form(request, template, {**context, "action": action})


def confirm_page(
    request: Request,
    record: Model,
    title: Text,
    text: Text,
    *,
    crumbs: Sequence[Crumb],
    verb: Callable[..., None] | None = None,
    name: object = None,
    id: str = "",
    action: Text = "",
    lines: Iterable[object] = (),
    message: Text = "",
    done: str = "",
    back: str = "",
) -> HttpResponse:
    """Ask before a record is removed, then remove it and redirect to the address `done`.

    `text` says what a removal means, `lines` name what goes with the record. By default
    the verb is the record's `remove`, the redirect goes to the first page of `crumbs`, and
    the page can be left for the last one, `back`.
    """
    form = Form(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            message = message or _("%s has been deleted.") % record
            (verb or record.remove)(by=request.user)  # type: ignore[attr-defined]
            messages.success(request, str(message))
            done = done or crumbs[0][1]
            return HttpResponseRedirect(came_from(request, done) or done)
    context = {
        "form": form,
        "title": title,
        "text": text,
        "crumbs": crumbs,
        "name": name or record,
        "id": id or record.pk,
        "action": action or title,
        "lines": lines,
        "back": back or crumbs[-1][1],
    }
    return render_form(request, "manage/confirm_page.html", context)
