"""Signatures: ACS3-HMAC-SHA256, which the vendor's SDKs send, and the older RPC form.

Signatures are computed from decoded values, because clients escape differently, and
with the canonical URI `/` at any URL: the SDK signs `/` even when it requests
`/openapi/`. The Host header is used as sent: a client configured with a URL as its
endpoint sends one that is not a host name.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import quote

from django.utils.translation import gettext as _

from console.api.call import FORM, Call
from console.lib.errors import DomainError

ALGORITHM = "ACS3-HMAC-SHA256"
WINDOW = timedelta(minutes=15)
REQUIRED = frozenset(
    {
        "host",
        "x-acs-action",
        "x-acs-content-sha256",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-version",
    }
)
AUTHORIZATION = re.compile(
    rf"{ALGORITHM} +Credential=(?P<key>[!-+\--~]+), *"
    r"SignedHeaders=(?P<headers>[a-z0-9;_-]+), *Signature=(?P<signature>[0-9a-f]+)"
)
RPC_FIXED = {"SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0"}
RPC_REQUIRED = ("Signature", "AccessKeyId", "SignatureNonce", "Timestamp", "Version")
MAX_NONCE_LENGTH = 128


class Claim(Protocol):
    """A signed request before authentication: key ID, action, time, nonce and signature."""

    @property
    def key_id(self) -> str: ...

    @property
    def action(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def nonce(self) -> str: ...

    @property
    def date(self) -> str: ...

    @property
    def sent_signature(self) -> str: ...

    def string_to_sign(self) -> str:
        """Return the text that the signature is the HMAC of."""
        ...

    def signature(self, secret: str) -> str:
        """Return the expected signature for this secret."""
        ...


@dataclass(frozen=True)
class HeaderClaim:
    """A request signed with ACS3-HMAC-SHA256 in its Authorization header."""

    call: Call
    key_id: str
    signed: str
    sent_signature: str

    @property
    def action(self) -> str:
        return self.call.headers["x-acs-action"]

    @property
    def version(self) -> str:
        return self.call.headers["x-acs-version"]

    @property
    def nonce(self) -> str:
        return self.call.headers["x-acs-signature-nonce"]

    @property
    def date(self) -> str:
        return self.call.headers["x-acs-date"]

    def string_to_sign(self) -> str:
        digest = hashlib.sha256(self._canonical().encode()).hexdigest()
        return f"{ALGORITHM}\n{digest}"

    def signature(self, secret: str) -> str:
        text = self.string_to_sign().encode()
        return hmac.digest(secret.encode(), text, "sha256").hex()

    def _canonical(self) -> str:
        headers = self.call.headers
        lines = [f"{name}:{headers[name].strip()}\n" for name in self.signed.split(";")]
        parts = (
            self.call.method,
            "/",
            _query(self.call.query),
            "".join(lines),
            self.signed,
            hashlib.sha256(self.call.body).hexdigest(),
        )
        return "\n".join(parts)


@dataclass(frozen=True)
class ParameterClaim:
    """A request signed in the older RPC form: HMAC-SHA1 over all its parameters."""

    call: Call
    key_id: str
    sent_signature: str

    @property
    def action(self) -> str:
        return self.call.parameters.get("Action", "")

    @property
    def version(self) -> str:
        return self.call.parameters["Version"]

    @property
    def nonce(self) -> str:
        return self.call.parameters["SignatureNonce"]

    @property
    def date(self) -> str:
        return self.call.parameters["Timestamp"]

    def string_to_sign(self) -> str:
        pairs = {k: v for k, v in self.call.parameters.items() if k != "Signature"}
        return f"{self.call.method}&%2F&{_escape(_query(pairs))}"

    def signature(self, secret: str) -> str:
        text = self.string_to_sign().encode()
        digest = hmac.digest(f"{secret}&".encode(), text, "sha1")
        return base64.b64encode(digest).decode()


def read_claim(call: Call) -> Claim:
    """Return the claim of a call in either of the two forms.

    Raises DomainError with code IncompleteSignature if a required part is missing.
    """
    authorization = call.headers.get("authorization", "")
    claim: Claim
    if authorization:
        claim = _header_claim(call, authorization)
    else:
        claim = _parameter_claim(call)
    if not 1 <= len(claim.nonce) <= MAX_NONCE_LENGTH:
        raise incomplete(_("The signature nonce must be 1 to 128 characters long."))
    return claim


def check_time(claim: Claim, moment: datetime) -> datetime:
    """Return the time of signing.

    Raises DomainError with code InvalidTimeStamp.Format, or InvalidTimeStamp.Expired if
    it is more than 15 minutes off.
    """
    try:
        signed_at = datetime.strptime(claim.date, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError as error:
        raise DomainError(
            _("The signing time must be in the format 2024-04-07T06:10:37Z."),
            code="InvalidTimeStamp.Format",
        ) from error
    signed_at = signed_at.replace(tzinfo=UTC)
    if abs(moment - signed_at) > WINDOW:
        raise DomainError(
            _(
                "The signing time differs from the server time (%(now)s) by more than 15 "
                "minutes. Correct the clock of your machine."
            )
            % {"now": f"{moment:%Y-%m-%dT%H:%M:%SZ}"},
            code="InvalidTimeStamp.Expired",
        )
    return signed_at


def matches(claim: Claim, secret: str) -> bool:
    """Return True if the claim was signed with the secret, in constant time."""
    expected = claim.signature(secret)
    return hmac.compare_digest(expected.encode(), claim.sent_signature.encode())


def incomplete(message: str) -> DomainError:
    """Return the error for an incomplete or malformed signature."""
    return DomainError(message, code="IncompleteSignature")


def _header_claim(call: Call, authorization: str) -> HeaderClaim:
    match = AUTHORIZATION.fullmatch(authorization.strip())
    if match is None:
        raise incomplete(
            _(
                "The Authorization header must be in the format %(algorithm)s "
                "Credential=…,SignedHeaders=…,Signature=…."
            )
            % {"algorithm": ALGORITHM}
        )
    names = match["headers"].split(";")
    if names != sorted(set(names)):
        raise incomplete(
            _("SignedHeaders must be sorted and must not contain duplicates.")
        )
    # All headers that affect the call must be signed.
    relevant = {name for name in call.headers if name.startswith("x-acs-")}
    if call.body:
        relevant.add("content-type")
    if unsigned := (REQUIRED | relevant) - set(names):
        raise incomplete(
            _("These headers must be signed: %(names)s.")
            % {"names": ", ".join(sorted(unsigned))}
        )
    if absent := [name for name in names if name not in call.headers]:
        raise incomplete(
            _("These signed headers are missing from the request: %(names)s.")
            % {"names": ", ".join(absent)}
        )
    body = hashlib.sha256(call.body).hexdigest()
    claimed = call.headers["x-acs-content-sha256"].lower()
    # As bytes: compare_digest refuses text with characters beyond ASCII.
    if not hmac.compare_digest(body.encode(), claimed.encode()):
        raise DomainError(
            _(
                "x-acs-content-sha256 does not match the SHA-256 hash of the request body."
            ),
            code="SignatureDoesNotMatch",
        )
    return HeaderClaim(call, match["key"], match["headers"], match["signature"])


def _parameter_claim(call: Call) -> ParameterClaim:
    sent = call.parameters
    if "Signature" not in sent:
        raise incomplete(
            _("The request is not signed. Use an Alibaba Cloud SDK with an access key.")
        )
    if call.body and call.content_type != FORM:
        raise incomplete(
            _("Requests with a JSON body must be signed with %(algorithm)s.")
            % {"algorithm": ALGORITHM}
        )
    if missing := [name for name in RPC_REQUIRED if not sent.get(name)]:
        raise incomplete(
            _("The signature requires these parameters: %(names)s.")
            % {"names": ", ".join(missing)}
        )
    for name, value in RPC_FIXED.items():
        if sent.get(name) != value:
            raise incomplete(
                _("%(name)s must be %(value)s.") % {"name": name, "value": value}
            )
    return ParameterClaim(call, sent["AccessKeyId"], sent["Signature"])


def _query(pairs: Mapping[str, str]) -> str:
    return "&".join(f"{_escape(name)}={_escape(pairs[name])}" for name in sorted(pairs))


def _escape(text: str) -> str:
    return quote(text, safe="~")
