"""The library of tag options, and where each is attached."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from catalog.filters import TagOptionFilter
from catalog.forms.tag_option import TagOptionEditForm, TagOptionForm
from catalog.models import Portfolio, Product, TagOption
from catalog.views.manage.products import READ_OR_POST
from console.lib.access import administrator_required
from console.lib.forms import refusals_on, render_form
from console.lib.htmx import redirect_back, render_page
from console.lib.http import Request
from console.lib.pagination import page_size, paginate
from console.lib.queries import count_of

MAX_SHOWN = 100


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
    page = paginate(
        TagOptionFilter(request.GET, options).qs,
        cursor=request.GET.get("cursor", ""),
        size=page_size(request.GET.get("size", "")),
    )
    return render_page(
        request,
        "manage/tag_option_list.html",
        {"page": page, "q": request.GET.get("q", "").strip()},
        fragment="manage/_tag_option_table.html",
    )


@require_http_methods(READ_OR_POST)
@administrator_required
def tag_option_create(request: Request) -> HttpResponse:
    """Add a key and a value to the library."""
    form = TagOptionForm(request.POST or None)
    if form.is_valid():
        with refusals_on(form):
            option = TagOption.objects.offer(**form.cleaned_data, by=request.user)
            messages.success(request, _("%s has been created.") % option)
            return redirect("manage:tag-option-edit", option.pk)
    return render_form(request, "manage/tag_option_create.html", {"form": form})


@require_http_methods(READ_OR_POST)
@administrator_required
def tag_option_edit(request: Request, pk: str) -> HttpResponse:
    """Change value or activity, and show where the option is attached."""
    option = get_object_or_404(TagOption, pk=pk)
    form = TagOptionEditForm(request.POST or None, record=option)
    if form.is_valid():
        with refusals_on(form):
            option.edit(**form.cleaned_data, by=request.user)
            messages.success(request, _("%s has been changed.") % option)
            return redirect_back(request, "manage:tag-option-list")
    option.refresh_from_db()
    context = {
        "option": option,
        "form": form,
        "products": option.products.order_by("name")[:MAX_SHOWN],
        "portfolios": option.portfolios.order_by("name")[:MAX_SHOWN],
    }
    return render_form(request, "manage/tag_option_edit.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def tag_option_delete(request: Request, pk: str) -> HttpResponse:
    """Ask, then delete; tags of running instances stay."""
    option = get_object_or_404(TagOption, pk=pk)
    if request.method == "POST":
        option.remove(by=request.user)
        messages.success(request, _("%s has been deleted.") % option)
        return redirect_back(request, "manage:tag-option-list")
    return render(request, "manage/tag_option_delete.html", {"option": option})


@require_safe
@administrator_required
def attached_tag_options(request: Request, kind: str, pk: str) -> HttpResponse:
    """Show the tag options of a product or portfolio, and those to attach."""
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
    """Attach a tag option to a product or portfolio."""
    resource, chosen = _pair(kind, pk, option)
    chosen.associate(resource, by=request.user)
    messages.success(request, _("%s has been attached.") % chosen)
    return redirect_back(request, f"manage:{kind}-tag-options", pk)


@require_POST
@administrator_required
def tag_option_detach(
    request: Request, kind: str, pk: str, option: str
) -> HttpResponse:
    """Detach a tag option from a product or portfolio."""
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
