"""Versions of a product: publishing, looking into the template, comparing, trying."""

from django.contrib import messages
from django.db import transaction
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)
from django_htmx.http import HttpResponseClientRefresh

from catalog.forms.product import VersionForm
from catalog.forms.template_source import SourceForm
from catalog.models import Product, Version
from catalog.views.manage.parameter_table import rows_of
from catalog.views.manage.products import READ_OR_POST
from catalog.views.manage.version_diff import compare
from console.lib.access import administrator_required
from console.lib.forms import refusals_on, render_form, seen_in
from console.lib.http import Request

DOCUMENT = "template"


def version_for(product_pk: str, pk: str) -> Version:
    """Return a version by its product's ID and its own, or raise Http404."""
    versions = Version.objects.select_related("product", "template")
    return get_object_or_404(
        versions, pk=pk, product=product_pk, product__removed_at=None
    )


@require_http_methods(READ_OR_POST)
@administrator_required
def version_create(request: Request, pk: str) -> HttpResponse:
    """Publish a version; problems of the template are shown with file and line."""
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
                **form.about,
                checked_first=True,
                by=request.user,
            )
            messages.success(request, _("Version %s has been created.") % version)
            return redirect("manage:version-detail", product.pk, version.pk)
    context = {"form": form, "product": product}
    return render_form(request, "manage/version_create.html", context)


def _start(product: Product, pk: str) -> dict[str, str]:
    """What the form shows at first: the document of the version it starts from."""
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
    """Show a version and what its template asks for."""
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
    """Answer 204 while the check runs; at its end the whole page is another."""
    check = version_for(pk, version_pk).checks.first()
    if check and check.running:
        return HttpResponse(status=204)
    return HttpResponseClientRefresh()


@require_POST
@administrator_required
def version_recheck(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Check once more: a provider may have become available."""
    version = version_for(pk, version_pk)
    version.queue_check(by=request.user)
    return redirect("manage:version-detail", pk, version.pk)


@require_POST
@administrator_required
def version_activate(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Offer a version to end users in spite of what its check has found."""
    version = version_for(pk, version_pk)
    version.switch(active=True, by=request.user, seen=seen_in(request))
    messages.success(request, _("Version %s is now active.") % version)
    return redirect("manage:version-detail", pk, version.pk)


@require_safe
@administrator_required
def version_files(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Show the template's files, one of them with line numbers."""
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
    """The template as a file, in the form in which a new version takes it."""
    version = version_for(pk, version_pk)
    suffix, content = version.template.packed()
    headers = {"Content-Disposition": f'attachment; filename="{version.pk}.{suffix}"'}
    return HttpResponse(
        content, content_type="application/octet-stream", headers=headers
    )


@require_safe
@administrator_required
def version_compare(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Show what changed since another version: in parameters and in files."""
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


@require_http_methods(READ_OR_POST)
@administrator_required
def version_edit(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Change everything but the template, which never changes."""
    version = version_for(pk, version_pk)
    form = VersionForm(request.POST or None, record=version)
    if version.waits_for_check:
        # Its check decides; the panel of the check has the button to overrule it.
        del form.fields["active"]
    if form.is_valid():
        with refusals_on(form):
            version.edit(**form.cleaned_data, by=request.user)
            messages.success(request, _("Version %s has been changed.") % version)
            return redirect("manage:version-detail", pk, version.pk)
    context = {"form": form, "version": version_for(pk, version_pk)}
    return render_form(request, "manage/version_edit.html", context)


@require_http_methods(READ_OR_POST)
@administrator_required
def version_delete(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Ask, then delete; a refusal names the instances that run it."""
    version = version_for(pk, version_pk)
    form = Form(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with refusals_on(form):
            version.remove(by=request.user)
            messages.success(request, _("Version %s has been deleted.") % version)
            return redirect("manage:product-detail", pk)
    context = {"form": form, "version": version}
    return render_form(request, "manage/version_delete.html", context)
