"""Pages of notices: events of plans that the user owns or can approve."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from console.lib.htmx import render_page
from console.lib.http import Request
from console.lib.pagination import page_size, paginate
from instances.models import Notice, notice_for


@require_safe
def notice_list(request: Request) -> HttpResponse:
    notices = Notice.objects.filter(recipient=request.user).select_related("plan")
    rows = notices.only("kind", "created_at", "read_at", "plan__name")
    size = page_size(request.GET.get("size", ""))
    page = paginate(rows, cursor=request.GET.get("cursor", ""), size=size)
    return render_page(
        request,
        "instances/notice_list.html",
        {"page": page},
        fragment="instances/_notice_table.html",
    )


@require_POST
def notice_open(request: Request, pk: int) -> HttpResponse:
    """Mark the notice as read, and redirect to its plan."""
    notice = notice_for(request.user, pk)
    Notice.objects.filter(pk=notice.pk).mark_read()
    return redirect(notice.plan)


@require_POST
def notices_read(request: Request) -> HttpResponse:
    Notice.objects.filter(recipient=request.user).mark_read()
    return redirect("instances:notice-list")
