"""Portfolios: which products they hold, and who may launch from them."""

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from catalog.filters import PortfolioFilter, ProductFilter
from catalog.forms.portfolio import GrantForm, PortfolioForm
from catalog.models import Constraint, Grant, Portfolio, Product
from catalog.views.manage.products import READ_OR_POST
from console.lib.access import administrator_required
from console.lib.forms import refusals_on, render_form
from console.lib.htmx import redirect_back, render_page
from console.lib.http import Request
from console.lib.pagination import page_size, paginate
from console.lib.queries import count_of
from console.lib.users import Role, User

MAX_CANDIDATES = 20
MAX_SUGGESTIONS = 100


@require_safe
@administrator_required
def portfolio_list(request: Request) -> HttpResponse:
    """List all portfolios, newest first."""
    portfolios = Portfolio.objects.annotate(
        product_count=count_of(Portfolio.products.through.objects.all(), "portfolio"),
        grant_count=count_of(Grant.objects.all(), "portfolio"),
        constraint_count=count_of(Constraint.objects.all(), "portfolio"),
    )
    page = paginate(
        PortfolioFilter(request.GET, portfolios).qs,
        cursor=request.GET.get("cursor", ""),
        size=page_size(request.GET.get("size", "")),
    )
    return render_page(
        request,
        "manage/portfolio_list.html",
        {"page": page, "q": request.GET.get("q", "").strip()},
        fragment="manage/_portfolio_table.html",
    )


@require_safe
@administrator_required
def portfolio_detail(request: Request, pk: str) -> HttpResponse:
    """Show the products of a portfolio, and those a search finds to add."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    found = request.GET.get("find", "").strip()
    held = portfolio.products.through.objects.filter(portfolio=portfolio)
    candidates = Product.objects.exclude(pk__in=held.values("product"))
    page = paginate(
        portfolio.products.annotate(
            constraint_count=count_of(
                Constraint.objects.filter(portfolio=portfolio), "product"
            )
        ),
        cursor=request.GET.get("cursor", ""),
        size=page_size(request.GET.get("size", "")),
    )
    context = {
        "portfolio": portfolio,
        "page": page,
        "find": found,
        "candidates": ProductFilter({"q": found}, candidates).qs[:MAX_CANDIDATES],
        "tab": "products",
    }
    return render(request, "manage/portfolio_detail.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def portfolio_create(request: Request) -> HttpResponse:
    """Create an empty portfolio."""
    form = PortfolioForm(request.POST or None)
    if form.is_valid():
        with refusals_on(form):
            portfolio = Portfolio.objects.open(**form.cleaned_data, by=request.user)
            messages.success(request, _("%s has been created.") % portfolio)
            return redirect_back(request, "manage:portfolio-detail", portfolio.pk)
    return render_form(request, "manage/portfolio_create.html", {"form": form})


@require_http_methods(READ_OR_POST)
@administrator_required
def portfolio_edit(request: Request, pk: str) -> HttpResponse:
    """Change what a portfolio is called."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    form = PortfolioForm(request.POST or None, record=portfolio)
    if form.is_valid():
        with refusals_on(form):
            portfolio.edit(**form.cleaned_data, by=request.user)
            messages.success(request, _("%s has been changed.") % portfolio)
            return redirect_back(request, "manage:portfolio-detail", portfolio.pk)
    portfolio.refresh_from_db()
    context = {"form": form, "portfolio": portfolio}
    return render_form(request, "manage/portfolio_edit.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def portfolio_delete(request: Request, pk: str) -> HttpResponse:
    """Ask, then delete; refused while the portfolio holds products."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    form = Form(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            portfolio.remove(by=request.user)
            messages.success(request, _("%s has been deleted.") % portfolio)
            return redirect_back(request, "manage:portfolio-list")
    context = {"form": form, "portfolio": portfolio}
    return render_form(request, "manage/portfolio_delete.html", context)


@require_POST
@administrator_required
def portfolio_add_product(request: Request, pk: str, product_pk: str) -> HttpResponse:
    """Put a product in."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    product = get_object_or_404(Product, pk=product_pk)
    portfolio.add_product(product, by=request.user)
    messages.success(request, _("%s has been added.") % product)
    return redirect_back(request, "manage:portfolio-detail", portfolio.pk)


@require_http_methods(READ_OR_POST)
@administrator_required
def portfolio_remove_product(
    request: Request, pk: str, product_pk: str
) -> HttpResponse:
    """Ask, then take a product out; its constraints here go with it."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    product: Product = get_object_or_404(portfolio.products, pk=product_pk)
    if request.method == "POST":
        portfolio.remove_product(product, by=request.user)
        messages.success(request, _("%s has been removed.") % product)
        return redirect_back(request, "manage:portfolio-detail", portfolio.pk)
    context = {
        "portfolio": portfolio,
        "product": product,
        "constraints": portfolio.constraints.filter(product=product),
    }
    return render(request, "manage/portfolio_remove_product.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def portfolio_access(request: Request, pk: str) -> HttpResponse:
    """Show who may launch from the portfolio, and grant it to more."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    form = GrantForm(request.POST or None)
    if form.is_valid():
        with refusals_on(form):
            grant = portfolio.grant(**form.cleaned_data, by=request.user)
            messages.success(request, _("Access has been granted to %s.") % grant)
            return redirect_back(request, "manage:portfolio-access", portfolio.pk)
    grants = portfolio.grants.select_related("user", "role").order_by("-created_at")
    context = {
        "portfolio": portfolio,
        "form": form,
        "page": paginate(grants, cursor=request.GET.get("cursor", ""), size=50),
        "people": User.objects.order_by("username")[:MAX_SUGGESTIONS],
        "roles": Role.objects.order_by("name")[:MAX_SUGGESTIONS],
        "tab": "access",
    }
    return render_form(request, "manage/portfolio_access.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def grant_remove(request: Request, pk: str, grant_pk: int) -> HttpResponse:
    """Ask, then withdraw; the page says what the people can do afterwards."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    grants = portfolio.grants.select_related("user", "role")
    grant = get_object_or_404(grants, pk=grant_pk)
    if request.method == "POST":
        portfolio.withdraw(
            user=grant.user, role=grant.role, pattern=grant.pattern, by=request.user
        )
        messages.success(request, _("Access for %s has been removed.") % grant)
        return redirect_back(request, "manage:portfolio-access", portfolio.pk)
    context = {"portfolio": portfolio, "grant": grant}
    return render(request, "manage/grant_remove.html", context)
