"""The fingerprint of a plan: an approval is bound to all that its run depends on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Self

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from console.lib.errors import Text
from console.lib.exact import dumps

# Stored with every plan in the digest of its parameters: it stays, whatever is renamed.
SALT = "instances.models.fingerprint"
CHANGED: Mapping[str, Text] = {
    "request": _("The version, launch option, or region of the plan has changed."),
    "template": _("The template of the version has changed."),
    "parameters": _("The parameters have changed since the preview."),
    "tags": _("The tags have changed since the preview."),
    "state": _("The resources of the instance have changed since the preview."),
    "file": _("The saved plan does not match the preview."),
    "expires_at": _("The expiration time of the plan has been changed."),
}


@dataclass(frozen=True)
class Fingerprint:
    """One digest for each part, so that a change is named without storing the values.

    Parameters are hashed with the secret key of the site: a plain hash of a short secret
    can be guessed.
    """

    request: str
    template: str
    parameters: str
    tags: str
    state: str
    file: str
    expires_at: str

    @classmethod
    def of(
        cls,
        *,
        request: Sequence[object],
        template: str,
        parameters: Mapping[str, object],
        tags: Mapping[str, str],
        state: str,
        file: str,
        expires_at: datetime | None,
    ) -> Self:
        """Hash the parts; `template`, `state` and `file` are digests already."""
        keyed = salted_hmac(SALT, _canonical(parameters), algorithm="sha256")
        return cls(
            request=_digest(request),
            template=template,
            parameters=keyed.hexdigest(),
            tags=_digest(tags),
            state=state,
            file=file,
            expires_at=expires_at.isoformat() if expires_at else "",
        )

    @classmethod
    def read(cls, stored: Mapping[str, str]) -> Self:
        """Read a stored fingerprint; a missing part is empty, so that it differs."""
        return cls(**{each.name: stored.get(each.name, "") for each in fields(cls)})

    def stored(self) -> dict[str, str]:
        return asdict(self)

    @property
    def digest(self) -> str:
        """The SHA-256 of all parts, which the decision of an approver names."""
        return _digest(asdict(self))

    def differences(self, other: "Fingerprint") -> list[Text]:
        """Return a sentence for each part that differs."""
        mine, theirs = asdict(self), asdict(other)
        return [CHANGED[name] for name, value in mine.items() if value != theirs[name]]


def _canonical(value: object) -> str:
    return dumps(value, sort_keys=True, ensure_ascii=False)


def _digest(value: object) -> str:
    return hashlib.sha256(_canonical(value).encode()).hexdigest()
