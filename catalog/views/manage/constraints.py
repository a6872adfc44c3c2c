"""Constraints of a portfolio: a readable form for each type."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from catalog.forms.constraints import CONFIG_FORMS, ConfigForm, TemplateForm
from catalog.models import Constraint, Portfolio, Product
from catalog.views.manage.products import READ_OR_POST
from console.lib.access import administrator_required
from console.lib.forms import refusals_on, render_form
from console.lib.http import Request
from console.lib.pagination import page_size, paginate


@require_safe
@administrator_required
def constraint_list(request: Request, pk: str) -> HttpResponse:
    """Show the constraints, and the way to another one."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    page = paginate(
        portfolio.constraints.select_related("product"),
        cursor=request.GET.get("cursor", ""),
        size=page_size(request.GET.get("size", "")),
    )
    context: dict[str, Any] = {
        "portfolio": portfolio,
        "page": page,
        "products": portfolio.products.order_by("name", "pk")[:200],
        "kinds": Constraint.Kind.choices,
        "chosen": request.GET.get("product", ""),
        "tab": "constraints",
    }
    return render(request, "manage/constraint_list.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def constraint_create(request: Request, pk: str) -> HttpResponse:
    """Limit a product of the portfolio; product and type are chosen before."""
    portfolio = get_object_or_404(Portfolio, pk=pk)
    wanted = request.GET.get("product", "")
    product: Product = get_object_or_404(portfolio.products, pk=wanted)
    kind = request.GET.get("kind", "")
    if kind not in CONFIG_FORMS:
        raise Http404
    form = CONFIG_FORMS[kind](request.POST or None, product=product, config={})
    form = _followed(request, form)
    if form.is_valid():
        with refusals_on(form):
            Constraint.objects.impose(
                kind=kind,
                portfolio=portfolio,
                product=product,
                **form.about,
                by=request.user,
            )
            messages.success(request, _("The constraint has been created."))
            return redirect("manage:constraint-list", portfolio.pk)
    context = {"portfolio": portfolio, "product": product, "form": form}
    context["kind"] = Constraint.Kind(kind)
    return render_form(request, "manage/constraint_form.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def constraint_edit(request: Request, pk: str, constraint_pk: str) -> HttpResponse:
    """Change a constraint's limits; its type, product and portfolio stay."""
    constraint = _constraint(pk, constraint_pk)
    form = CONFIG_FORMS[constraint.kind](
        request.POST or None,
        product=constraint.product,
        config=constraint.config,
        record=constraint,
    )
    form = _followed(request, form)
    if form.is_valid():
        with refusals_on(form):
            constraint.edit(**form.about, by=request.user)
            messages.success(request, _("The constraint has been changed."))
            return redirect("manage:constraint-list", pk)
    context = {
        "portfolio": constraint.portfolio,
        "product": constraint.product,
        "constraint": constraint,
        "kind": Constraint.Kind(constraint.kind),
        "form": form,
    }
    return render_form(request, "manage/constraint_form.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def constraint_delete(request: Request, pk: str, constraint_pk: str) -> HttpResponse:
    """Ask, then lift the constraint."""
    constraint = _constraint(pk, constraint_pk)
    if request.method == "POST":
        constraint.remove(by=request.user)
        messages.success(request, _("The constraint has been deleted."))
        return redirect("manage:constraint-list", pk)
    context = {"portfolio": constraint.portfolio, "constraint": constraint}
    return render(request, "manage/constraint_delete.html", context)


def _followed(request: Request, form: ConfigForm) -> ConfigForm:
    """Return the form to go on with: unjudged where only other options were asked for."""
    if "change" in request.POST and isinstance(form, TemplateForm):
        return form.shown_again()
    return form


def _constraint(pk: str, constraint_pk: str) -> Constraint:
    constraints = Constraint.objects.select_related("product", "portfolio")
    return get_object_or_404(constraints, pk=constraint_pk, portfolio=pk)
