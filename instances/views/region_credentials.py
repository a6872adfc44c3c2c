"""*Test credentials*: an empty plan with the credentials of a region."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from catalog.models import Region
from console.lib.access import administrator_required
from console.lib.htmx import render_page, wants_fragment
from console.lib.http import Request
from instances.models import Check


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
def region_test(request: Request, pk: str) -> HttpResponse:
    """Start a test, and show the result of the last one."""
    region = get_object_or_404(Region, pk=pk)
    if request.method == "POST":
        Check.objects.ask(region, by=request.user)
        return redirect("instances:region-test", pk)
    check = region.checks.first()
    if check and check.running and wants_fragment(request):
        return HttpResponse(status=204)
    return render_page(
        request,
        "manage/region_test.html",
        {"region": region, "check": check},
        fragment="manage/_region_test.html",
    )
