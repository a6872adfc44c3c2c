"""Page of users, with the products they can launch and the instances they own."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from catalog.filters import UserFilter
from catalog.launch_access import summarize_users, with_owned
from console.lib.access import administrator_required
from console.lib.htmx import render_page
from console.lib.http import Request
from console.lib.pagination import capped_count
from console.lib.users import User

PAGE_SIZE = 20


@require_safe
@administrator_required
def user_list(request: Request) -> HttpResponse:
    """List users by login name."""
    found = UserFilter(request.GET, User.objects.all()).qs
    after = request.GET.get("after", "")
    shown = found.filter(username__gt=after) if after else found
    shown = with_owned(shown.with_administrator()).prefetch_related("groups")
    users = list(shown.order_by("username")[: PAGE_SIZE + 1])
    context = {
        "rows": summarize_users(users[:PAGE_SIZE]),
        "next": users[PAGE_SIZE - 1].username if len(users) > PAGE_SIZE else "",
        "count": capped_count(found),
        "after": after,
        "q": request.GET.get("q", "").strip(),
    }
    return render_page(
        request, "manage/people.html", context, fragment="manage/_people_table.html"
    )
