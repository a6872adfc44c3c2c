"""Verification of signatures captured from the vendor's SDK, and of changed ones."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.api.call import Call
from console.api.signature import check_time, matches, read_claim
from console.lib.errors import DomainError

CAPTURED = json.loads((Path(__file__).parent / "captured.json").read_text())
SECRET = CAPTURED["secret"]
NAMES = sorted(CAPTURED["calls"])
HEADER_SIGNED = [name for name in NAMES if not name.startswith("rpc")]
PARAMETER_SIGNED = [name for name in NAMES if name.startswith("rpc")]


def captured(name):
    raw = CAPTURED["calls"][name]
    return Call(
        method=raw["method"],
        raw_query=raw["path"].partition("?")[2],
        body=raw["body"].encode(),
        headers={key.lower(): value for key, value in raw["headers"]},
    )


def with_header(call, **headers):
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(call, headers=call.headers | changed)


def accepted(call):
    try:
        return matches(read_claim(call), SECRET)
    except DomainError:
        return False


@pytest.mark.parametrize("name", NAMES)
def test_requests_of_the_sdk_verify(name):
    assert matches(read_claim(captured(name)), SECRET)


@pytest.mark.parametrize("name", NAMES)
def test_another_secret_does_not_match(name):
    assert not matches(read_claim(captured(name)), SECRET + "x")


@pytest.mark.parametrize("name", NAMES)
def test_the_claim_names_key_and_operation(name):
    claim = read_claim(captured(name))
    assert (claim.key_id, claim.version) == (CAPTURED["key"], "2021-09-01")
    assert claim.action[0].isupper()


@pytest.mark.parametrize("name", HEADER_SIGNED)
def test_changing_a_signed_header_breaks_the_signature(name):
    call = captured(name)
    signed = read_claim(call).signed.split(";")
    for header in signed:
        changed = with_header(call, **{header: call.headers[header] + "0"})
        assert not accepted(changed), header


@pytest.mark.parametrize("name", HEADER_SIGNED)
def test_every_required_header_must_be_signed(name):
    call = captured(name)
    signed = read_claim(call).signed.split(";")
    for header in signed:
        rest = ";".join(each for each in signed if each != header)
        authorization = call.headers["authorization"].replace(";".join(signed), rest)
        assert not accepted(with_header(call, authorization=authorization)), header


@pytest.mark.parametrize("name", NAMES)
def test_changing_query_body_or_method_breaks_the_signature(name):
    call = captured(name)
    query = f"{call.raw_query}&" if call.raw_query else ""
    body = f"{call.body.decode()}&" if call.body else ""
    assert not accepted(replace(call, raw_query=f"{query}Extra=1"))
    assert not accepted(replace(call, body=f"{body}Extra=1".encode()))
    assert not accepted(replace(call, method="PUT"))


@pytest.mark.parametrize("name", ["form", "sts_async_form"])
def test_another_body_with_the_old_hash_is_refused(name):
    call = captured(name)
    body = call.body.replace(b"cn-hangzhou", b"cn-beijing")
    with pytest.raises(DomainError) as refusal:
        read_claim(replace(call, body=body))
    assert refusal.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("name", PARAMETER_SIGNED)
def test_the_older_form_ignores_the_unsigned_header_that_names_the_operation(name):
    call = with_header(captured(name), x_acs_action="DeleteProduct")
    assert read_claim(call).action != "DeleteProduct"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("authorization", "ACS3-HMAC-SHA256"),
        ("authorization", "Basic YTpi"),
        ("authorization", "ACS3-HMAC-SM3 Credential=a,SignedHeaders=host,Signature=00"),
        ("authorization", "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=,Signature="),
        (
            "authorization",
            "ACS3-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=0",
        ),
        ("x-acs-signature-nonce", ""),
        ("x-acs-signature-nonce", "n" * 129),
        ("x-acs-unsigned", "1"),
    ],
)
def test_malformed_signatures_are_incomplete(header, value):
    with pytest.raises(DomainError) as refusal:
        read_claim(with_header(captured("query"), **{header: value}))
    assert refusal.value.code == "IncompleteSignature"


@pytest.mark.parametrize("value", ["", "0", "e3b0", "é" * 64, "\U0001f469" * 64])
def test_an_invalid_hash_does_not_match(value):
    call = with_header(captured("query"), x_acs_content_sha256=value)
    with pytest.raises(DomainError) as refusal:
        read_claim(call)
    assert refusal.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("names", ["Host;x-acs-date", "x-acs-date;host", "host;host"])
def test_signed_headers_are_lower_case_sorted_and_unique(names):
    call = captured("query")
    signed = read_claim(call).signed
    authorization = call.headers["authorization"].replace(signed, names)
    with pytest.raises(DomainError) as refusal:
        read_claim(with_header(call, authorization=authorization))
    assert refusal.value.code == "IncompleteSignature"


@pytest.mark.parametrize(
    ("name", "value"), [("SignatureMethod", "HMAC-MD5"), ("SignatureVersion", "2.0")]
)
def test_the_older_form_allows_one_signature_method(name, value):
    call = captured("rpc_query")
    query = call.raw_query.replace(f"{name}={call.query[name]}", f"{name}={value}")
    with pytest.raises(DomainError) as refusal:
        read_claim(replace(call, raw_query=query))
    assert refusal.value.code == "IncompleteSignature"


@pytest.mark.parametrize("start", [1, 63])
def test_a_truncated_signature_does_not_match(start):
    call = captured("query")
    head, _, signature = call.headers["authorization"].rpartition("=")
    assert not accepted(with_header(call, authorization=f"{head}={signature[:start]}"))


@pytest.mark.parametrize("minutes", [-14, 0, 14])
def test_a_request_is_valid_for_fifteen_minutes(minutes):
    claim = read_claim(captured("query"))
    signed_at = datetime.strptime(claim.date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert check_time(claim, signed_at + timedelta(minutes=minutes)) == signed_at


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_request_expires(minutes):
    claim = read_claim(captured("query"))
    signed_at = datetime.strptime(claim.date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    with pytest.raises(DomainError) as refusal:
        check_time(claim, signed_at + timedelta(minutes=minutes))
    assert refusal.value.code == "InvalidTimeStamp.Expired"


@pytest.mark.parametrize(
    "date", ["", "yesterday", "2026-11-22", "2026-13-22T04:43:21Z"]
)
def test_a_date_in_another_form_is_refused(date):
    claim = read_claim(with_header(captured("query"), x_acs_date=date))
    with pytest.raises(DomainError) as refusal:
        check_time(claim, datetime.now(UTC))
    assert refusal.value.code == "InvalidTimeStamp.Format"


@pytest.mark.parametrize(
    "query", ["ProductId=a&ProductId=b", "ProductId=%ff", "ProductId=a%00b"]
)
def test_an_ambiguous_query_is_refused(query):
    with pytest.raises(DomainError):
        matches(read_claim(replace(captured("query"), raw_query=query)), SECRET)


def test_a_parameter_in_query_and_form_is_refused():
    call = captured("form")
    with pytest.raises(DomainError):
        _ = replace(call, raw_query="StackRegionId=cn-beijing").parameters
