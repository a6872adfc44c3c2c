"""The forms of allauth with the console's texts; failed codes and passkeys are recorded."""

import struct
from typing import Any

from allauth.account import forms as accounts
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as codes
from allauth.mfa.totp import forms as apps
from allauth.mfa.webauthn import forms as passkeys
from django import forms
from django.core.exceptions import ValidationError

from console.lib.audit import AuditEntry

MAX_CREDENTIAL_LENGTH = 64 * 1024
# Exceptions of the passkey parsers for malformed input.
MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


class NoPlaceholderMixin:
    """Removes the placeholders of allauth, which repeat the labels."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # type: ignore[attr-defined]
            field.widget.attrs.pop("placeholder", None)


class LoginForm(NoPlaceholderMixin, accounts.LoginForm):
    """Login name and password."""


class ChangePasswordForm(NoPlaceholderMixin, accounts.ChangePasswordForm):
    """The current password, and the new one twice."""


class PasswordAgainForm(NoPlaceholderMixin, accounts.ReauthenticateForm):
    """The password, for reauthentication."""


class ActivateForm(NoPlaceholderMixin, apps.ActivateTOTPForm):
    """The first code of an authenticator app."""


class RecordedCodeMixin:
    """A code field whose wrong codes are recorded as failed sign-ins."""

    def clean_code(self) -> str:
        try:
            return super().clean_code()  # type: ignore[misc]
        except ValidationError:
            AuditEntry.objects.record("SignInFailed", self.user, by=None)  # type: ignore[attr-defined]
            raise


class AuthenticateForm(NoPlaceholderMixin, RecordedCodeMixin, codes.AuthenticateForm):
    """The MFA step of sign-in."""


class ReauthenticateForm(
    NoPlaceholderMixin, RecordedCodeMixin, codes.ReauthenticateForm
):
    """Reauthentication with an MFA code."""


class CredentialField(forms.JSONField):
    """The JSON object in which a browser returns a passkey, with a size limit."""

    widget = forms.HiddenInput

    def bound_data(self, data: object, initial: object) -> None:
        # A credential is valid once, so a form that is shown again has none.
        return None

    def prepare_value(self, value: Any) -> Any:
        return value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > MAX_CREDENTIAL_LENGTH:
            raise get_adapter().validation_error("incorrect_code")
        try:
            found = super().to_python(value)
        except (RecursionError, ValueError) as error:
            raise get_adapter().validation_error("incorrect_code") from error
        if found is not None and not isinstance(found, dict):
            raise get_adapter().validation_error("incorrect_code")
        return found


class CheckedCredentialMixin(forms.Form):
    """Reports malformed passkeys as wrong ones."""

    credential = CredentialField()

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except MALFORMED as error:
            raise get_adapter().validation_error("incorrect_code") from error


class AuthenticateWebAuthnForm(
    CheckedCredentialMixin, passkeys.AuthenticateWebAuthnForm
):
    """The MFA step of sign-in with a passkey."""


class LoginWebAuthnForm(CheckedCredentialMixin, passkeys.LoginWebAuthnForm):
    """Sign-in with a passkey instead of a password."""


class ReauthenticateWebAuthnForm(
    CheckedCredentialMixin, passkeys.ReauthenticateWebAuthnForm
):
    """Reauthentication with a passkey."""


class AddWebAuthnForm(passkeys.AddWebAuthnForm):
    """Registration of a passkey."""

    name = forms.CharField(required=False, max_length=100)
    credential = CredentialField()

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except MALFORMED as error:
            raise get_adapter().validation_error("incorrect_code") from error


class EditWebAuthnForm(passkeys.EditWebAuthnForm):
    """Rename a passkey."""

    name = forms.CharField(max_length=100)
