"""Generation of hostile requests from URLs, forms and operations, and from the corpus."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import quote, urlencode, urlsplit

from console.api.endpoint import OPERATIONS
from tests.access_table import TABLE, routes, skipped
from tests.security import corpus
from tests.security.oddities import ODDITIES
from tests.security.site import CSRF_TOKEN, People
from tests.security.wire import Ask
from tests.signing import FORM, headers_for, wire

QUERY_NAMES = (
    *("q", "status", "product", "region", "owner", "sort", "cursor", "size", "access"),
    *("page", "after", "from", "to", "who", "action", "target", "name", "next", "kind"),
    *("version", "portfolio", "plan", "draft", "tab", "person", "option", "wrap", "o"),
    *(
        "_connector",
        "pk__in",
        "owner__password__startswith",
        "owner[]",
        "all",
        "e",
        "p",
    ),
)
FORM_NAMES = (
    *(
        "owner",
        "status",
        "is_superuser",
        "is_staff",
        "tenant",
        "approved_by",
        "pk",
        "id",
    ),
    *("next", "name", "password", "confirm", "version", "values", "selected", "to"),
)
HTMX = [
    ("HX-Request", "true"),
    ("HX-Target", "instance-table"),
    ("HX-Current-URL", "//evil.example/"),
]


class Forms(HTMLParser):
    """The POST forms of a page: their URLs and fields."""

    def __init__(self, address: str, html: str) -> None:
        super().__init__()
        self.address, self.found, self.open = address, [], None
        self.last, self.area = "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        told = dict(attrs)
        if tag == "form":
            self.open = None
            if (told.get("method") or "").lower() == "post":
                self.open = (told.get("action") or self.address, {})
                self.found.append(self.open)
        elif (
            self.open
            and told.get("name")
            and tag in ("input", "select", "textarea", "button")
        ):
            self.open[1].setdefault(told["name"], told.get("value") or "")
            self.last = told["name"]
            self.area = tag == "textarea"
        elif self.open and tag == "option" and "selected" in told and self.last:
            self.open[1][self.last] = told.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        self.area = self.area and tag != "textarea"

    def handle_data(self, text: str) -> None:
        if self.area and self.open:
            self.open[1][self.last] += text.removeprefix("\n")


@dataclass
class Hostile:
    """Generates requests; the same seed generates the same ones."""

    people: People
    host: str
    seed: int
    forms: dict[str, list[tuple[str, dict[str, str]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.pages = [*TABLE, *filter(_worth_asking, filter(skipped, routes()))]
        everything = self.people.everything
        rows = (
            "product",
            "version",
            "portfolio",
            "instance",
            "task",
            "plan",
            "option",
            "constraint",
        )
        self.known = [getattr(everything, name).pk for name in rows]
        self.known += [everything.region.pk, everything.version.template.url, "alice"]

    def requests(self) -> Iterator[Ask]:
        """Yield requests for every operation, URL and form in turn, without end."""
        makers = (
            self.call,
            self.page,
            self.call,
            self.post,
            self.call,
            self.page,
            self.form,
        )
        turn = 0
        while True:
            maker = makers[turn % len(makers)]
            if self.dice.random() < 0.06:
                maker = self.dice.choice((self.broken_call, self.odd))
            yield maker(turn)
            turn += 1

    def role(self) -> str:
        return self.dice.choices(self.people.roles, (1, 3, 2, 4, 1))[0]

    def text(self) -> str:
        return (
            self.dice.choice(self.known)
            if self.dice.random() < 0.25
            else corpus.value(self.dice)
        )

    def call(self, turn: int, **changed: str) -> Ask:
        """Return a signed API request with some invalid parameters."""
        names = sorted(OPERATIONS)
        action = names[turn % len(names)]
        flat: dict[str, str] = {}
        for each in OPERATIONS[action].parameters:
            if self.dice.random() < 0.75:
                flat |= self._parameter(each, each.name)
        if self.dice.random() < 0.1:
            flat[
                self.dice.choice(
                    (
                        "Parameters.999999999.ParameterKey",
                        "Tags.-1.Key",
                        "Tags.1",
                        self.text()[:50],
                    )
                )
            ] = self.text()
        flat = {
            k: v.encode("utf-8", "replace").decode()[:200_000] for k, v in flat.items()
        }
        in_query = self.dice.random() < 0.3 and len(urlencode(flat)) < 4000
        query, body = (flat, b"") if in_query else ({}, urlencode(flat).encode())
        role = self.dice.choice(list(self.people.keys))
        key, secret = self.people.keys[role]
        signed = headers_for(
            action, key, secret, query=query, body=body, host=self.host, **changed
        )
        path = f"/?{urlencode(query, quote_via=quote)}" if query else "/"
        return Ask("call", "POST", path, role, list(signed.items()), body, action)

    def _parameter(self, each, path: str) -> dict[str, str]:
        """Return a valid value, a known ID, or an invalid value for a parameter."""
        kind = self.dice.random()
        if each.kind == "list" and kind < 0.8:
            flat: dict[str, str] = {}
            for number in range(self.dice.choice((1, 1, 2, 10, 60))):
                for inner in each.fields:
                    flat |= self._parameter(inner, f"{path}.{number + 1}.{inner.name}")
            return flat
        if kind < 0.35:
            return wire({path: each.sample or "a"})
        return {path: self.text()}

    def broken_call(self, turn: int) -> Ask:
        """Return an API request whose headers were changed after signing."""
        ask = self.call(turn)
        name, text = self.dice.choice(ask.headers)
        others = [each for each in ask.headers if each[0] != name]
        spoilt = self.dice.choice(
            ("", text[:-1], text.upper(), text + ",x=1", _line(self.text()))
        )
        ask.headers = others + self.dice.choice(
            ([], [(name, spoilt)], [(name, text), (name, spoilt)])
        )
        return self._as(ask, "broken call")

    def address(self, route: str) -> str:
        """Return a URL, parts of which can be invalid, percent-encoded or raw."""
        changed = {}
        for name in re.findall(r"<(?:\w+:)?(\w+)>", route):
            if self.dice.random() < 0.25:
                rubbish = quote(
                    corpus.value(self.dice)[:2000], safe="", errors="replace"
                )
                changed[name] = self.dice.choice(
                    (rubbish, self.dice.choice(corpus.RAW_IN_ADDRESS))
                )
        if route.startswith(("admin/", "accounts/")) and "<" in route:
            known = self.people.everything.values(route) | changed
            known |= {"object_id": self.dice.choice(self.known), "app_label": "catalog"}
            return "/" + re.sub(
                r"<(?:\w+:)?(\w+)>", lambda found: str(known.get(found[1], "x")), route
            )
        return self.people.everything.address(route, **changed)

    def query(self) -> str:
        names = self.dice.sample(QUERY_NAMES, self.dice.randrange(4))
        pairs = [(name, self.text()[:1500]) for name in names]
        told = urlencode(pairs, errors="replace")
        if self.dice.random() < 0.1:
            told += f"&{self.dice.choice(QUERY_NAMES)}={self.dice.choice(corpus.RAW_IN_ADDRESS)}"
        return told

    def page(self, turn: int) -> Ask:
        """Return a request for a page, fragment or download with an invalid path and query."""
        route = self.pages[turn % len(self.pages)]
        query = self.query()
        path = self.address(route)
        if query:
            path += ("&" if "?" in path else "?") + query
        headers = list(HTMX) if self.dice.random() < 0.3 else []
        if self.dice.random() < 0.1:
            headers.append(
                (
                    self.dice.choice(
                        (
                            "Accept-Language",
                            "Referer",
                            "If-None-Match",
                            "If-Modified-Since",
                            "Range",
                            "X-Forwarded-For",
                            "Origin",
                            "User-Agent",
                        )
                    ),
                    _line(self.text()),
                )
            )
        method = "HEAD" if self.dice.random() < 0.1 else "GET"
        return Ask("page", method, path, self.role(), headers, target=route)

    def post(self, turn: int) -> Ask:
        """Return a POST request with unknown fields to any URL."""
        route = self.pages[turn % len(self.pages)]
        names = self.dice.sample((*FORM_NAMES, *QUERY_NAMES), self.dice.randrange(6))
        fields = [
            ("csrfmiddlewaretoken", CSRF_TOKEN),
            *((name, self.text()) for name in names),
        ]
        return self._posted("post", self.address(route), self.role(), fields, route)

    def form(self, turn: int) -> Ask:
        """Return a POST request of a form with invalid values in some fields."""
        role = self.dice.choice([role for role, found in self.forms.items() if found])
        action, told = self.forms[role][turn % len(self.forms[role])]
        fields = []
        for name, given in told.items():
            chance = self.dice.random()
            text = (
                self.text() if chance < 0.4 and name != "csrfmiddlewaretoken" else given
            )
            fields += [(name, text)] * (2 if chance > 0.97 else 1)
        return self._posted("form", action, role, fields, urlsplit(action).path)

    def _posted(
        self, kind: str, path: str, role: str, fields: list, target: str
    ) -> Ask:
        fields = [
            (n, CSRF_TOKEN if n == "csrfmiddlewaretoken" else t) for n, t in fields
        ]
        if self.dice.random() < 0.3:
            content_type, body = _multipart(fields, self.dice)
        else:
            content_type, body = FORM, urlencode(fields, errors="replace").encode()
        headers = [
            ("Content-Type", content_type),
            *(HTMX if self.dice.random() < 0.2 else []),
        ]
        return Ask(kind, "POST", path, role, headers, body, target)

    def odd(self, turn: int) -> Ask:
        """Return a request that HTTP allows but browsers do not send."""
        ask = self.dice.choice((self.page, self.post, self.call))(turn)
        change = self.dice.choice(ODDITIES)
        change(ask, self.dice)
        return self._as(ask, "odd")

    def _as(self, ask: Ask, kind: str) -> Ask:
        ask.kind = kind
        return ask


def _worth_asking(route: str) -> bool:
    return "^" not in route and "(?P" not in route


def _line(text: str) -> str:
    """Return the text without line breaks, which would start another header."""
    return re.sub(r"[\r\n]", " ", text)[:6000].encode("utf-8", "replace").decode()


def _multipart(fields: list, dice: random.Random) -> tuple[str, bytes]:
    parts = b""
    for name, text in fields:
        file = '; filename=""' if dice.random() < 0.05 else ""
        file = (
            f'; filename="{_line(corpus.value(dice))[:200]}"'
            if dice.random() < 0.05
            else file
        )
        head = f'--sep\r\nContent-Disposition: form-data; name="{_line(name)}"{file}\r\n\r\n{text}\r\n'
        parts += head.encode("utf-8", "replace")
    return "multipart/form-data; boundary=sep", parts + b"--sep--\r\n"
