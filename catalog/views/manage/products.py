"""Products as administrators see them: all of them, with every version."""

from django.contrib import messages
from django.db import transaction
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from catalog.filters import ProductFilter
from catalog.forms.product import CopyForm, ProductForm
from catalog.forms.template_source import SourceForm
from catalog.launch_access import launch_access_of
from catalog.models import Portfolio, Product, Version
from console.lib.access import administrator_required
from console.lib.forms import refusals_on, render_form
from console.lib.htmx import redirect_back, render_page
from console.lib.http import Request
from console.lib.pagination import COUNT_CAP, capped_count, page_size, paginate
from console.lib.queries import count_of
from console.lib.users import User

READ_OR_POST = ["GET", "HEAD", "POST"]


@require_safe
@administrator_required
def product_list(request: Request) -> HttpResponse:
    """List all products, newest first."""
    products = Product.objects.annotate(
        version_count=count_of(Version.objects.all(), "product"),
        portfolio_count=count_of(Portfolio.products.through.objects.all(), "product"),
    )
    page = paginate(
        ProductFilter(request.GET, products).qs,
        cursor=request.GET.get("cursor", ""),
        size=page_size(request.GET.get("size", "")),
    )
    return render_page(
        request,
        "manage/product_list.html",
        {"page": page, "q": request.GET.get("q", "").strip()},
        fragment="manage/_managed_products.html",
    )


@require_safe
@administrator_required
def product_detail(request: Request, pk: str) -> HttpResponse:
    """Show a product with all its versions and the portfolios that hold it."""
    product = get_object_or_404(Product, pk=pk)
    context = {
        "product": product,
        "versions": product.versions.by_advice().prefetch_related("checks"),
        "portfolios": product.portfolios.order_by("name", "pk")[:50],
        "tag_options": product.tag_options.all()[:50],
        "instance_count": _count(product),
    }
    return render(request, "manage/product_detail.html", context)


def _count(product: Product) -> str:
    """How many instances live, or "1000+"."""
    count = capped_count(product.instances.living())
    return f"{COUNT_CAP}+" if count > COUNT_CAP else str(count)


@require_http_methods(READ_OR_POST)
@administrator_required
def product_create(request: Request) -> HttpResponse:
    """Create a product together with its first version."""
    form = ProductForm(request.POST or None)
    release = SourceForm(
        request.POST or None,
        request.FILES or None,
        prefix="version",
        initial={"name": "1.0"},
    )
    # Both are checked, so that one answer names everything there is to mend.
    if all([form.is_valid(), release.is_valid()]):
        with refusals_on(release), transaction.atomic():
            template = release.template(request.user)
            product = Product.objects.publish(
                **form.cleaned_data, template_kind=template.kind, by=request.user
            )
            Version.objects.publish(
                product=product,
                template=template,
                **release.about,
                checked_first=True,
                by=request.user,
            )
            messages.success(request, _("%s has been created.") % product)
            return redirect("manage:product-detail", product.pk)
    context = {"form": form, "release": release}
    status = 422 if form.errors or release.errors else 200
    return render(request, "manage/product_create.html", context, status=status)


@require_http_methods(READ_OR_POST)
@administrator_required
def product_edit(request: Request, pk: str) -> HttpResponse:
    """Change what people read about a product."""
    product = get_object_or_404(Product, pk=pk)
    form = ProductForm(request.POST or None, record=product)
    if form.is_valid():
        with refusals_on(form):
            product.edit(**form.cleaned_data, by=request.user)
            messages.success(request, _("%s has been changed.") % product)
            return redirect("manage:product-detail", product.pk)
    product.refresh_from_db()
    context = {"form": form, "product": product}
    return render_form(request, "manage/product_edit.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def product_copy(request: Request, pk: str) -> HttpResponse:
    """Make a product with the same versions, in no portfolio."""
    product = get_object_or_404(Product, pk=pk)
    form = CopyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            twin = product.copy(**form.cleaned_data, by=request.user)
            messages.success(request, _("%s has been created.") % twin)
            return redirect("manage:product-detail", twin.pk)
    context = {"form": form, "product": product}
    return render_form(request, "manage/product_copy.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def product_delete(request: Request, pk: str) -> HttpResponse:
    """Ask, then delete; a refusal says what uses the product."""
    product = get_object_or_404(Product, pk=pk)
    form = Form(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            product.remove(by=request.user)
            messages.success(request, _("%s has been deleted.") % product)
            return redirect_back(request, "manage:product-list")
    context = {"form": form, "product": product}
    return render_form(request, "manage/product_delete.html", context)


@require_safe
@administrator_required
def product_launch_access(request: Request, pk: str) -> HttpResponse:
    """Explain why a user can, or cannot, launch the product."""
    known = Version.objects.filter(product=pk, product__removed_at=None)
    versions = list(known.select_related("product"))
    product = versions[0].product if versions else get_object_or_404(Product, pk=pk)
    login = request.GET.get("person", "").strip()
    person = User.objects.filter(username=login).first() if login else None
    context = {
        "product": product,
        "login": login,
        "person": person,
        "access": launch_access_of(person, product, versions) if person else None,
        "people": [] if person else User.objects.order_by("username")[:100],
    }
    return render(request, "manage/product_launch_access.html", context)
