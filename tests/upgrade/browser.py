"""Browsers and API clients of a served installation, whichever version it is."""

import http.client
import json
import re
import time
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from tests.signing import FORM, Caller
from tests.waiting import PATIENCE_SECONDS, wait_for

PASSWORD = "catalog-demo"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@dataclass(frozen=True)
class Answer:
    """The parts that Django's test client names alike."""

    status_code: int
    content: bytes
    url: str
    cookies: dict[str, str]

    def json(self):
        return json.loads(self.content)


def exchange(address, method, path, body=b"", headers=None):
    """Make one request; redirects are not followed."""
    connection = http.client.HTTPConnection(
        urlsplit(address).netloc, timeout=PATIENCE_SECONDS
    )
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        cookies = [
            value.partition(";")[0].partition("=")[::2]
            for name, value in response.getheaders()
            if name.lower() == "set-cookie"
        ]
        url = response.getheader("location", "")
        return Answer(response.status, response.read(), url, dict(cookies))
    finally:
        connection.close()


class Browser:
    """The browser of one user: keeps cookies, and sends the token of the last page."""

    def __init__(self, address, cookies=()):
        self.address, self.cookies, self.token = address, dict(cookies), ""

    def get(self, path):
        return self._ask("GET", path)

    def post(self, path, fields=()):
        sent = {"csrfmiddlewaretoken": self.token, **dict(fields)}
        body = urlencode(sent, doseq=True).encode()
        return self._ask("POST", path, body, {"content-type": FORM})

    def _ask(self, method, path, body=b"", headers=()):
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = exchange(
            self.address, method, path, body, {"cookie": cookies, **dict(headers)}
        )
        self.cookies |= answer.cookies
        if found := TOKEN.search(answer.content.decode(errors="replace")):
            self.token = found[1]
        return answer


class Script(Caller):
    """A client of the API of a served installation."""

    def __init__(self, address, key_id, secret):
        self.address, self.key_id, self.secret = address, key_id, secret

    def deliver(self, query, body, headers, method="POST", path="/"):
        # The name that was signed; an installation answers to its own names only.
        return exchange(self.address, method, path, body, headers)

    def send(self, action, params=None, **changed):
        host = urlsplit(self.address).netloc
        return super().send(action, params, **{"host": host, **changed})


def sign_in(browser, username, *, secret="", code=""):
    """Sign in with the password, and an app's secret or a recovery code where one is needed."""
    browser.get("/accounts/login/")
    browser.post("/accounts/login/", {"login": username, "password": PASSWORD})
    if secret:
        # A code may change between being made and being read: then the next one is right.
        wait_for(lambda: _enter(browser, code_of(secret)))
    elif code:
        assert _enter(browser, code)
    assert browser.get("/accounts/").status_code == 200
    return browser


def code_of(secret):
    """Return the present code of an authenticator app."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def _enter(browser, code):
    page = "/accounts/2fa/authenticate/"
    browser.get(page)
    return browser.post(page, {"code": code}).status_code == 302
