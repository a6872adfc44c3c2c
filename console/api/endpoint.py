"""The single endpoint of the API: authenticate, look up the operation, run it, answer in JSON.

The vendor's SDK loses code and status of an error that is not a JSON object, so every
answer is one, errors of the server included.
"""

import json
import logging
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import override

from catalog.operations import OPERATIONS as CATALOG
from console.api.authentication import admit, authenticate
from console.api.call import Call
from console.api.parameters import read
from console.api.signature import read_claim
from console.api.throttle import ThrottledError
from console.lib.errors import DomainError, ForbiddenError, NotFoundError
from console.lib.operation import Answer, Operation
from console.lib.request_id import current_request_id
from instances.operations import OPERATIONS as INSTANCES

logger = logging.getLogger("console.api")

VERSION = "2021-09-01"
# Below it each operation has a URL of its own, for clients generated from OpenAPI.
ADDRESS = "/api/"
OPERATIONS: Mapping[str, Operation] = {**CATALOG, **INSTANCES}
# HTTP statuses of errors where those of the API and of pages differ.
STATUSES = {409: 400, 422: 400}


class UnavailableError(DomainError):
    """A temporary failure, such as a busy database. The client can retry."""

    code = "ServiceUnavailable"
    status = 503


class InternalError(DomainError):
    """An unexpected exception. Code and message are those of the vendor."""

    code = "InternalError"
    status = 500


@dataclass
class RequestLog:
    """The fields of a request's log line. Parameters are never logged."""

    key: str = ""
    action: str = ""
    code: str = "OK"


def answer(request: HttpRequest) -> HttpResponse:
    """Return the response to one API request. Never raises."""
    began, entry = time.perf_counter(), RequestLog()
    # Messages are in the language of the API, not of the last page request.
    with override(settings.LANGUAGE_CODE):
        try:
            response = _json(200, _serve(request, entry))
        except DomainError as error:
            response = _refuse(request, entry, error)
        except (OperationalError, InterfaceError, sqlite3.Error):
            logger.exception("%s could not reach its database", entry.action)
            busy = UnavailableError(_("The service is busy. Try again in a moment."))
            response = _refuse(request, entry, busy)
        except Exception:
            logger.exception("%s failed", entry.action)
            response = _refuse(
                request,
                entry,
                InternalError(_("A system error occurred. Try again later.")),
            )
    _log(entry, (time.perf_counter() - began) * 1000)
    return response


def _serve(request: HttpRequest, entry: RequestLog) -> Answer:
    if settings.HTTPS and not request.is_secure():
        # No redirect: the client would send its next request in clear as well.
        raise DomainError(
            _("Use HTTPS to call this server."), code="InvalidProtocol.NeedSsl"
        )
    call = Call.of(request)
    claim = read_claim(call)
    check_address(request.path_info, claim.action)
    operation = OPERATIONS.get(claim.action)
    entry.action = claim.action if operation else ""
    key = authenticate(claim, with_role=operation is None or operation.scoped)
    entry.key = key.pk
    admit(key, claim)
    if claim.version != VERSION:
        raise DomainError(
            _("This server supports API version %(version)s only.")
            % {"version": VERSION},
            code="InvalidVersion",
        )
    if operation is None:
        raise NotFoundError(
            _(
                "The operation %(action)s does not exist. Operation names are case-sensitive."
            )
            % {"action": claim.action[:80]},
            code="InvalidApi.NotFound",
        )
    if operation.administrators and not key.user.is_administrator:
        raise ForbiddenError(_("Only administrators can perform this operation."))
    return operation.run(read(operation.parameters, call.parameters), key.user)


def check_address(path: str, action: str) -> None:
    """Raise DomainError if the URL names another operation than the signed action."""
    if path.startswith(ADDRESS) and path.removeprefix(ADDRESS).rstrip("/") != action:
        raise DomainError(
            _("The operation in the address does not match x-acs-action: %(action)s.")
            % {"action": action[:80]},
            code="InvalidAction",
        )


def _refuse(
    request: HttpRequest, entry: RequestLog, error: DomainError
) -> HttpResponse:
    entry.code = error.code
    host = request.META.get("HTTP_HOST", "")[:255]
    page = f"{entry.action}/" if entry.action else ""
    body = {
        "HostId": host,
        "Code": error.code,
        "Message": " ".join(filter(None, (str(error), str(error.hint)))),
        "Recommend": f"{request.scheme}://{host}/docs/api/{page}",
    }
    response = _json(STATUSES.get(error.status, error.status), body)
    if isinstance(error, ThrottledError):
        response["x-acs-retry-after"] = str(error.retry_after)
    return response


def _json(status: int, body: Mapping[str, object]) -> HttpResponse:
    text = json.dumps({"RequestId": current_request_id.get(), **body}).encode()
    response = HttpResponse(text, status=status, content_type="application/json")
    response["Content-Length"] = str(len(text))
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    # Skip Django's own log line: each request has exactly one.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _log(entry: RequestLog, milliseconds: float) -> None:
    """Write one log line. Values that were not authenticated are left out."""
    logger.info(
        '{"request": "%s", "key": "%s", "action": "%s", "code": "%s", "ms": %.1f}',
        current_request_id.get(),
        entry.key,
        entry.action,
        entry.code,
        milliseconds,
    )
