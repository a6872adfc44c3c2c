"""Second factors: who must have one, how theirs are stored, and taking them away."""

from ipaddress import ip_address
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils.translation import gettext as _
from qrcode.main import QRCode

from console.lib.audit import AuditEntry
from console.lib.encryption import seal_text, unseal_text
from console.lib.errors import NotFoundError
from console.lib.users import User
from instances.reviewing import duties_of

CONTEXT = "mfa.authenticator"
ISSUER = "Service Catalog"
# What a provider of single sign-on calls a sign-in with more than a password (RFC 8176).
MULTIPLE = "mfa"
PROVEN = "sso_amr"


def factors_of(person: Any) -> QuerySet[Authenticator]:
    """Somebody's second factors. Recovery codes stand in for one, and are none."""
    codes = Authenticator.Type.RECOVERY_CODES
    return Authenticator.objects.filter(user=person).exclude(type=codes)


def has_factor(person: User) -> bool:
    """Say whether somebody has a second factor; the query that loaded them may know."""
    known: bool | None = getattr(person, "second_factor", None)
    return factors_of(person).exists() if known is None else known


def must_have_factor(person: User) -> bool:
    """Say whether a password is not enough for what this person may do."""
    if not settings.REQUIRE_MFA:
        return False
    powerful = person.is_administrator or person.is_staff or person.is_superuser
    return powerful or bool(duties_of(person).constraints)


def lacks_factor(request: HttpRequest) -> bool:
    """Say whether who asks has to add a second factor before anything else."""
    person = request.user
    if not settings.REQUIRE_MFA or not isinstance(person, User):
        return False
    if has_factor(person) or MULTIPLE in request.session.get(PROVEN, ()):
        return False
    return must_have_factor(person)


@transaction.atomic
def remove_factors(person: User, *, by: User | None) -> None:
    """Take all second factors away, for somebody who has lost theirs. Raises NotFoundError."""
    found = Authenticator.objects.filter(user=person)
    kinds = sorted(found.values_list("type", flat=True))
    if not kinds:
        raise NotFoundError(_("This user has no MFA method."))
    found.delete()
    AuditEntry.objects.record(
        "RemoveSecondFactors", person, by=by, before={"factors": kinds}
    )


def passkeys_possible(request: HttpRequest) -> bool:
    """Browsers bind a passkey to a name: there are none for a bare address."""
    host = _host(request)
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return request.is_secure() or host == "localhost"
    return False


def _host(request: HttpRequest) -> str:
    return split_domain_port(request.get_host())[0]


class QrCode(str):
    """A QR code as the path of an SVG in which a module has size 1."""

    size: int

    @classmethod
    def of(cls, text: str) -> "QrCode":
        code: QRCode = QRCode(border=0)
        code.add_data(text)
        rows = code.get_matrix()
        dark = [(x, y) for y, row in enumerate(rows) for x, on in enumerate(row) if on]
        drawn = cls("".join(f"M{x},{y}h1v1h-1z" for x, y in dark))
        drawn.size = len(rows)
        return drawn

    @property
    def view_box(self) -> str:
        """The code with the quiet zone that readers need around it."""
        return f"-4 -4 {self.size + 8} {self.size + 8}"


class FactorAdapter(DefaultMFAAdapter):
    """allauth's second factors with secrets encrypted, and a QR code a strict CSP shows."""

    def encrypt(self, text: str) -> str:
        return seal_text(text, CONTEXT)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal_text(encrypted_text, CONTEXT)

    def get_totp_issuer(self) -> str:
        return ISSUER

    def build_totp_svg(self, url: str) -> str:
        """Return only the path: a picture in a data URL is not what the CSP shows."""
        return QrCode.of(url)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": _host(context.request), "name": ISSUER}
