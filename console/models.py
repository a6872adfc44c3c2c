"""The models of the `console` app. Shared ones are defined in `console.lib`."""

from console.accounts.sessions import Session
from console.api.access_keys import AccessKey
from console.api.nonces import UsedNonce
from console.lib.audit import AuditEntry, AuditHead
from console.lib.users import Role, User
from console.offboarding.models import Offboarding

__all__ = [
    "AccessKey",
    "AuditEntry",
    "AuditHead",
    "Offboarding",
    "Role",
    "Session",
    "UsedNonce",
    "User",
]
