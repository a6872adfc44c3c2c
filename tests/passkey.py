"""A security key in software: makes passkeys and signs with them, as a browser's answer."""

import hashlib
import json
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

FLAG = AuthenticatorData.FLAG


class SoftKey:
    """One passkey, for one site, of somebody who is verified by a PIN."""

    def __init__(self, host="testserver", origin=None, verified=True):
        self.host, self.origin = host, origin or f"https://{host}"
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)
        self.flags = FLAG.UP | (FLAG.UV if verified else FLAG(0))

    def create(self, options, passwordless=True):
        """Answer `navigator.credentials.create`."""
        public = ES256.from_cryptography_key(self.private.public_key())
        data = AttestedCredentialData.create(b"\0" * 16, self.id, public)
        auth_data = self._auth_data(FLAG.AT, data)
        attestation = AttestationObject.create("none", auth_data, {})
        client = self._client_data("webauthn.create", options)
        return self._answer(client, attestationObject=attestation) | {
            "clientExtensionResults": {"credProps": {"rk": passwordless}}
        }

    def sign(self, options, user_handle=b""):
        """Answer `navigator.credentials.get`."""
        client = self._client_data("webauthn.get", options)
        auth_data = self._auth_data(FLAG(0), b"")
        signature = self.private.sign(
            auth_data + client.hash, ec.ECDSA(hashes.SHA256())
        )
        return self._answer(
            client,
            authenticatorData=auth_data,
            signature=signature,
            userHandle=user_handle,
        )

    def _auth_data(self, flag, data):
        host = hashlib.sha256(self.host.encode()).digest()
        return AuthenticatorData.create(host, self.flags | flag, 0, data)

    def _client_data(self, kind, options):
        challenge = options["publicKey"]["challenge"]
        return CollectedClientData.create(kind, challenge, self.origin)

    def _answer(self, client, **response):
        parts = {"clientDataJSON": client} | response
        encoded = {name: websafe_encode(part) for name, part in parts.items()}
        identifier = websafe_encode(self.id)
        return {
            "id": identifier,
            "rawId": identifier,
            "type": "public-key",
            "response": encoded,
        }


def prove_with(key, client):
    """Take the second step of signing in, which a client has reached, with a passkey."""
    page = client.get("/accounts/2fa/authenticate/")
    answer = json.dumps(key.sign(page.context["js_data"]["request_options"]))
    client.post("/accounts/2fa/authenticate/", {"credential": answer})
