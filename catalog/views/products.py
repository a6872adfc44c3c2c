"""What I may launch: the products of the portfolios granted to me."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog.effective_constraints import launch_options
from catalog.filters import ProductFilter
from catalog.models import Product
from catalog.models.product import product_for
from console.lib.htmx import render_page
from console.lib.http import Request
from console.lib.pagination import page_size, paginate


@require_safe
def product_list(request: Request) -> HttpResponse:
    """Show the products, newest first; administrators too see here what they are granted."""
    mine = Product.objects.visible_to(request.user).with_launchable()
    products = ProductFilter(request.GET, mine)
    page = paginate(
        products.qs,
        cursor=request.GET.get("cursor", ""),
        size=page_size(request.GET.get("size", "")),
    )
    return render_page(
        request,
        "catalog/product_list.html",
        {"page": page, "q": request.GET.get("q", "").strip()},
        fragment="catalog/_product_table.html",
    )


@require_safe
def product_detail(request: Request, pk: str) -> HttpResponse:
    """Show one product: its launch options, and the versions to choose from."""
    product = product_for(request.user, pk)
    context = {
        "product": product,
        "versions": list(product.versions.active().by_advice()),
        "options": launch_options(product, request.user),
    }
    return render(request, "catalog/product_detail.html", context)
