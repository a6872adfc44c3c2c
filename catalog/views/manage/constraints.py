"""Pages for the constraints of a portfolio, with a form for each type."""

from functools import partial

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalog.forms.constraints import CONFIG_FORMS, ConfigForm, TemplateForm
from catalog.models import Constraint, Portfolio, Product
from catalog.views.manage import portfolios
from console.lib import record_pages as pages
from console.lib.access import administrator_required
from console.lib.htmx import redirect_back
from console.lib.http import Request

CONSTRAINT_FORM = "manage/constraint_form.html"
MAX_PRODUCTS = 200


@require_safe
@administrator_required
def constraint_list(request: Request, pk: str) -> HttpResponse:
    """List the constraints of a portfolio, and the choices for another one."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    constraints = portfolio.constraints.select_related("product")
    context = {
        "portfolio": portfolio,
        "page": pages.page_of(request, constraints),
        "products": portfolio.products.order_by("name", "pk")[:MAX_PRODUCTS],
        "kinds": Constraint.Kind.choices,
        "chosen": request.GET.get("product", ""),
        "tab": "constraints",
    }
    return render(request, "manage/constraint_list.html", context)


@pages.administrator_form
def constraint_create(request: Request, pk: str) -> HttpResponse:
    """Create a constraint on the product and of the type in the query."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    wanted = request.GET.get("product", "")
    product: Product = get_object_or_404(portfolio.products, pk=wanted)
    kind = request.GET.get("kind", "")
    if kind not in CONFIG_FORMS:
        raise Http404
    form = CONFIG_FORMS[kind](request.POST or None, product=product, config={})
    form = _with_new_options(request, form)
    impose = partial(
        Constraint.objects.impose, kind=kind, portfolio=portfolio, product=product
    )
    created = _("The constraint has been created.")
    if pages.perform(request, form, impose, message=created):
        return redirect_back(request, "manage:constraint-list", pk)
    return pages.form_page(
        request,
        form,
        _("Create constraint"),
        crumbs=_crumbs(portfolio),
        template=CONSTRAINT_FORM,
        portfolio=portfolio,
        product=product,
        kind=Constraint.Kind(kind),
    )


@pages.administrator_form
def constraint_edit(request: Request, pk: str, constraint_pk: str) -> HttpResponse:
    """Change a constraint; its type, product and portfolio stay."""
    constraint = _constraint(pk, constraint_pk)
    form = CONFIG_FORMS[constraint.kind](
        request.POST or None,
        product=constraint.product,
        config=constraint.config,
        record=constraint,
    )
    form = _with_new_options(request, form)
    changed = _("The constraint has been changed.")
    if pages.perform(request, form, constraint.edit, constraint, message=changed):
        return redirect_back(request, "manage:constraint-list", pk)
    return pages.form_page(
        request,
        form,
        _("Edit constraint"),
        crumbs=_crumbs(constraint.portfolio),
        template=CONSTRAINT_FORM,
        portfolio=constraint.portfolio,
        product=constraint.product,
        kind=Constraint.Kind(constraint.kind),
    )


@pages.administrator_form
def constraint_delete(request: Request, pk: str, constraint_pk: str) -> HttpResponse:
    constraint = _constraint(pk, constraint_pk)
    constraints = reverse("manage:constraint-list", args=[pk])
    return pages.confirm_page(
        request,
        constraint,
        _("Delete constraint"),
        _("This constraint no longer applies to new launches, updates, and plans."),
        crumbs=portfolios.crumbs(constraint.portfolio),
        name=constraint.product,
        lines=constraint.sentences,
        message=_("The constraint has been deleted."),
        done=constraints,
        back=constraints,
    )


def _crumbs(portfolio: Portfolio) -> list[pages.Crumb]:
    constraints = reverse("manage:constraint-list", args=[portfolio.pk])
    return [*portfolios.crumbs(), (portfolio.name, constraints)]


def _with_new_options(request: Request, form: ConfigForm) -> ConfigForm:
    """Return the form with the options of another parameter, if these were asked for."""
    if "change" in request.POST and isinstance(form, TemplateForm):
        return form.shown_again()
    return form


def _constraint(pk: str, constraint_pk: str) -> Constraint:
    constraints = Constraint.objects.select_related("product", "portfolio")
    return get_object_or_404(constraints, pk=constraint_pk, portfolio=pk)
