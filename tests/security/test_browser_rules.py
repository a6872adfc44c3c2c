"""Security headers of every response, and redirects, downloads and logs."""

import re
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings as configured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from instances.engines.events import clean
from instances.models import TaskLog
from tests.security import corpus
from tests.signing import Caller
from tests.test_access_matrix import check_headers

pytestmark = pytest.mark.django_db
UNSAFE = re.compile(r"unsafe|data:|blob:|https?:|\*")
PAGE = "http://testserver/somewhere/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def anybody():
    return Client(raise_request_exception=False)


@pytest.fixture
def alices(everything):
    return everything.client("alice")


def bad_host(everything):
    return Client().get("/", headers={"host": "evil.example"})


def bad_charset(everything):
    client = everything.client("alice", enforce_csrf_checks=True)
    client.cookies[configured.CSRF_COOKIE_NAME] = "f" * 32
    form = "application/x-www-form-urlencoded; charset=utf-16"
    return client.post("/notices/read/", b"a=1", content_type=form)


def too_many_fields(everything):
    client = everything.client("alice", enforce_csrf_checks=True)
    client.cookies[configured.CSRF_COOKIE_NAME] = "f" * 32
    form = "application/x-www-form-urlencoded"
    return client.post("/notices/read/", b"a=1&" * 2001, content_type=form)


def too_large(everything):
    size = configured.DATA_UPLOAD_MAX_MEMORY_SIZE + 1
    return everything.client("alice").post("/notices/read/", {"a": "x" * size})


def too_large_a_file(everything):
    upload = SimpleUploadedFile("main.tf", b"x" * (5 << 20))
    address = everything.address("manage/products/<str:pk>/versions/new/")
    return everything.client("admin").post(address, {"uploads": upload})


def without_token(everything):
    client = everything.client("alice", enforce_csrf_checks=True)
    return client.post("/notices/read/", {})


def too_many_attempts(everything):
    client = Client()
    wrong = {"login": "alice", "password": "wrong"}
    answers = [client.post("/accounts/login/", wrong) for _ in range(70)]
    return next(each for each in answers if each.status_code == 429)


def crash(everything):
    client = everything.client("alice")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("catalog.views.products.list_page", None)
        return client.get("/products/")


def signed_call(everything):
    return Caller.of(everything.alice).send("ListRegions")


def throttled_call(everything):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(configured, "API_RATE", 1)
        caller = Caller.of(everything.alice)
        answers = [caller.send("ListRegions") for _ in range(5)]
    return answers[-1]


def too_large_a_call(everything):
    size = configured.DATA_UPLOAD_MAX_MEMORY_SIZE + 1
    return Client().post("/", b"x" * size, content_type="text/plain")


ANSWERS = {
    "page": (200, lambda e: e.client("alice").get("/products/")),
    "fragment": (200, lambda e: e.client("alice").get("/products/", headers=HTMX)),
    "sign-in page": (200, lambda e: Client().get("/accounts/login/")),
    "style sheet": (
        200,
        lambda e: Client().get(e.address("-/<slug:stem>.<slug:digest>.<slug:suffix>")),
    ),
    "file": (200, lambda e: e.client("alice").get("/instances/export.csv")),
    "health": (200, lambda e: Client().get("/healthz")),
    "redirect": (302, lambda e: Client().get("/products/")),
    "missing slash": (301, lambda e: e.client("alice").get("/products")),
    "strange host": (400, bad_host),
    "strange character set": (400, bad_charset),
    "too many fields": (400, too_many_fields),
    "no token": (403, without_token),
    "forbidden": (403, lambda e: e.client("alice").get("/admin/login/")),
    "missing": (404, lambda e: e.client("alice").get("/nowhere/")),
    "missing fragment": (
        404,
        lambda e: e.client("alice").get("/instances/x/", headers=HTMX),
    ),
    "wrong method": (405, lambda e: e.client("alice").put("/products/")),
    "conflict": (409, lambda e: e.client("admin").post("/manage/people/bob/undo/")),
    "address that is none": (
        200,
        lambda e: Client().get(
            "/products/", headers={**HTMX, "HX-Current-URL": "http://[::1"}
        ),
    ),
    "too large": (413, too_large),
    "too large a file": (413, too_large_a_file),
    "wrong form": (
        422,
        lambda e: e.client("admin").post("/manage/portfolios/new/", {"name": ""}),
    ),
    "too many attempts": (429, too_many_attempts),
    "crash": (500, crash),
    "signed call": (200, signed_call),
    "unsigned call": (400, lambda e: Client().post("/", {})),
    "throttled call": (400, throttled_call),
    "call with too much": (413, too_large_a_call),
    "trace": (405, lambda e: Client().trace("/accounts/login/")),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_response_has_the_security_headers(everything, name):
    status, ask = ANSWERS[name]
    answer = ask(everything)
    assert answer.status_code == status
    check_headers(answer, name)
    policy = answer.headers["Content-Security-Policy"]
    assert not UNSAFE.search(policy)
    for directive in (
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ):
        assert directive in policy
    assert "camera=()" in answer.headers["Permissions-Policy"]


@pytest.mark.parametrize("name", ["page", "signed call", "missing", "style sheet"])
def test_every_https_response_has_strict_transport_security(everything, name, settings):
    settings.HTTPS = True
    with pytest.MonkeyPatch.context() as patch:
        # The host ends TLS before us and says so.
        patch.setattr("django.http.HttpRequest.is_secure", lambda request: True)
        answer = ANSWERS[name][1](everything)
    assert "includeSubDomains" in answer.headers["Strict-Transport-Security"]


def test_plain_http_requests_to_the_api_are_refused_with_https(everything, settings):
    settings.HTTPS = True
    code = signed_call(everything).json()["Code"]
    assert code == "InvalidProtocol.NeedSsl"


@pytest.mark.parametrize(
    "path", ["/products/", "/instances/", "/access-keys/", "/instances/export.csv"]
)
def test_pages_of_signed_in_users_are_not_cached(alices, path):
    assert "no-store" in alices.get(path).headers["Cache-Control"]


AWAY = [
    *(text for text in corpus.TEXTS if "evil" in text or ":" in text or "//" in text),
    "https:evil.example",
    "http:///evil.example",
    "///evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\x00//evil.example",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    "data:text/html,x",
]


@pytest.mark.parametrize("target", AWAY)
def test_no_redirect_leads_to_another_site(everything, target):
    alices = everything.client("alice")
    answers = [
        alices.post("/appearance/", {"theme": "dark", "next": target}),
        alices.post(
            "/appearance/", {"theme": "dark"}, headers={"referer": _line(target)}
        ),
        alices.post("/language/", {"language": "en", "next": target}),
        alices.get(
            "/products/",
            headers={"hx-request": "true", "hx-current-url": _line(target)},
        ),
        Client().get(
            "/products/",
            headers={"hx-request": "true", "hx-current-url": _line(target)},
        ),
        alices.get("/accounts/login/", {"next": target}),
        Client().get("/admin/", {"next": target}),
        alices.post("/accounts/logout/", {"next": target}),
    ]
    for answer in answers:
        for name in ("Location", "HX-Redirect", "HX-Location", "HX-Push-Url"):
            told = answer.headers.get(name, "")
            reached = urlsplit(urljoin(PAGE, told.replace("\\", "/")))
            assert (reached.scheme, reached.netloc) == ("http", "testserver"), told


def _line(text):
    return re.sub(r"[\r\n\0]", "", text)


HOSTILE_LINE = (
    "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07 \x1b[2J\x1b[31mred\r"
    "\u202egnp.exe <img src=x onerror=alert(1)> \x9b2J \u2066x\u2069"
)


def test_a_hostile_log_is_plain_text(everything, alices):
    """The log has no control sequences, links or changes of text direction."""
    TaskLog.objects.filter(task=everything.task).update(
        lines=[["2026-11-22T10:00:00Z", "info", clean(HOSTILE_LINE)]]
    )
    base = everything.address("instances/<str:pk>/tasks/<str:task>/log/")
    page = alices.get(base).content.decode()
    file = b"".join(alices.get(f"{base}download/").streaming_content).decode()
    for text in (page, file):
        assert "gnp.exe" in text
        assert not re.search(
            "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text
        )
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


@pytest.mark.parametrize(
    "name", ['x";filename="a.html', "..\\..\\a", "a\r\nX-Y: z", "../../etc/x"]
)
def test_download_names_contain_no_user_input(everything, alices, name):
    type(everything.instance).objects.update(name=name)
    base = everything.address("instances/<str:pk>/tasks/<str:task>/log/download/")
    for address in (base, "/instances/export.csv"):
        told = alices.get(address).headers["Content-Disposition"]
        assert re.fullmatch(r'attachment; filename="[\w.-]+"', told)


def test_outputs_are_never_links(everything, alices):
    """An output is shown as text, never as a link."""
    everything.task.outputs.update(value="javascript:alert(1)")
    page = alices.get(everything.address("instances/<str:pk>/tasks/<str:task>/output/"))
    assert "javascript:alert(1)" in page.content.decode()
    assert not re.search(r"href=\"\s*javascript", page.content.decode())
