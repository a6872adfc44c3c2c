"""OpenID Connect: the requests to the provider, and the verification of its answers."""

import hashlib
import hmac
import secrets
import time
from typing import Any

import jwt
from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import (
    OpenIDConnectProvider,
)
from allauth.socialaccount.providers.openid_connect.views import (
    OpenIDConnectOAuth2Adapter,
)
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

# Asymmetric algorithms only: a shared secret must not sign tokens.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"]
REQUIRED_CLAIMS = ["iss", "sub", "aud", "exp", "iat"]
# Tolerated difference of the clocks.
LEEWAY_SECONDS = 30
# Parameters that request reauthentication, and the maximum age of the result.
AGAIN = {"prompt": "login", "max_age": "0"}
AGAIN_SECONDS = 300


class Protocol(OpenIDConnectOAuth2Adapter):
    """The endpoints of the provider, and the verification of its ID tokens."""

    state: dict[str, Any]

    @property
    def openid_config(self) -> dict[str, Any]:
        """The configuration of the provider. Raises OAuth2Error for another issuer."""
        known = getattr(self, "_openid_config", None)
        config: dict[str, Any] = known or super().openid_config
        issuer = str(config.get("issuer", "")).rstrip("/")
        if issuer != settings.OIDC_URL.rstrip("/"):
            raise OAuth2Error("the provider's issuer is not CONSOLE_OIDC_URL")
        return config

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(reverse("sso_callback"))

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Return the login of the user in the ID token. Raises OAuth2Error."""
        signed = kwargs["response"].get("id_token")
        if not isinstance(signed, str):
            raise OAuth2Error("the provider did not return an ID token")
        claims = self._verified(signed, app.client_id)
        if "userinfo_endpoint" in self.openid_config:
            more = self._fetch_user_info(token.token)
            if more.get("sub") != claims["sub"]:
                raise OAuth2Error("userinfo is about another user")
            # Signed claims take precedence.
            claims = more | claims
        # A user is identified by issuer and subject.
        identity = f"{claims['iss']}\n{claims['sub']}".encode()
        claims["uid"] = hashlib.sha256(identity).hexdigest()
        request.sso_claims = claims  # type: ignore[attr-defined]
        return self.get_provider().sociallogin_from_response(
            request, {"userinfo": claims}
        )

    def _verified(self, signed: str, client_id: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                signed,
                self._key_of(signed),
                algorithms=ALGORITHMS,
                issuer=self.openid_config["issuer"],
                audience=client_id,
                leeway=LEEWAY_SECONDS,
                options={"require": REQUIRED_CLAIMS},
            )
        except jwt.PyJWTError as error:
            raise OAuth2Error(f"the ID token is not valid: {error}") from error
        if claims.get("azp", client_id) != client_id:
            raise OAuth2Error("the ID token was made for another client")
        nonce, sent = str(claims.get("nonce", "")), self.state.get("nonce") or "none"
        if not hmac.compare_digest(nonce.encode(), sent.encode()):
            raise OAuth2Error("the ID token belongs to another sign-in")
        if self.state.get("again") and not _is_recent(claims.get("auth_time")):
            raise OAuth2Error("the provider did not reauthenticate the user")
        return claims

    def _key_of(self, signed: str) -> jwt.PyJWK:
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
            keys = jwt.PyJWKSet.from_dict(answer.json()).keys
        name = jwt.get_unverified_header(signed).get("kid")
        found = [key for key in keys if name in (None, key.key_id)]
        if len(found) != 1:
            raise OAuth2Error("the ID token is signed with an unknown key")
        return found[0]


def _is_recent(moment: object) -> bool:
    return isinstance(moment, int) and time.time() - moment < AGAIN_SECONDS


class Provider(OpenIDConnectProvider):
    """The only provider, configured by environment variables."""

    oauth2_adapter_class = Protocol

    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        return reverse("sso_login")

    def get_callback_url(self) -> str:
        return reverse("sso_callback")

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Return the parameters of the redirect. The browser cannot choose any of them."""
        found = super().get_redirect_from_request_kwargs(request)
        nonce = secrets.token_urlsafe(24)
        again = "again" in request.POST
        return {
            "next_url": found.get("next_url"),
            "process": AuthProcess.LOGIN,
            "scope": self.get_scope(),
            "auth_params": {"nonce": nonce} | (AGAIN if again else {}),
            "nonce": nonce,
            "again": again,
        }

    def extract_email_addresses(self, data: object) -> list[EmailAddress]:
        # Mail addresses are only for notifications, never for identification.
        return []


class Callback(OAuth2CallbackView):
    """The view to which the provider redirects the browser."""

    adapter: Protocol

    def _get_state(
        self, request: HttpRequest, provider: OpenIDConnectProvider
    ) -> tuple[dict[str, Any] | None, HttpResponse | None]:
        state, response = super()._get_state(request, provider)
        self.adapter.state = state or {}
        return state, response
