"""Pages for products: all of them, with all their versions."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalog.filters import ProductFilter
from catalog.forms.product import CopyForm, ProductForm
from catalog.forms.template_source import SourceForm
from catalog.launch_access import launch_access_of
from catalog.models import Portfolio, Product, Version
from console.lib import record_pages as pages
from console.lib.access import administrator_required
from console.lib.forms import refusals_on
from console.lib.htmx import redirect_back
from console.lib.http import Request
from console.lib.pagination import COUNT_CAP, capped_count
from console.lib.queries import count_of
from console.lib.users import User


def crumbs(*products: Product) -> list[pages.Crumb]:
    """Return the list of products as a breadcrumb, and these below it."""
    below = (
        (each.name, reverse("manage:product-detail", args=[each.pk]))
        for each in products
    )
    return [(_("Product management"), reverse("manage:product-list")), *below]


@require_safe
@administrator_required
def product_list(request: Request) -> HttpResponse:
    """List all products, newest first."""
    products = Product.objects.annotate(
        version_count=count_of(Version.objects.all(), "product"),
        portfolio_count=count_of(Portfolio.products.through.objects.all(), "product"),
    )
    return pages.list_page(
        request,
        ProductFilter(request.GET, products).qs,
        "manage/product_list.html",
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
    """Return the number of instances that are not terminated, or "1000+"."""
    count = capped_count(product.instances.living())
    return f"{COUNT_CAP}+" if count > COUNT_CAP else str(count)


@pages.administrator_form
def product_create(request: Request) -> HttpResponse:
    """Create a product together with its first version."""
    form = ProductForm(request.POST or None)
    release = SourceForm(
        request.POST or None,
        request.FILES or None,
        prefix="version",
        initial={"name": "1.0"},
    )
    # Both are validated, so that one answer names all the errors.
    if all([form.is_valid(), release.is_valid()]):
        with refusals_on(release), transaction.atomic():
            template = release.template(request.user)
            product = Product.objects.publish(
                **form.cleaned_data, template_kind=template.kind, by=request.user
            )
            Version.objects.publish(
                product=product,
                template=template,
                **release.verb_values(),
                checked_first=True,
                by=request.user,
            )
            messages.success(request, _("%s has been created.") % product)
            return redirect("manage:product-detail", product.pk)
    title = _("Create product")
    page = pages.form_page(
        request,
        form,
        title,
        crumbs=crumbs(),
        action=title,
        template="manage/product_create.html",
        release=release,
    )
    if release.errors:
        page.status_code = 422
    return page


@pages.administrator_form
def product_edit(request: Request, pk: str) -> HttpResponse:
    product = get_object_or_404(Product, pk=pk)
    form = ProductForm(request.POST or None, record=product)
    if pages.perform(request, form, product.edit, product):
        return redirect_back(request, "manage:product-detail", product.pk)
    product.refresh_from_db()
    title = _("Edit product")
    return pages.form_page(request, form, title, crumbs=crumbs(product))


@pages.administrator_form
def product_copy(request: Request, pk: str) -> HttpResponse:
    """Create a product with the same versions, in no portfolio."""
    product = get_object_or_404(Product, pk=pk)
    form = CopyForm(request.POST if request.method == "POST" else None)
    if copy := pages.perform(request, form, product.copy):
        return redirect("manage:product-detail", copy.pk)
    title = _("Copy product")
    return pages.form_page(request, form, title, crumbs=crumbs(product), action=title)


@pages.administrator_form
def product_delete(request: Request, pk: str) -> HttpResponse:
    product = get_object_or_404(Product, pk=pk)
    text = _(
        "The product and all its versions are removed from all lists. A product that is "
        "in a portfolio or has instances that are not terminated cannot be deleted."
    )
    return pages.confirm_page(
        request, product, _("Delete product"), text, crumbs=crumbs(product)
    )


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
