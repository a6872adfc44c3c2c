"""The API endpoint: every response is JSON that the vendor's SDK can read."""

import pytest
from django.db import OperationalError
from django.test import Client

from catalog.models import Product
from console.api import endpoint
from console.api.access_keys import AccessKey
from console.lib.operation import Operation
from tests.factories import PortfolioFactory, ProductFactory, RegionFactory
from tests.signing import Caller, headers_for

ENVELOPE = {"RequestId", "HostId", "Code", "Message", "Recommend"}


@pytest.fixture
def granted(alice):
    product = ProductFactory()
    PortfolioFactory(products=[product], users=[alice])
    return product


def operation(monkeypatch, run):
    monkeypatch.setattr(endpoint, "OPERATIONS", {"Try": Operation(run, "Test")})


def test_a_signed_call_is_answered(api):
    RegionFactory()
    response = api.send("ListRegions")
    assert response.status_code == 200
    assert response.json()["Regions"][0]["RegionId"] == "cn-hangzhou"


def test_the_answer_has_the_request_id_of_the_log_and_the_header(api):
    response = api.send("ListRegions")
    assert response.json()["RequestId"] == response.headers["x-acs-request-id"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_every_method_is_accepted(api, method):
    assert api.send("ListRegions", in_query=True, method=method).status_code == 200


def test_parameters_are_taken_from_the_query_too(api, granted):
    sent = {"ProductId": granted.pk}
    answer = api.send("GetProductAsEndUser", sent, in_query=True).json()
    assert answer["ProductSummary"]["ProductId"] == granted.pk


def test_cookies_are_ignored(api, alice, django_assert_max_num_queries):
    api.client.force_login(alice)
    with django_assert_max_num_queries(5) as queries:
        response = api.send("ListRegions")
    assert not response.cookies
    assert "django_session" not in "".join(q["sql"] for q in queries.captured_queries)


def test_the_host_header_is_not_checked(api):
    headers = headers_for(
        "ListRegions",
        api.key_id,
        api.secret,
        query={},
        body=b"",
        host="http://127.0.0.1:1",
    )
    assert api.deliver({}, b"", headers).status_code == 200


def test_a_browser_at_the_root_gets_the_pages(client, alice):
    client.force_login(alice)
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(
    ("action", "changed", "status", "code"),
    [
        ("listregions", {}, 404, "InvalidApi.NotFound"),
        ("ListRegions", {"x_acs_version": "2020-01-01"}, 400, "InvalidVersion"),
        ("ListRegions", {"x_acs_date": "now"}, 400, "InvalidTimeStamp.Format"),
        (
            "ListRegions",
            {"x_acs_date": "2024-04-07T06:10:37Z"},
            400,
            "InvalidTimeStamp.Expired",
        ),
        ("GetTask", {}, 400, "MissingTaskId"),
    ],
)
def test_an_error_has_a_code(api, action, changed, status, code):
    response = api.send(action, **changed)
    assert (response.status_code, response.json()["Code"]) == (status, code)
    assert set(response.json()) == ENVELOPE


def test_an_unknown_key_is_not_found(api):
    stranger = Caller("LTAI5tNobodyNobodyNobody", api.secret)
    assert stranger.refusal("ListRegions") == (404, "InvalidAccessKeyId.NotFound")


def test_a_wrong_secret_does_not_match(api):
    thief = Caller(api.key_id, "x" * 30)
    assert thief.refusal("ListRegions") == (400, "SignatureDoesNotMatch")


def test_a_disabled_key_is_refused_on_the_next_call(api, alice):
    api.call("ListRegions")
    AccessKey.objects.get(pk=api.key_id).disable(by=alice)
    assert api.refusal("ListRegions") == (400, "InvalidAccessKeyId.Inactive")


def test_an_inactive_user_is_refused_on_the_next_call(api, alice):
    api.call("ListRegions")
    alice.is_active = False
    alice.save()
    assert api.refusal("ListRegions") == (400, "InvalidAccessKeyId.Inactive")


def test_an_operation_for_administrators_refuses_end_users(api):
    assert api.refusal("CreatePortfolio", PortfolioName="a", ProviderName="b") == (
        403,
        "NoPermission",
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/", b""),
        ("POST", "/", b"a=%ff&a=b"),
        ("PUT", "/", b"{}"),
        ("GET", "/?Action=ListRegions", b""),
        ("GET", "/?Signature=", b""),
        ("GET", "/?Action=%ff", b""),
    ],
)
def test_an_unsigned_call_is_refused_in_json(db, method, path, body):
    response = Client().generic(method, path, body)
    assert response.status_code == 400
    assert set(response.json()) == ENVELOPE


def test_a_call_to_another_path_is_answered(api):
    headers = headers_for("ListRegions", api.key_id, api.secret, query={}, body=b"")
    response = api.client.generic("POST", "/openapi/", b"", headers=headers)
    assert response.status_code == 200


def test_a_body_that_is_too_large_is_refused_in_json(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = api.send("CreateTemplate", {"TemplateBody": "x" * 200})
    assert (response.status_code, response.json()["Code"]) == (
        413,
        "RequestEntityTooLarge",
    )


def test_a_body_of_another_content_type_is_refused(api):
    headers = headers_for(
        "ListRegions", api.key_id, api.secret, query={}, body=b"<x/>",
        content_type="application/xml",
    )  # fmt: skip
    response = api.deliver({}, b"<x/>", headers)
    assert (response.status_code, response.json()["Code"]) == (
        400,
        "InvalidContentType",
    )


def test_an_exception_is_an_internal_error_without_details(api, monkeypatch):
    operation(monkeypatch, lambda params, by: {}["secret"])
    response = api.send("Try")
    assert response.status_code == 500
    assert response.json()["Code"] == "InternalError"
    assert response.json()["Message"] == "A system error occurred. Try again later."


def test_an_unreachable_database_is_service_unavailable(api, monkeypatch):
    def run(params, by):
        raise OperationalError("password=hunter2")

    operation(monkeypatch, run)
    response = api.send("Try")
    assert (response.status_code, response.json()["Code"]) == (
        503,
        "ServiceUnavailable",
    )
    assert "hunter2" not in response.content.decode()


def test_errors_are_in_the_language_of_the_api(api, client):
    client.post("/language/", {"language": "zh-hans", "next": "/"})
    client.get("/accounts/login/")
    assert "mandatory" in api.send("GetTask").json()["Message"]


def test_reading_a_product_needs_at_most_five_queries(
    api, granted, django_assert_max_num_queries
):
    api.call("ListRegions")
    with django_assert_max_num_queries(5):
        api.call("GetProductAsEndUser", ProductId=granted.pk)


def test_forbidden_and_missing_products_have_the_same_error(api):
    foreign = ProductFactory()
    assert Product.objects.filter(pk=foreign.pk).exists()
    refusals = [
        api.refusal("GetProductAsEndUser", ProductId=pk)
        for pk in (foreign.pk, "prod-bp1missing0000")
    ]
    assert refusals == [(404, "InvalidProduct.NotFound")] * 2
