"""Regions and launch roles: where runs act, and with which write-only credentials."""

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from catalog.forms.region import LaunchRoleForm, RegionEditForm, RegionForm
from catalog.models import LaunchRole, Region
from catalog.views.manage.products import READ_OR_POST
from console.lib.access import administrator_required, fresh_sign_in_required
from console.lib.forms import refusals_on, render_form
from console.lib.http import Request


@require_safe
@administrator_required
def region_list(request: Request) -> HttpResponse:
    """List regions and launch roles; of credentials only the names."""
    context = {"regions": Region.objects.all(), "roles": LaunchRole.objects.all()}
    return render(request, "manage/region_list.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
@fresh_sign_in_required
def region_create(request: Request) -> HttpResponse:
    """Offer another region."""
    form = RegionForm(request.POST or None)
    if form.is_valid():
        with refusals_on(form):
            region = Region.objects.add(**form.cleaned_data, by=request.user)
            messages.success(request, _("%s has been created.") % region)
            return redirect("manage:region-list")
    return render_form(request, "manage/region_form.html", {"form": form})


@require_http_methods(READ_OR_POST)
@administrator_required
@fresh_sign_in_required
def region_edit(request: Request, pk: str) -> HttpResponse:
    """Change a region; empty credentials keep the stored ones."""
    region = get_object_or_404(Region, pk=pk)
    stored = bool(region.credential_names)
    form = RegionEditForm(request.POST or None, record=region, stored=stored)
    if form.is_valid():
        with refusals_on(form):
            region.edit(**form.cleaned_data, by=request.user)
            messages.success(request, _("%s has been changed.") % region)
            return redirect("manage:region-list")
    region.refresh_from_db()
    context = {"form": form, "region": region, "names": region.credential_names}
    return render_form(request, "manage/region_form.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def region_delete(request: Request, pk: str) -> HttpResponse:
    """Ask, then delete; refused where instances are or were."""
    region = get_object_or_404(Region, pk=pk)
    form = Form(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            region.remove(by=request.user)
            messages.success(request, _("%s has been deleted.") % region)
            return redirect("manage:region-list")
    context = {"form": form, "region": region}
    return render_form(request, "manage/region_delete.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
@fresh_sign_in_required
def launch_role_create(request: Request) -> HttpResponse:
    """Store credentials under a name."""
    form = LaunchRoleForm(request.POST or None)
    if form.is_valid():
        with refusals_on(form):
            role = LaunchRole.objects.add(**form.cleaned_data, by=request.user)
            messages.success(request, _("%s has been created.") % role)
            return redirect("manage:region-list")
    return render_form(request, "manage/launch_role_form.html", {"form": form})


@require_http_methods(READ_OR_POST)
@administrator_required
@fresh_sign_in_required
def launch_role_edit(request: Request, pk: str) -> HttpResponse:
    """Replace the credentials; the name stays, constraints refer to it."""
    role = get_object_or_404(LaunchRole, pk=pk)
    form = LaunchRoleForm(request.POST or None, record=role)
    del form.fields["name"]
    if form.is_valid():
        with refusals_on(form):
            role.edit(**form.cleaned_data, by=request.user)
            messages.success(request, _("%s has been changed.") % role)
            return redirect("manage:region-list")
    context = {"form": form, "role": role, "names": role.credential_names}
    return render_form(request, "manage/launch_role_form.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def launch_role_delete(request: Request, pk: str) -> HttpResponse:
    """Ask, then delete; refused while a launch constraint names the role."""
    role = get_object_or_404(LaunchRole, pk=pk)
    form = Form(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            role.remove(by=request.user)
            messages.success(request, _("%s has been deleted.") % role)
            return redirect("manage:region-list")
    context = {"form": form, "role": role}
    return render_form(request, "manage/launch_role_delete.html", context)
