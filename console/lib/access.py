"""Decorators that restrict views to administrators or to a recent sign-in."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from console.lib.http import Request
from console.lib.users import is_administrator

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
V = TypeVar("V", bound=Callable[..., HttpResponseBase])


def administrator_required(
    view: Callable[Concatenate[Request, P], R],
) -> Callable[Concatenate[HttpRequest, P], R]:
    """Show the page to administrators; all other users get 404."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> R:
        if not is_administrator(request.user):
            raise Http404
        return view(cast(Request, request), *args, **kwargs)

    return cast(Callable[Concatenate[HttpRequest, P], R], guarded)


def fresh_sign_in_required(view: V) -> V:
    """Require reauthentication if the last sign-in was a while ago."""
    return cast(V, reauthentication_required(view))
