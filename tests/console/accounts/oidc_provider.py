"""A small OpenID Connect provider on loopback: discovery, code flow with PKCE, signed tokens.

Its users enter no password: the user in `at_the_keyboard` signs in.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "catalog", "client-secret-canary"


class Provider:
    """The provider, with attributes that choose its user and make it misbehave."""

    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)
        self.at_the_keyboard = {"sub": "1", "preferred_username": "nora"}
        self.claims = {}  # put over what the ID token says
        self.userinfo = {}  # put over what userinfo says
        self.signed_by = self.key
        self.algorithm = "RS256"
        self.kid = "one"
        self.error = ""
        self.token_answer = None
        self.codes = {}
        self.requests = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        # Asked often whether it is to stop, or each test would wait half a second for it.
        serve = partial(self.server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/realm"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def configuration(self):
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def keys(self):
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [public | {"kid": "one", "use": "sig", "alg": "RS256"}]}

    def authorize(self, asked):
        """Return the parameters with which the browser is redirected back."""
        if self.error:
            return {"error": self.error, "state": asked["state"]}
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def token(self, form):
        """Return the tokens for a code, once, if secret and verifier are correct."""
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        if (
            asked is None
            or (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET)
            or form.get("redirect_uri") != asked["redirect_uri"]
            or asked.get("code_challenge_method") != "S256"
            or challenge != asked.get("code_challenge")
        ):
            return 400, {"error": "invalid_grant"}
        if self.token_answer is not None:
            return 200, self.token_answer
        answer = {"access_token": "access", "token_type": "Bearer"}
        return 200, answer | {"id_token": self.id_token(asked)}

    def id_token(self, asked):
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked.get("nonce"),
            **self.at_the_keyboard,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        headers = {"kid": self.kid} if self.kid else {}
        return jwt.encode(claims, self.signed_by, self.algorithm, headers=headers)


def handler_of(provider):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def answer(self, body, status=200):
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self):
            provider.requests.append(self.path)
            parts = urlsplit(self.path)
            asked = {name: each[0] for name, each in parse_qs(parts.query).items()}
            if parts.path.endswith("/authorize"):
                back = urlencode(provider.authorize(asked))
                self.send_response(302)
                self.send_header("Location", f"{asked['redirect_uri']}?{back}")
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif parts.path.endswith("/keys"):
                self.answer(provider.keys())
            elif parts.path.endswith("/userinfo"):
                self.answer(
                    {"sub": provider.at_the_keyboard["sub"]} | provider.userinfo
                )
            else:
                self.answer(provider.configuration())

        def do_POST(self):
            size = int(self.headers["Content-Length"])
            form = parse_qs(self.rfile.read(size).decode())
            status, body = provider.token(
                {name: each[0] for name, each in form.items()}
            )
            self.answer(body, status)

    return Handler
