"""Pages of end users: the products that are granted to them."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog.effective_constraints import launch_options
from catalog.filters import ProductFilter
from catalog.models import Product
from catalog.models.product import product_for
from console.lib.http import Request
from console.lib.record_pages import list_page


@require_safe
def product_list(request: Request) -> HttpResponse:
    """List the products granted to the user, newest first; administrators included."""
    granted = Product.objects.visible_to(request.user).with_launchable()
    return list_page(
        request,
        ProductFilter(request.GET, granted).qs,
        "catalog/product_list.html",
        fragment="catalog/_product_table.html",
    )


@require_safe
def product_detail(request: Request, pk: str) -> HttpResponse:
    """Show a product with its launch options and active versions."""
    product = product_for(request.user, pk)
    context = {
        "product": product,
        "versions": list(product.versions.active().by_advice()),
        "options": launch_options(product, request.user),
    }
    return render(request, "catalog/product_detail.html", context)
