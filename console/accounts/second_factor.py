"""Multi-factor authentication: who needs it, how secrets are stored, and removal."""

from ipaddress import ip_address

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils.translation import gettext as _
from qrcode.main import QRCode

from console.lib.audit import AuditEntry
from console.lib.encryption import seal_text, unseal_text
from console.lib.errors import NotFoundError
from console.lib.users import User
from instances.models import duties_of

CONTEXT = "mfa.authenticator"
ISSUER = "Service Catalog"
# Authentication method of MFA in the claims of single sign-on (RFC 8176).
MULTIPLE = "mfa"
PROVEN = "sso_amr"


def factors_of(person: User | OuterRef) -> QuerySet[Authenticator]:
    """Return the MFA methods of a user. Recovery codes are not one."""
    codes = Authenticator.Type.RECOVERY_CODES
    return Authenticator.objects.filter(user=person).exclude(type=codes)


def has_factor(person: User) -> bool:
    """Return True if a user has an MFA method, without a query if it was annotated."""
    known: bool | None = getattr(person, "second_factor", None)
    return factors_of(person).exists() if known is None else known


def must_have_factor(person: User) -> bool:
    """Return True if MFA is required for this user."""
    if not settings.REQUIRE_MFA:
        return False
    powerful = person.is_administrator or person.is_staff or person.is_superuser
    return powerful or bool(duties_of(person).constraints)


def lacks_factor(request: HttpRequest) -> bool:
    """Return True if the user of the request must add an MFA method first."""
    person = request.user
    if not settings.REQUIRE_MFA or not isinstance(person, User):
        return False
    if has_factor(person) or MULTIPLE in request.session.get(PROVEN, ()):
        return False
    return must_have_factor(person)


@transaction.atomic
def remove_factors(person: User, *, by: User | None) -> None:
    """Remove all MFA methods of a user who lost them. Raises NotFoundError."""
    found = Authenticator.objects.filter(user=person)
    kinds = sorted(found.values_list("type", flat=True))
    if not kinds:
        raise NotFoundError(_("This user has no MFA method."))
    found.delete()
    AuditEntry.objects.record(
        "RemoveSecondFactors", person, by=by, before={"factors": kinds}
    )


def passkeys_possible(request: HttpRequest) -> bool:
    """Return True if the request's host can have passkeys: an IP address cannot."""
    host = _host(request)
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return request.is_secure() or host == "localhost"
    return False


def _host(request: HttpRequest) -> str:
    return split_domain_port(request.get_host())[0]


class QrCode(str):
    """A QR code as an SVG path with modules of size 1."""

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
        """The SVG view box, with the margin that QR readers need."""
        return f"-4 -4 {self.size + 8} {self.size + 8}"


class FactorAdapter(DefaultMFAAdapter):
    """The MFA adapter of allauth with encrypted secrets and a QR code the CSP permits."""

    def encrypt(self, text: str) -> str:
        return seal_text(text, CONTEXT)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal_text(encrypted_text, CONTEXT)

    def get_totp_issuer(self) -> str:
        return ISSUER

    def build_totp_svg(self, url: str) -> str:
        """Return only the path of the QR code: the CSP forbids data URLs."""
        return QrCode.of(url)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": _host(context.request), "name": ISSUER}
