"""Authentication of API requests: signature, time, nonce and rate of the access key."""

from functools import cache

from django.utils.timezone import now
from django.utils.translation import gettext as _

from console.api.access_keys import AccessKey, new_secret
from console.api.nonces import use_nonce
from console.api.signature import Claim, check_time, matches
from console.api.throttle import take_token
from console.lib.encryption import Sealed, seal, unseal
from console.lib.errors import DomainError, NotFoundError

DECOY = "no such access key"


def authenticate(claim: Claim, *, with_role: bool) -> AccessKey:
    """Return the access key that signed the request, with its user.

    Raises DomainError for a wrong time, an unknown or disabled key and a wrong
    signature.
    """
    check_time(claim, now())
    key = AccessKey.objects.for_signature(claim.key_id, with_role=with_role)
    # An unknown key takes as long as a known one with a wrong signature.
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
    """Check the rate limit of the key and use up the nonce. Raises DomainError.

    Call it only after `authenticate`: a forged request must neither use up the nonces
    of a key nor its rate.
    """
    take_token(key.pk)
    if not use_nonce(key.pk, claim.nonce):
        raise DomainError(
            _("The signature nonce has already been used. Sign the request again."),
            code="SignatureNonceUsed",
        )
    key.record_use()


@cache
def _decoy() -> Sealed:
    return seal(new_secret().encode(), DECOY)
