"""A client that signs as the vendor's SDK does, written from its documentation, not from ours."""

import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from django.db import connection
from django.test import Client

from console.api.access_keys import AccessKey
from tests.api_shape import check_answer

VERSION = "2021-09-01"
FORM = "application/x-www-form-urlencoded"

# Django's queries of a call. On PostgreSQL the replay check is one of them; beside SQLite
# it has a small file of its own.
CALL_QUERIES = 6 if connection.vendor == "postgresql" else 5


def wire(params):
    """Flatten lists as the wire does: `Name.N.Field`; JSON objects become text."""
    flat = {}
    for name, value in params.items():
        if isinstance(value, list):
            for number, entry in enumerate(value, 1):
                for field, inner in entry.items():
                    flat[f"{name}.{number}.{field}"] = str(inner)
        elif isinstance(value, dict):
            flat[name] = json.dumps(value)
        else:
            flat[name] = str(value)
    return flat


def headers_for(action, key_id, secret, *, query, body, method="POST", **changed):
    """Return the headers of a signed call; `changed` replaces headers before signing."""
    headers = {
        "host": "testserver",
        "x-acs-action": action,
        "x-acs-version": VERSION,
        "x-acs-date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "x-acs-signature-nonce": secrets.token_hex(16),
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
    }
    if body:
        headers["content-type"] = FORM
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    names = sorted(headers)
    pairs = "&".join(f"{k}={quote(query[k], safe='~')}" for k in sorted(query))
    canonical = "\n".join(
        [
            method,
            "/",
            pairs,
            "".join(f"{name}:{headers[name]}\n" for name in names),
            ";".join(names),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={';'.join(names)},"
        f"Signature={signature}"
    )
    return headers


class Caller:
    """Somebody who calls the API through Django's test client."""

    def __init__(self, key_id, secret):
        self.key_id, self.secret = key_id, secret
        self.client = Client(raise_request_exception=False)

    @classmethod
    def of(cls, user):
        key = AccessKey.objects.issue(user, by=user)
        return cls(key.pk, key.secret_text)

    def send(self, action, params=None, *, in_query=False, method="POST", **changed):
        """Make a call; return Django's response."""
        flat = wire(params or {})
        query = flat if in_query else {}
        body = b"" if in_query else urlencode(flat).encode()
        headers = headers_for(
            action,
            self.key_id,
            self.secret,
            query=query,
            body=body,
            method=method,
            **changed,
        )
        return self.deliver(query, body, headers, method)

    def send_json(self, action, params=None, *, path=None, **changed):
        """Make a call as a generated client does, or with these bytes; return the response."""
        body = b"" if params is None else params
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        changed = {"content_type": "application/json"} | changed if body else changed
        headers = headers_for(
            action, self.key_id, self.secret, query={}, body=body, **changed
        )
        return self.deliver({}, body, headers, path=path or f"/api/{action}")

    def deliver(self, query, body, headers, method="POST", path="/"):
        """Send exactly these bytes; the answer must be as documented."""
        response = self.client.generic(
            method,
            f"{path}?{urlencode(query)}" if query else path,
            body,
            content_type=headers.get("content-type", ""),
            headers={k: v for k, v in headers.items() if k != "content-type"},
        )
        check_answer(headers["x-acs-action"], response.status_code, response.json())
        return response

    def call(self, action, **params):
        """Make a call that must be answered; return the answer."""
        response = self.send(action, params)
        assert response.status_code == 200, response.content
        return response.json()

    def refusal(self, action, **params):
        """Make a call that must be refused; return its status and code."""
        response = self.send(action, params)
        answer = response.json()
        assert response.status_code >= 400, answer
        assert {"RequestId", "HostId", "Code", "Message", "Recommend"} == set(answer)
        return response.status_code, answer["Code"]
