"""Pages for the versions of a product: their templates, files and differences."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from catalog.forms.product import VersionForm
from catalog.forms.template_source import SourceForm
from catalog.models import Product, Version
from catalog.views.manage.parameter_table import rows_of
from catalog.views.manage.products import crumbs
from catalog.views.manage.version_diff import compare
from console.lib import record_pages as pages
from console.lib.access import administrator_required
from console.lib.forms import refusals_on, seen_in
from console.lib.htmx import redirect_back
from console.lib.http import Request

DOCUMENT = "template"


def version_for(product_pk: str, pk: str) -> Version:
    """Return a version by its product's ID and its own, or raise Http404."""
    versions = Version.objects.select_related("product", "template")
    return get_object_or_404(
        versions, pk=pk, product=product_pk, product__removed_at=None
    )


@pages.administrator_form
def version_create(request: Request, pk: str) -> HttpResponse:
    """Create a version; errors in its template are shown with file and line."""
    product = get_object_or_404(Product, pk=pk)
    form = SourceForm(
        request.POST or None,
        request.FILES or None,
        product=product,
        initial=_start(product, request.GET.get("from", "")),
    )
    if form.is_valid():
        with refusals_on(form), transaction.atomic():
            version = Version.objects.publish(
                product=product,
                template=form.template(request.user),
                **form.verb_values(),
                checked_first=True,
                by=request.user,
            )
            messages.success(request, _("Version %s has been created.") % version)
            return redirect("manage:version-detail", product.pk, version.pk)
    title = _("Create new version")
    return pages.form_page(
        request,
        form,
        title,
        crumbs=crumbs(product),
        action=title,
        template="manage/version_create.html",
        product=product,
    )


def _start(product: Product, pk: str) -> dict[str, str]:
    """Return the initial values for a new version that starts from another one."""
    source = SourceForm.Source
    version = product.versions.select_related("template").filter(pk=pk).first()
    if version is None:
        return {}
    if version.template.body:
        return {"source": source.DOCUMENT, "document": version.template.body}
    return {"source": source.VERSION, "previous": version.pk}


@require_safe
@administrator_required
def version_detail(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Show a version and the parameters of its template."""
    version = version_for(pk, version_pk)
    rows = rows_of(version.template.schema)
    context = {
        "version": version,
        "rows": rows,
        "tab": "detail",
        "check": version.checks.first(),
    }
    return render(request, "manage/version_detail.html", context)


@require_safe
@administrator_required
def version_check(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Return 204 while the check is running, then let the browser load the page again."""
    check = version_for(pk, version_pk).checks.first()
    if check and check.running:
        return HttpResponse(status=204)
    return HttpResponseClientRefresh()


@require_POST
@administrator_required
def version_recheck(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Check the version again, for example when a provider has become available."""
    version = version_for(pk, version_pk)
    version.queue_check(by=request.user)
    return redirect("manage:version-detail", pk, version.pk)


@require_POST
@administrator_required
def version_activate(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Activate a version regardless of its check."""
    version = version_for(pk, version_pk)
    version.switch(active=True, by=request.user, seen=seen_in(request))
    messages.success(request, _("Version %s is now active.") % version)
    return redirect("manage:version-detail", pk, version.pk)


@require_safe
@administrator_required
def version_files(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """List the files of the template, and show one of them with line numbers."""
    version = version_for(pk, version_pk)
    files = version.template.files
    if version.template.body:
        files = {DOCUMENT: version.template.body, **files}
    name = request.GET.get("file") or next(iter(sorted(files)), "")
    if name not in files:
        raise Http404
    context = {
        "version": version,
        "names": sorted(files),
        "name": name,
        "lines": files[name].splitlines(),
        "tab": "files",
    }
    return render(request, "manage/version_files.html", context)


@require_safe
@administrator_required
def version_download(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Download the template in the format in which it can be uploaded."""
    version = version_for(pk, version_pk)
    suffix, content = version.template.download()
    headers = {"Content-Disposition": f'attachment; filename="{version.pk}.{suffix}"'}
    return HttpResponse(
        content, content_type="application/octet-stream", headers=headers
    )


@require_safe
@administrator_required
def version_compare(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Show the differences to another version in parameters and files."""
    version = version_for(pk, version_pk)
    others = version.product.versions.exclude(pk=version.pk)
    older = others.filter(created_at__lt=version.created_at).first()
    wanted = request.GET.get("with") or (older.pk if older else "")
    other = others.select_related("template").filter(pk=wanted).first()
    context = {
        "version": version,
        "others": others,
        "other": other,
        "comparison": compare(other.template, version.template) if other else None,
        "tab": "compare",
    }
    return render(request, "manage/version_compare.html", context)


@pages.administrator_form
def version_edit(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Change everything but the template, which is immutable."""
    version = version_for(pk, version_pk)
    form = VersionForm(request.POST or None, record=version)
    if version.waits_for_check:
        # The check activates the version; the panel of the check can overrule it.
        del form.fields["active"]
    changed = _("Version %s has been changed.")
    if pages.perform(request, form, version.edit, version, message=changed):
        return redirect_back(request, "manage:version-detail", pk, version.pk)
    stored = version_for(pk, version_pk)
    title = _("Edit version")
    return pages.form_page(request, form, title, crumbs=_crumbs(stored))


@pages.administrator_form
def version_delete(request: Request, pk: str, version_pk: str) -> HttpResponse:
    version = version_for(pk, version_pk)
    return pages.confirm_page(
        request,
        version,
        _("Delete version"),
        _(
            "Users can no longer launch this version or update to it. A version that is "
            "in use cannot be deleted."
        ),
        crumbs=_crumbs(version),
        message=_("Version %s has been deleted.") % version,
        done=reverse("manage:product-detail", args=[pk]),
    )


def _crumbs(version: Version) -> list[pages.Crumb]:
    own = reverse("manage:version-detail", args=[version.product_id, version.pk])
    return [*crumbs(version.product), (version.name, own)]
