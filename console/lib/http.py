"""The type of requests in views that require sign-in."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from console.lib.users import User


class Request(HttpRequest):
    """A request of a signed-in user."""

    user: User
    htmx: HtmxDetails
    id: str
