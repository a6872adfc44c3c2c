"""Pages for portfolios: their products, and the access to them."""

from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from catalog.filters import PortfolioFilter, ProductFilter
from catalog.forms.portfolio import GrantForm, PortfolioForm
from catalog.models import Constraint, Grant, Portfolio, Product
from console.lib import record_pages as pages
from console.lib.access import administrator_required
from console.lib.forms import render_form
from console.lib.htmx import redirect_back
from console.lib.http import Request
from console.lib.pagination import paginate
from console.lib.queries import count_of
from console.lib.users import Role, User

MAX_CANDIDATES = 20
MAX_SUGGESTIONS = 100


def crumbs(*portfolios: Portfolio) -> list[pages.Crumb]:
    """Return the list of portfolios as a breadcrumb, and these below it."""
    below = (
        (each.name, reverse("manage:portfolio-detail", args=[each.pk]))
        for each in portfolios
    )
    return [(_("Portfolio management"), reverse("manage:portfolio-list")), *below]


@require_safe
@administrator_required
def portfolio_list(request: Request) -> HttpResponse:
    """List all portfolios, newest first."""
    portfolios = Portfolio.objects.annotate(
        product_count=count_of(Portfolio.products.through.objects.all(), "portfolio"),
        grant_count=count_of(Grant.objects.all(), "portfolio"),
        constraint_count=count_of(Constraint.objects.all(), "portfolio"),
    )
    return pages.list_page(
        request,
        PortfolioFilter(request.GET, portfolios).qs,
        "manage/portfolio_list.html",
        fragment="manage/_portfolio_table.html",
    )


@require_safe
@administrator_required
def portfolio_detail(request: Request, pk: str) -> HttpResponse:
    """List the products of a portfolio, and those that can be added."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    found = request.GET.get("find", "").strip()
    held = portfolio.products.through.objects.filter(portfolio=portfolio)
    candidates = Product.objects.exclude(pk__in=held.values("product"))
    constraints = Constraint.objects.filter(portfolio=portfolio)
    products = portfolio.products.annotate(
        constraint_count=count_of(constraints, "product")
    )
    context = {
        "portfolio": portfolio,
        "page": pages.page_of(request, products),
        "find": found,
        "candidates": ProductFilter({"q": found}, candidates).qs[:MAX_CANDIDATES],
        "tab": "products",
    }
    return render(request, "manage/portfolio_detail.html", context)


@pages.administrator_form
def portfolio_create(request: Request) -> HttpResponse:
    form = PortfolioForm(request.POST or None)
    if portfolio := pages.perform(request, form, Portfolio.objects.open):
        return redirect_back(request, "manage:portfolio-detail", portfolio.pk)
    title = _("Create portfolio")
    return pages.form_page(request, form, title, crumbs=crumbs(), action=title)


@pages.administrator_form
def portfolio_edit(request: Request, pk: str) -> HttpResponse:
    portfolio = get_object_or_404(Portfolio, pk=pk)
    form = PortfolioForm(request.POST or None, record=portfolio)
    if pages.perform(request, form, portfolio.edit, portfolio):
        return redirect_back(request, "manage:portfolio-detail", portfolio.pk)
    portfolio.refresh_from_db()
    title = _("Edit portfolio")
    return pages.form_page(request, form, title, crumbs=crumbs(portfolio))


@pages.administrator_form
def portfolio_delete(request: Request, pk: str) -> HttpResponse:
    portfolio = get_object_or_404(Portfolio, pk=pk)
    text = _(
        "The access grants of this portfolio are also deleted. A portfolio that "
        "contains products cannot be deleted."
    )
    return pages.confirm_page(
        request, portfolio, _("Delete portfolio"), text, crumbs=crumbs(portfolio)
    )


@require_POST
@administrator_required
def portfolio_add_product(request: Request, pk: str, product_pk: str) -> HttpResponse:
    portfolio = get_object_or_404(Portfolio, pk=pk)
    product = get_object_or_404(Product, pk=product_pk)
    portfolio.add_product(product, by=request.user)
    messages.success(request, _("%s has been added.") % product)
    return redirect_back(request, "manage:portfolio-detail", portfolio.pk)


@pages.administrator_form
def portfolio_remove_product(
    request: Request, pk: str, product_pk: str
) -> HttpResponse:
    """Remove a product from a portfolio, with its constraints there."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    product: Product = get_object_or_404(portfolio.products, pk=product_pk)
    return pages.confirm_page(
        request,
        product,
        _("Remove product from portfolio"),
        _(
            "Users can no longer launch the product through this portfolio. Running "
            "instances are kept, but can be updated only through another portfolio that "
            "contains the product. The constraints of the product in this portfolio are "
            "also deleted."
        ),
        crumbs=crumbs(portfolio),
        verb=partial(portfolio.remove_product, product),
        action=_("Remove product"),
        lines=portfolio.constraints.filter(product=product),
        message=_("%s has been removed.") % product,
        done=reverse("manage:portfolio-detail", args=[portfolio.pk]),
    )


@pages.administrator_form
def portfolio_access(request: Request, pk: str) -> HttpResponse:
    """List the grants of a portfolio, and grant access to it."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    form = GrantForm(request.POST or None)
    granted = _("Access has been granted to %s.")
    if pages.perform(request, form, portfolio.grant, message=granted):
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


@pages.administrator_form
def grant_remove(request: Request, pk: str, grant_pk: int) -> HttpResponse:
    """Take a grant back. Instances that were launched through it stay."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    grants = portfolio.grants.select_related("user", "role")
    grant = get_object_or_404(grants, pk=grant_pk)
    access = reverse("manage:portfolio-access", args=[portfolio.pk])
    return pages.confirm_page(
        request,
        grant,
        _("Remove access"),
        _(
            "Running instances are kept, and their owners can still view and terminate "
            "them. The owners can no longer launch or update through this portfolio "
            "unless another grant applies to them."
        ),
        crumbs=crumbs(portfolio),
        verb=partial(
            portfolio.withdraw,
            user=grant.user,
            role=grant.role,
            pattern=grant.pattern,
        ),
        id=portfolio.name,
        message=_("Access for %s has been removed.") % grant,
        done=access,
        back=access,
    )
