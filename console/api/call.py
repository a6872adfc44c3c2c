"""An API request as received: read once, decoded strictly, never rewritten.

The vendor's SDKs send parameters as a flat form: a list of objects becomes names such
as `Tags.1.Key`. OpenAPI cannot describe such names, so clients that are generated from
the OpenAPI document send the same parameters as a JSON body. The JSON is converted to
the flat names here, so that all other code reads one form.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn, Self
from urllib.parse import parse_qsl

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from django.utils.translation import gettext as _

from console.lib.errors import DomainError

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MAX_FIELDS = 2000
Pairs = dict[str, str]


class RequestTooLargeError(DomainError):
    """The body is larger than any operation needs."""

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
        """Read the call from a request without using its Host header.

        Raises RequestTooLargeError, and DomainError if the body is incomplete.
        """
        try:
            body = request.body
        except RequestDataTooBig as error:
            raise RequestTooLargeError(
                _("The request is too large. A template can be up to 524,288 bytes.")
            ) from error
        except UnreadablePostError as error:
            raise DomainError(
                _("The request body could not be read. Send the request again.")
            ) from error
        return cls(
            method=request.method or "",
            raw_query=_text(request.META.get("QUERY_STRING", "")),
            body=body,
            headers=_headers(request),
        )

    @cached_property
    def query(self) -> Pairs:
        """The parameters of the query string. Raises DomainError if it cannot be decoded."""
        return _pairs(self.raw_query)

    @cached_property
    def form(self) -> Pairs:
        """The parameters of the body. Raises DomainError if it cannot be decoded."""
        if not self.body:
            return {}
        if self.content_type == JSON:
            return _json_pairs(self.body)
        if self.content_type != FORM:
            raise DomainError(
                _("Send the parameters as %(form)s or %(json)s.")
                % {"form": FORM, "json": JSON},
                code="InvalidContentType",
            )
        try:
            return _pairs(self.body.decode("ascii"))
        except UnicodeDecodeError as error:
            raise _unreadable() from error

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @cached_property
    def parameters(self) -> Pairs:
        """The parameters of query and body. Raises DomainError if a name is in both."""
        for name in self.query.keys() & self.form.keys():
            raise _duplicate(name)
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
    """Decode the UTF-8 bytes that WSGI passes on as Latin-1."""
    if value.isascii():
        return value
    return value.encode("latin-1", "replace").decode("utf-8", "replace")


def _pairs(text: str) -> Pairs:
    if not text:
        return {}
    try:
        found = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise _unreadable() from error
    return _check_pairs(found)


def _check_pairs(found: list[tuple[str, str]]) -> Pairs:
    pairs = dict(found)
    if len(pairs) < len(found):
        names = [name for name, _value in found]
        raise _duplicate(next(name for name in names if names.count(name) > 1))
    if "\0" in "".join(pairs.values()):
        raise DomainError(_("A parameter contains a NUL character. Remove it."))
    return pairs


def _json_pairs(body: bytes) -> Pairs:
    """Convert a JSON object to flat names; numbers keep their decimal text."""
    try:
        sent = json.loads(
            body.decode(),
            object_pairs_hook=_unique_names,
            parse_int=str,
            parse_float=str,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise _not_json() from error
    if not isinstance(sent, dict):
        raise _not_json()
    found = list(_flat(sent))
    if len(found) > MAX_FIELDS:
        raise _unreadable()
    try:
        # JSON can contain a lone surrogate, which neither UTF-8 nor a database can store.
        "".join(text for pair in found for text in pair).encode()
    except UnicodeEncodeError as error:
        raise _not_json() from error
    return _check_pairs(found)


def _flat(sent: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the pairs that a form would contain. A parameter with null is left out."""
    for name, value in sent.items():
        if isinstance(value, list):
            if not value:
                yield name, ""
            for number, entry in enumerate(value, 1):
                yield from _entry(f"{name}.{number}", entry)
        elif isinstance(value, dict):
            yield name, json.dumps(value, ensure_ascii=False)
        elif value is not None:
            yield name, _scalar(name, value)


def _entry(path: str, entry: object) -> Iterator[tuple[str, str]]:
    if not isinstance(entry, dict):
        raise DomainError(
            _("%(path)s must be a JSON object.") % {"path": path[:120]},
        )
    for field, value in entry.items():
        if value is not None:
            yield f"{path}.{field}", _scalar(f"{path}.{field}", value)


def _scalar(path: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    raise DomainError(
        _("%(path)s must be text, a number, true, or false.") % {"path": path[:120]}
    )


def _unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        raise _duplicate(next(name for name in names if names.count(name) > 1))
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _not_json() -> DomainError:
    return DomainError(
        _(
            "The request body cannot be read. Send the parameters as a single JSON "
            "object in UTF-8."
        )
    )


def _duplicate(name: str) -> DomainError:
    return DomainError(
        _("The parameter %(name)s is specified more than once. Specify it once.")
        % {"name": name[:80]}
    )


def _unreadable() -> DomainError:
    return DomainError(
        _(
            "The parameters cannot be read. Send up to %(most)d parameters, "
            "percent-encoded in UTF-8."
        )
        % {"most": MAX_FIELDS}
    )
