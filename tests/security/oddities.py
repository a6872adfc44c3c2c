"""Changes of valid requests that HTTP allows but browsers do not make."""

import random
from collections.abc import Callable

from tests.security.wire import Ask
from tests.signing import FORM

METHODS = (
    *(
        "OPTIONS",
        "PUT",
        "PATCH",
        "DELETE",
        "TRACE",
        "PROPFIND",
        "CONNECT",
        "get",
        "X-A",
    ),
)


def _set(name: str, *texts: str) -> Callable[[Ask, random.Random], None]:
    def change(ask: Ask, dice: random.Random) -> None:
        ask.headers = [each for each in ask.headers if each[0].lower() != name.lower()]
        ask.headers.append((name, dice.choice(texts)))

    return change


def _method(ask: Ask, dice: random.Random) -> None:
    ask.method = dice.choice(METHODS)


def _chunked(ask: Ask, dice: random.Random) -> None:
    ask.headers.append(("Transfer-Encoding", "chunked"))
    ask.body = (
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(ask.body), ask.body)
        if ask.body
        else b"0\r\n\r\n"
    )


def _many_fields(ask: Ask, dice: random.Random) -> None:
    ask.method, ask.headers = "POST", [("Content-Type", FORM)]
    ask.body = "&".join(
        f"f{n}=x" for n in range(dice.choice((1999, 2001, 10_000)))
    ).encode()


def _long(ask: Ask, dice: random.Random) -> None:
    ask.path += ("&" if "?" in ask.path else "?") + "x" * dice.choice(
        (3000, 7000, 9000)
    )


ODDITIES = (
    _method,
    _method,
    _chunked,
    _many_fields,
    _long,
    _set(
        "Content-Type",
        "text/plain",
        "application/json",
        "multipart/form-data",
        "",
        "x/y; charset=utf-7",
        f"{FORM}; charset=utf-16",
        f"{FORM}; charset=nonsense",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\x7f",
    ),
    _set("Content-Encoding", "gzip", "br"),
    _set("X-HTTP-Method-Override", "DELETE", "PUT"),
    _set("Host", "evil.example", "127.0.0.1:1:1", "", "localhost", "[::1]", "a b"),
    _set("X-Forwarded-Host", "evil.example"),
    _set("X-Large", "x" * 4000, "x" * 65_000),
    _set("Accept-Language", "zh-hans", "x" * 3000, "en;q=9e99", "../../x"),
    _set(
        "Cookie",
        "a" * 4000,
        "catalog_session=" + "x" * 32,
        'catalog_session="\\054"',
        "catalog_theme=<script>",
        "django_language=../../x",
    ),
    _set("Referer", "//evil.example/", "http://[::1", "javascript:alert(1)"),
    _set("HX-Current-URL", "http://[::1", "//evil.example", "\x7f"),
    _set("Expect", "100-continue"),
    _set(
        "Authorization",
        "Basic eDp5",
        "ACS3-HMAC-SHA256 ",
        "ACS3-HMAC-SHA256 Credential=,SignedHeaders=,Signature=",
    ),
    _set("x-acs-action", "GetProduct", "", "\x7f"),
)
