"""allauth's forms, in our words; what those for codes and passkeys refuse is put on record."""

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

MOST = 64 * 1024
# What the parsers of passkeys raise over an answer that no browser gives.
MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


class Unprompted:
    """Fields without allauth's placeholders, which only say the label once more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # type: ignore[attr-defined]
            field.widget.attrs.pop("placeholder", None)


class LoginForm(Unprompted, accounts.LoginForm):
    """Login and password."""


class ChangePasswordForm(Unprompted, accounts.ChangePasswordForm):
    """The password one has, and the new one twice."""


class PasswordAgainForm(Unprompted, accounts.ReauthenticateForm):
    """The password, before something sensitive."""


class ActivateForm(Unprompted, apps.ActivateTOTPForm):
    """The first code of an authenticator app."""


class RecordedCode:
    """A code field whose wrong codes are failed sign-ins of its person."""

    def clean_code(self) -> str:
        try:
            return super().clean_code()  # type: ignore[misc]
        except ValidationError:
            AuditEntry.objects.record("SignInFailed", self.user, by=None)  # type: ignore[attr-defined]
            raise


class AuthenticateForm(Unprompted, RecordedCode, codes.AuthenticateForm):
    """The second step of signing in."""


class ReauthenticateForm(Unprompted, RecordedCode, codes.ReauthenticateForm):
    """Proving again who one is."""


class CredentialField(forms.JSONField):
    """What a browser answers about a passkey: an object, and not a large one."""

    widget = forms.HiddenInput

    def bound_data(self, data: Any, initial: Any) -> Any:
        # Worth nothing a second time: a form that is shown again has none.
        return None

    def prepare_value(self, value: Any) -> Any:
        return value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > MOST:
            raise get_adapter().validation_error("incorrect_code")
        try:
            found = super().to_python(value)
        except (RecursionError, ValueError) as error:
            raise get_adapter().validation_error("incorrect_code") from error
        if found is not None and not isinstance(found, dict):
            raise get_adapter().validation_error("incorrect_code")
        return found


class CheckedCredential(forms.Form):
    """A passkey that proves who one is."""

    credential = CredentialField()

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except MALFORMED as error:
            raise get_adapter().validation_error("incorrect_code") from error


class AuthenticateWebAuthnForm(CheckedCredential, passkeys.AuthenticateWebAuthnForm):
    """The second step of signing in, with a passkey."""


class LoginWebAuthnForm(CheckedCredential, passkeys.LoginWebAuthnForm):
    """Signing in with a passkey alone."""


class ReauthenticateWebAuthnForm(
    CheckedCredential, passkeys.ReauthenticateWebAuthnForm
):
    """Proving again who one is, with a passkey."""


class AddWebAuthnForm(passkeys.AddWebAuthnForm):
    """A new passkey."""

    name = forms.CharField(required=False, max_length=100)
    credential = CredentialField()

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except MALFORMED as error:
            raise get_adapter().validation_error("incorrect_code") from error


class EditWebAuthnForm(passkeys.EditWebAuthnForm):
    """The name of a passkey."""

    name = forms.CharField(max_length=100)
