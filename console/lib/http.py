"""The typed request of a view behind sign-in."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from console.lib.users import User


class Request(HttpRequest):
    """A request behind sign-in: the user is never anonymous."""

    user: User
    htmx: HtmxDetails
    id: str
