"""Who calls: the key behind a claim, believed only when the signature is right."""

from functools import cache

from django.utils.timezone import now
from django.utils.translation import gettext as _

from console.api.access_keys import AccessKey, new_secret
from console.api.nonces import first_use
from console.api.signature import Claim, check_time, matches
from console.api.throttle import take_token
from console.lib.encryption import Sealed, seal, unseal
from console.lib.errors import DomainError, NotFoundError

DECOY = "no such access key"


def identify(claim: Claim, *, scoped: bool) -> AccessKey:
    """Return the key that signed the call, with its person. Raises DomainError."""
    check_time(claim, now())
    key = AccessKey.objects.signing(claim.key_id, scoped=scoped)
    # An unknown key costs as much as a known one with a wrong signature.
    secret = key.secret_text if key else unseal(_decoy(), DECOY).decode()
    right = matches(claim, secret)
    if key is None:
        raise NotFoundError(
            _("The access key was not found. Create one on the Access keys page."),
            code="InvalidAccessKeyId.NotFound",
        )
    if not right:
        raise DomainError(
            _("The signature does not match. String to sign on the server: %(text)s")
            % {"text": claim.string_to_sign()[:2000]},
            code="SignatureDoesNotMatch",
        )
    if not key.usable:
        raise DomainError(
            _("The access key or its owner is disabled."),
            code="InvalidAccessKeyId.Inactive",
        )
    return key


def admit(key: AccessKey, claim: Claim) -> None:
    """Count the call and spend its nonce. Raises DomainError.

    Only after `identify`: a forger can neither burn somebody's nonces nor use up their
    rate.
    """
    take_token(key.pk)
    if not first_use(key.pk, claim.nonce):
        raise DomainError(
            _("The signature nonce has already been used. Sign the request again."),
            code="SignatureNonceUsed",
        )
    key.used()


@cache
def _decoy() -> Sealed:
    return seal(new_secret().encode(), DECOY)
