"""A call as it came over the wire: read once, decoded strictly, nothing rewritten."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self
from urllib.parse import parse_qsl

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from django.utils.translation import gettext as _

from console.lib.errors import DomainError

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 2000
Pairs = dict[str, str]


class TooLarge(DomainError):
    """More bytes than any operation needs."""

    code = "RequestEntityTooLarge"
    status = 413


@dataclass(frozen=True)
class Call:
    """Method, raw query, raw body, and headers by lower-case name."""

    method: str
    raw_query: str
    body: bytes
    headers: dict[str, str]

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Take the call out of a request, before anything looks at its Host header.

        Raises TooLarge, and DomainError when the body did not arrive.
        """
        try:
            body = request.body
        except RequestDataTooBig as error:
            raise TooLarge(
                _("The request is too large. A template has at most 524,288 bytes.")
            ) from error
        except UnreadablePostError as error:
            raise DomainError(
                _("The body could not be read. Send it again.")
            ) from error
        return cls(
            method=request.method or "",
            raw_query=_text(request.META.get("QUERY_STRING", "")),
            body=body,
            headers=_headers(request),
        )

    @cached_property
    def query(self) -> Pairs:
        """The query's parameters. Raises DomainError for one that cannot be read."""
        return _pairs(self.raw_query)

    @cached_property
    def form(self) -> Pairs:
        """The body's parameters. Raises DomainError for a body that is not a form."""
        if not self.body:
            return {}
        if self.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
            raise DomainError(
                _("Send the parameters as %(type)s.") % {"type": FORM},
                code="InvalidContentType",
            )
        try:
            return _pairs(self.body.decode("ascii"))
        except UnicodeDecodeError as error:
            raise _unreadable() from error

    @cached_property
    def parameters(self) -> Pairs:
        """Query and form merged. Raises DomainError when both have a name."""
        for name in self.query.keys() & self.form.keys():
            raise _twice(name)
        return {**self.query, **self.form}


def _headers(request: HttpRequest) -> dict[str, str]:
    headers = {
        name[5:].replace("_", "-").lower(): _text(value)
        for name, value in request.META.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if request.META.get(name):
            headers[name.replace("_", "-").lower()] = _text(str(request.META[name]))
    return headers


def _text(value: str) -> str:
    """Undo WSGI's latin-1: what was sent is UTF-8."""
    if value.isascii():
        return value
    return value.encode("latin-1", "replace").decode("utf-8", "replace")


def _pairs(text: str) -> Pairs:
    if not text:
        return {}
    try:
        found = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise _unreadable() from error
    pairs = dict(found)
    if len(pairs) < len(found):
        names = [name for name, _value in found]
        raise _twice(next(name for name in names if names.count(name) > 1))
    if "\0" in "".join(pairs.values()):
        raise DomainError(_("A parameter contains a NUL character. Remove it."))
    return pairs


def _twice(name: str) -> DomainError:
    return DomainError(
        _("The parameter %(name)s is given twice. Send it once.") % {"name": name[:80]}
    )


def _unreadable() -> DomainError:
    return DomainError(
        _(
            "The parameters cannot be read: send at most %(most)d of them, "
            "percent-encoded in UTF-8."
        )
        % {"most": MOST_FIELDS}
    )
