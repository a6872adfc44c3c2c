"""API requests with a JSON body at the URL of the operation, as generated clients send them."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest
from django.test import Client

from catalog.models import Version
from console.api.call import Call
from console.api.endpoint import OPERATIONS
from instances.models import Instance
from tests.factories import (
    ProductFactory,
    TemplateFactory,
)
from tests.signing import headers_for

THREE_TF = "".join(
    f'variable "{name}" {{\n  type = string\n}}\n' for name in ("one", "two", "three")
)
pytestmark = pytest.mark.template(THREE_TF)


def launch_body(version, values, tags, **more):
    return {
        "ProductId": version.product_id,
        "ProductVersionId": version.pk,
        "ProvisionedProductName": "orders",
        "StackRegionId": "cn-hangzhou",
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in values.items()
        ],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        **more,
    }


def test_lists_have_several_entries(api, version):
    values = {"one": "a&b=c", "two": "二", "three": " c "}
    tags = {"team": "data", "cost": "7"}
    answer = api.send_json("LaunchProduct", launch_body(version, values, tags))
    assert answer.status_code == 200, answer.content
    task = Instance.objects.get().last_task
    assert (task.values, task.tags) == (values, tags)


def test_a_number_keeps_its_decimal_text(api, version):
    body = launch_body(version, {}, {"cost": "x"}) | {"Parameters": "@"}
    numbers = (
        '[{"ParameterKey": "one", "ParameterValue": 1.10},'
        '{"ParameterKey": "two", "ParameterValue": 123456789012345678901234567890},'
        '{"ParameterKey": "three", "ParameterValue": true}]'
    )
    text = json.dumps(body).replace('"@"', numbers).encode()
    answer = send(api, "LaunchProduct", text)
    assert answer.status_code == 200, answer.content
    assert Instance.objects.get().last_task.values == {
        "one": "1.10",
        "two": "123456789012345678901234567890",
        "three": "true",
    }


def test_numbers_booleans_and_objects_are_read(admin_api, admin):
    url = TemplateFactory().url
    first = {
        "ProductVersionName": "1.0",
        "TemplateType": "RosTerraformTemplate",
        "TemplateUrl": url,
        "Active": False,
        "Guidance": None,
    }
    made = admin_api.send_json(
        "CreateProduct",
        {
            "ProductName": "Service",
            "ProductType": "Ros",
            "ProviderName": "IT",
            "ProductVersionParameters": first,
        },
    ).json()
    assert Version.objects.get(pk=made["ProductVersionId"]).active is False
    ProductFactory(name="Service 2")
    found = admin_api.send_json(
        "ListProductsAsAdmin",
        {
            "PageNumber": 2,
            "PageSize": 1,
            "Filters": [
                {"Key": "FullTextSearch", "Value": "serv"},
                {"Key": "FullTextSearch", "Value": "VICE"},
            ],
        },
    ).json()
    assert (found["TotalCount"], len(found["ProductDetails"])) == (2, 1)


def test_an_empty_list_is_sent_and_null_is_not(db):
    body = b'{"Tags": [], "Parameters": null, "PortfolioId": null}'
    call = Call("POST", "", body, {"content-type": "application/json"})
    assert call.parameters == {"Tags": ""}


def send(api, action, body, **changed):
    changed = {"content_type": "application/json"} | changed
    headers = headers_for(
        action, api.key_id, api.secret, query={}, body=body, **changed
    )
    return api.deliver({}, body, headers, path=f"/api/{action}")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"text"',
        b"null",
        b"{",
        b"\xff{}",
        '{"ProductId": "x"}'.encode("utf-16"),
        b'{"ProductId": NaN}',
        b'{"ProductId": "a", "ProductId": "b"}',
        b'{"ProductId": "\\ud800"}',
        b'{"ProductId": "\\u0000"}',
        b'{"\\ud800": "a"}',
        b'{"Filters": ["text"]}',
        b'{"Filters": [[]]}',
        b'{"Filters": [{"Key": {"a": 1}}]}',
        b'{"Filters": [{"Key": "a"}], "Filters.1.Key": "b"}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
        json.dumps({f"n{number}": "" for number in range(2001)}).encode(),
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)
def test_a_body_that_cannot_be_read_is_refused(admin_api, body):
    answer = send(admin_api, "ListProductsAsAdmin", body)
    assert answer.status_code == 400
    assert answer.json()["Code"] in ("InvalidParameter", "InvalidProductId")


def test_a_charset_in_the_content_type_is_accepted(admin_api):
    answer = send(
        admin_api, "ListRegions", b"{}", content_type="Application/JSON; charset=utf-8"
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("action", sorted(OPERATIONS))
def test_each_operation_has_a_url(admin_api, action):
    answer = admin_api.send_json(action, {})
    assert answer.json().get("Code") != "InvalidApi.NotFound"
    assert answer.status_code in (200, 400)


def test_the_url_must_match_the_signed_action(admin_api):
    for path in ("/api/ListRegions", "/api/", "/api/listproductsasadmin"):
        answer = admin_api.send_json("ListProductsAsAdmin", {}, path=path)
        assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidAction")
    slash = admin_api.send_json("ListProductsAsAdmin", {}, path="/api/ListProductsAsAdmin/")  # fmt: skip
    assert slash.status_code == 200


def test_an_unsigned_request_gets_a_json_error(db):
    for method in ("get", "post", "head", "delete"):
        answer = getattr(Client(), method)("/api/LaunchProduct")
        assert answer.status_code == 400
        assert answer.headers["Content-Type"] == "application/json"
    answer = Client().generic("POST", "/api/LaunchProduct", b"{}", "application/json")
    assert answer.json()["Code"] == "IncompleteSignature"


def test_a_changed_body_is_refused(admin_api):
    body = b'{"PageSize": 1}'
    headers = headers_for(
        "ListProductsAsAdmin",
        admin_api.key_id,
        admin_api.secret,
        query={},
        body=body,
        content_type="application/json",
    )
    path = "/api/ListProductsAsAdmin"
    answer = admin_api.deliver({}, b'{"PageSize": 9}', headers, path=path)
    assert answer.json()["Code"] == "SignatureDoesNotMatch"
    # The kind of body is signed as well: a form cannot be read as JSON afterwards.
    headers["content-type"] = "application/x-www-form-urlencoded"
    answer = admin_api.deliver({}, body, headers, path=path)
    assert answer.json()["Code"] == "SignatureDoesNotMatch"


def test_the_older_signature_is_refused_with_json(admin_api):
    pairs = {
        "Action": "ListRegions",
        "AccessKeyId": admin_api.key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": "n1",
        "Timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "Version": "2021-09-01",
    }
    query = "&".join(f"{k}={quote(pairs[k], safe='~')}" for k in sorted(pairs))
    text = f"POST&%2F&{quote(query, safe='~')}"
    mac = hmac.digest(f"{admin_api.secret}&".encode(), text.encode(), hashlib.sha1)
    pairs["Signature"] = base64.b64encode(mac).decode()
    client, address = Client(), f"/?{urlencode(pairs)}"
    answer = client.post(address, b'{"PageSize": 1}', content_type="application/json")
    assert answer.json()["Code"] == "IncompleteSignature"
    assert client.generic("POST", address).status_code == 200
