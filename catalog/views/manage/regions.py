"""Pages for regions and launch roles, whose credentials are write-only."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalog.forms.region import LaunchRoleForm, RegionEditForm, RegionForm
from catalog.models import LaunchRole, Region
from console.lib import record_pages as pages
from console.lib.access import administrator_required, fresh_sign_in_required
from console.lib.htmx import redirect_back
from console.lib.http import Request

REGION_FORM = "manage/region_form.html"
LAUNCH_ROLE_FORM = "manage/launch_role_form.html"


def _crumbs() -> list[pages.Crumb]:
    return [(_("Regions"), reverse("manage:region-list"))]


@require_safe
@administrator_required
def region_list(request: Request) -> HttpResponse:
    """List the regions and the launch roles, with the names of their credentials."""
    context = {"regions": Region.objects.all(), "roles": LaunchRole.objects.all()}
    return render(request, "manage/region_list.html", context)


@pages.administrator_form
@fresh_sign_in_required
def region_create(request: Request) -> HttpResponse:
    form = RegionForm(request.POST or None)
    if pages.perform(request, form, Region.objects.add):
        return redirect_back(request, "manage:region-list")
    title = _("Create region")
    return pages.form_page(request, form, title, crumbs=_crumbs(), template=REGION_FORM)


@pages.administrator_form
@fresh_sign_in_required
def region_edit(request: Request, pk: str) -> HttpResponse:
    """Change a region; credentials that are left empty are kept."""
    region = get_object_or_404(Region, pk=pk)
    stored = bool(region.credential_names)
    form = RegionEditForm(request.POST or None, record=region, stored=stored)
    if pages.perform(request, form, region.edit, region):
        return redirect_back(request, "manage:region-list")
    region.refresh_from_db()
    return pages.form_page(
        request,
        form,
        str(region),
        crumbs=_crumbs(),
        template=REGION_FORM,
        region=region,
        names=region.credential_names,
    )


@pages.administrator_form
def region_delete(request: Request, pk: str) -> HttpResponse:
    region = get_object_or_404(Region, pk=pk)
    text = _(
        "The credentials of this region are also deleted. A region that has or had "
        "instances cannot be deleted."
    )
    return pages.confirm_page(
        request, region, _("Delete region"), text, crumbs=_crumbs()
    )


@pages.administrator_form
@fresh_sign_in_required
def launch_role_create(request: Request) -> HttpResponse:
    form = LaunchRoleForm(request.POST or None)
    if pages.perform(request, form, LaunchRole.objects.add):
        return redirect_back(request, "manage:region-list")
    title = _("Create launch role")
    return pages.form_page(
        request, form, title, crumbs=_crumbs(), template=LAUNCH_ROLE_FORM
    )


@pages.administrator_form
@fresh_sign_in_required
def launch_role_edit(request: Request, pk: str) -> HttpResponse:
    """Replace the credentials. The name stays, because constraints refer to it."""
    role = get_object_or_404(LaunchRole, pk=pk)
    form = LaunchRoleForm(request.POST or None, record=role)
    del form.fields["name"]
    if pages.perform(request, form, role.edit, role):
        return redirect_back(request, "manage:region-list")
    return pages.form_page(
        request,
        form,
        role.name,
        crumbs=_crumbs(),
        template=LAUNCH_ROLE_FORM,
        role=role,
        names=role.credential_names,
    )


@pages.administrator_form
def launch_role_delete(request: Request, pk: str) -> HttpResponse:
    role = get_object_or_404(LaunchRole, pk=pk)
    text = _(
        "The credentials of this launch role are also deleted. A launch role that is "
        "used by a launch constraint cannot be deleted."
    )
    return pages.confirm_page(
        request, role, _("Delete launch role"), text, crumbs=_crumbs()
    )
