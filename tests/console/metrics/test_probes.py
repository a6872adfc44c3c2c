"""`/healthz`, `/readyz` and `/metrics` as Kubernetes, load balancers and Prometheus use them."""

import pytest

pytestmark = pytest.mark.django_db
PROBES = ("/healthz", "/readyz", "/metrics")
HOSTS = ("10.42.0.17:8000", "[fd00::17]:8000", "catalog.default.svc:8000", "a b")
TOKEN = "Bearer tell-me"


@pytest.fixture(autouse=True)
def production(settings):
    settings.METRICS_TOKEN = "tell-me"
    settings.ALLOWED_HOSTS = ["catalog.example.com"]
    settings.SECURE_SSL_REDIRECT = settings.HTTPS = True


@pytest.mark.parametrize("path", PROBES)
@pytest.mark.parametrize("host", HOSTS)
def test_probes_are_answered_for_any_host_header(client, path, host):
    answer = client.get(path, headers={"host": host, "authorization": TOKEN})
    assert answer.status_code == (503 if path == "/readyz" else 200)
    assert host.encode() not in answer.content


@pytest.mark.parametrize("path", PROBES)
def test_head_is_answered_as_get_without_a_body(client, path):
    headers = {"host": "10.42.0.17:8000", "authorization": TOKEN}
    get, head = client.get(path, headers=headers), client.head(path, headers=headers)
    assert head.status_code == get.status_code
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert head.content == b""


def test_an_ip_address_gets_no_page_and_no_metrics_without_the_token(client):
    headers = {"host": "10.42.0.17:8000"}
    assert client.get("/products/", headers=headers, secure=True).status_code == 400
    assert client.get("/metrics", headers=headers, secure=True).status_code == 400
    for wrong in ("Bearer tell-me-not", "Bearer ", "Basic dGVsbC1tZQ=="):
        answer = client.get(
            "/metrics", headers=headers | {"authorization": wrong}, secure=True
        )
        assert answer.status_code in (400, 401)
