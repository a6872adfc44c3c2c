"""Pages for tag options, and for attaching them to products and portfolios."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from catalog.filters import TagOptionFilter
from catalog.forms.tag_option import TagOptionEditForm, TagOptionForm
from catalog.models import Portfolio, Product, TagOption
from console.lib import record_pages as pages
from console.lib.access import administrator_required
from console.lib.htmx import redirect_back
from console.lib.http import Request
from console.lib.queries import count_of

MAX_SHOWN = 100


def _crumbs() -> list[pages.Crumb]:
    return [(_("TagOptions"), reverse("manage:tag-option-list"))]


@require_safe
@administrator_required
def tag_option_list(request: Request) -> HttpResponse:
    """List the tag options, newest first."""
    options = TagOption.objects.annotate(
        product_count=count_of(TagOption.products.through.objects.all(), "tagoption"),
        portfolio_count=count_of(
            TagOption.portfolios.through.objects.all(), "tagoption"
        ),
    )
    return pages.list_page(
        request,
        TagOptionFilter(request.GET, options).qs,
        "manage/tag_option_list.html",
        fragment="manage/_tag_option_table.html",
    )


@pages.administrator_form
def tag_option_create(request: Request) -> HttpResponse:
    form = TagOptionForm(request.POST or None)
    if option := pages.perform(request, form, TagOption.objects.offer):
        return redirect("manage:tag-option-edit", option.pk)
    title = _("Create tag option")
    return pages.form_page(request, form, title, crumbs=_crumbs(), action=title)


@pages.administrator_form
def tag_option_edit(request: Request, pk: str) -> HttpResponse:
    """Change the value or the status, and show where the tag option is attached."""
    option = get_object_or_404(TagOption, pk=pk)
    form = TagOptionEditForm(request.POST or None, record=option)
    if pages.perform(request, form, option.edit, option):
        return redirect_back(request, "manage:tag-option-list")
    option.refresh_from_db()
    return pages.form_page(
        request,
        form,
        str(option),
        crumbs=_crumbs(),
        template="manage/tag_option_edit.html",
        option=option,
        products=option.products.order_by("name")[:MAX_SHOWN],
        portfolios=option.portfolios.order_by("name")[:MAX_SHOWN],
    )


@pages.administrator_form
def tag_option_delete(request: Request, pk: str) -> HttpResponse:
    option = get_object_or_404(TagOption, pk=pk)
    text = _(
        "The tag option is detached from all products and portfolios. Tags on running "
        "instances are kept."
    )
    return pages.confirm_page(
        request, option, _("Delete tag option"), text, crumbs=_crumbs()
    )


@require_safe
@administrator_required
def attached_tag_options(request: Request, kind: str, pk: str) -> HttpResponse:
    """List the tag options of a product or portfolio, and those that can be attached."""
    resource = _resource(kind, pk)
    attached = resource.tag_options.order_by("key", "value")
    found = request.GET.get("find", "").strip()
    others = TagOption.objects.exclude(pk__in=attached.order_by().values("pk"))
    context = {
        "resource": resource,
        "kind": kind,
        kind: resource,
        "attached": attached[:MAX_SHOWN],
        "others": TagOptionFilter({"q": found}, others).qs[:20],
        "find": found,
        "tab": "tag-options",
    }
    return render(request, f"manage/{kind}_tag_options.html", context)


@require_POST
@administrator_required
def tag_option_attach(
    request: Request, kind: str, pk: str, option: str
) -> HttpResponse:
    resource, chosen = _pair(kind, pk, option)
    chosen.associate(resource, by=request.user)
    messages.success(request, _("%s has been attached.") % chosen)
    return redirect_back(request, f"manage:{kind}-tag-options", pk)


@require_POST
@administrator_required
def tag_option_detach(
    request: Request, kind: str, pk: str, option: str
) -> HttpResponse:
    resource, chosen = _pair(kind, pk, option)
    chosen.dissociate(resource, by=request.user)
    messages.success(request, _("%s has been detached.") % chosen)
    return redirect_back(request, f"manage:{kind}-tag-options", pk)


def _pair(kind: str, pk: str, option: str) -> tuple[Product | Portfolio, TagOption]:
    return _resource(kind, pk), get_object_or_404(TagOption, pk=option)


def _resource(kind: str, pk: str) -> Product | Portfolio:
    if kind == "product":
        return get_object_or_404(Product, pk=pk)
    return get_object_or_404(Portfolio, pk=pk)
