"""One endpoint, many operations: verify, look up, call, answer in JSON, whatever happens.

The vendor's SDK loses code and status of an error that is not a JSON object, so nothing
leaves here as anything else.
"""

import json
import logging
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import override

from catalog.operations import OPERATIONS as CATALOG
from console.api.authentication import admit, identify
from console.api.call import Call
from console.api.parameters import read
from console.api.signature import read_claim
from console.api.throttle import ThrottledError
from console.lib.errors import DomainError, ForbiddenError, NotFoundError
from console.lib.operation import Operation
from console.lib.request_id import current_request_id
from instances.operations import OPERATIONS as INSTANCES

logger = logging.getLogger("console.api")

VERSION = "2021-09-01"
# Each operation has an address of its own besides the root: a description needs one.
ADDRESS = "/api/"
OPERATIONS: Mapping[str, Operation] = {**CATALOG, **INSTANCES}
# A refusal's status as a page, where the vendor's API has another one.
STATUSES = {409: 400, 422: 400}


class UnavailableError(DomainError):
    """The server cannot answer now, and may a moment later."""

    code = "ServiceUnavailable"
    status = 503


class InternalError(DomainError):
    """A mistake of ours; its words are the vendor's."""

    code = "InternalError"
    status = 500


@dataclass
class Trace:
    """What the request log says of a call: never its parameters."""

    key: str = ""
    action: str = ""
    code: str = "OK"


def answer(request: HttpRequest) -> HttpResponse:
    """Answer one call. Never raises."""
    began, trace = time.perf_counter(), Trace()
    # The words of a refusal are the API's language, not the last browser's.
    with override(settings.LANGUAGE_CODE):
        try:
            response = _json(200, _serve(request, trace))
        except DomainError as error:
            response = _refuse(request, trace, error)
        except (OperationalError, InterfaceError, sqlite3.Error):
            logger.exception("%s could not reach its database", trace.action)
            busy = UnavailableError(_("The service is busy. Try again in a moment."))
            response = _refuse(request, trace, busy)
        except Exception:
            logger.exception("%s failed", trace.action)
            response = _refuse(
                request,
                trace,
                InternalError(_("A system error occurred. Try again later.")),
            )
    _log(trace, (time.perf_counter() - began) * 1000)
    return response


def _serve(request: HttpRequest, trace: Trace) -> dict[str, Any]:
    if settings.HTTPS and not request.is_secure():
        # Not redirected: a client that is would send its next secret in clear as well.
        raise DomainError(
            _("Use HTTPS to call this server."), code="InvalidProtocol.NeedSsl"
        )
    call = Call.of(request)
    claim = read_claim(call)
    check_address(request.path_info, claim.action)
    operation = OPERATIONS.get(claim.action)
    trace.action = claim.action if operation else ""
    key = identify(claim, scoped=operation is None or operation.scoped)
    trace.key = key.pk
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
    """Raise DomainError for an address that names another operation than the signed action."""
    if path.startswith(ADDRESS) and path.removeprefix(ADDRESS).rstrip("/") != action:
        raise DomainError(
            _("The operation in the address does not match x-acs-action: %(action)s.")
            % {"action": action[:80]},
            code="InvalidAction",
        )


def _refuse(request: HttpRequest, trace: Trace, error: DomainError) -> HttpResponse:
    trace.code = error.code
    host = request.META.get("HTTP_HOST", "")[:255]
    page = f"{trace.action}/" if trace.action else ""
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


def _json(status: int, body: Mapping[str, Any]) -> HttpResponse:
    text = json.dumps({"RequestId": current_request_id.get(), **body}).encode()
    response = HttpResponse(text, status=status, content_type="application/json")
    response["Content-Length"] = str(len(text))
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    # A call has one line in the log, and that is ours.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _log(trace: Trace, milliseconds: float) -> None:
    """Write the call's one line; what could not be verified is left out."""
    logger.info(
        '{"request": "%s", "key": "%s", "action": "%s", "code": "%s", "ms": %.1f}',
        current_request_id.get(),
        trace.key,
        trace.action,
        trace.code,
        milliseconds,
    )
