"""TemplateUrl must name an existing template: nothing is ever fetched.

That is the whole defense against server-side request forgery; these tests fail if code
starts to fetch.
"""

import ast
import socket
import time

import pytest
from django.conf import settings

from tests.catalog.operations.test_versions import TERRAFORM
from tests.factories import ProductFactory, TemplateFactory
from tests.security.listener import listening
from tests.signing import Caller

pytestmark = pytest.mark.django_db
URLS = (
    "http://127.0.0.1:{port}/t.json",
    "https://127.0.0.1:{port}/t.json",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://017700000001:{port}/",
    "http://127.1:{port}/",
    "http://0:{port}/",
    "http://localhost:{port}/",
    "http://localtest.me:{port}/",
    "http://allowed.example@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}#@oss-cn-hangzhou.aliyuncs.com/",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "dict://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "oss://127.0.0.1:{port}/a/terraform/template/tpl-x/template.json",
    "//127.0.0.1:{port}/",
    "\\\\127.0.0.1\\share",
    "jar:http://127.0.0.1:{port}!/",
    "data:text/plain,x",
    "http://127.0.0.1:{port}/%0d%0aHost:%20evil",
)


@pytest.fixture
def listener():
    with listening() as found:
        yield found


@pytest.fixture
def caller(admin, settings):
    settings.API_RATE = 0
    return Caller.of(admin)


def version_params(product, url):
    return {
        "ProductId": product.pk,
        "ProductVersionName": "1.0",
        "TemplateType": TERRAFORM,
        "TemplateUrl": url,
    }


def test_no_url_is_fetched_and_all_have_the_same_error(caller, listener):
    product = ProductFactory()
    first = {"ProductName": "P", "ProviderName": "IT", "ProductType": "Ros"}
    refusals = set()
    for pattern in URLS:
        url = pattern.format(port=listener.port)
        refusals.add(
            caller.refusal("CreateProductVersion", **version_params(product, url))
        )
        parameters = {
            k: v for k, v in version_params(product, url).items() if k != "ProductId"
        }
        made = caller.refusal(
            "CreateProduct", **first, ProductVersionParameters=parameters
        )
        refusals.add(made)
    assert refusals == {(404, "InvalidTemplate.NotFound")}
    assert listener.hits == 0
    assert not product.versions.exists()


def test_a_url_containing_an_existing_template_is_refused(caller, listener):
    url = TemplateFactory().url
    forged = url.replace("oss://", f"http://127.0.0.1:{listener.port}/")
    refusal = caller.refusal(
        "CreateProductVersion", **version_params(ProductFactory(), forged)
    )
    assert refusal == (404, "InvalidTemplate.NotFound")
    assert listener.hits == 0


def test_the_listener_detects_a_connection(listener):
    socket.create_connection(("127.0.0.1", listener.port)).close()
    deadline = time.monotonic() + 10
    while not listener.hits and time.monotonic() < deadline:
        time.sleep(0.01)
    assert listener.hits == 1


# Who may open connections: the mail of notices goes through Django's own backend.
NETWORK = {"requests", "httpx", "aiohttp", "urllib3", "ftplib", "smtplib", "telnetlib"}
NETWORK |= {"urllib.request", "http.client", "xmlrpc.client", "socketserver"}
# Names what goes wrong while allauth asks the one provider the deployment has set.
EXEMPT = "console/accounts/single_sign_on.py"


def test_no_request_handling_module_imports_an_http_client():
    found = []
    for folder in ("console", "catalog", "instances"):
        for path in (settings.BASE_DIR / folder).rglob("*.py"):
            if path == settings.BASE_DIR / EXEMPT:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                names = set()
                if isinstance(node, ast.Import):
                    names = {each.name for each in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names = {node.module, f"{node.module}.{node.names[0].name}"}
                if names & NETWORK:
                    found.append(f"{path}:{node.lineno}")
    assert found == []
