"""API requests: replay protection, rate limit and log line."""

import json
import logging
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from console.api import host_store
from console.api.access_keys import AccessKey
from tests.signing import Caller, headers_for


def test_a_replayed_request_is_refused(api):
    headers = headers_for("ListRegions", api.key_id, api.secret, query={}, body=b"")
    codes = [api.deliver({}, b"", headers).json().get("Code") for _ in range(2)]
    assert codes == [None, "SignatureNonceUsed"]


def test_a_replay_after_a_restart_is_refused(api, monkeypatch):
    headers = headers_for("ListRegions", api.key_id, api.secret, query={}, body=b"")
    api.deliver({}, b"", headers)
    host_store._local.connection.close()
    monkeypatch.setattr(host_store, "_local", threading.local())
    assert api.deliver({}, b"", headers).json()["Code"] == "SignatureNonceUsed"


def test_a_forged_request_does_not_use_up_a_nonce(api):
    nonce = secrets.token_hex(16)
    forger = Caller(api.key_id, "x" * 30)
    forger.send("ListRegions", x_acs_signature_nonce=nonce)
    response = api.send("ListRegions", x_acs_signature_nonce=nonce)
    assert response.status_code == 200


def test_nonces_are_separate_for_each_key(api, bob):
    nonce = secrets.token_hex(16)
    api.send("ListRegions", x_acs_signature_nonce=nonce)
    response = Caller.of(bob).send("ListRegions", x_acs_signature_nonce=nonce)
    assert response.status_code == 200


def test_a_nonce_cannot_be_reused_with_another_date(api):
    nonce, moment = secrets.token_hex(16), datetime.now(UTC)
    codes = []
    for minutes in (0, 5):
        date = f"{moment + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"
        response = api.send("ListRegions", x_acs_signature_nonce=nonce, x_acs_date=date)
        codes.append(response.json().get("Code"))
    assert codes == [None, "SignatureNonceUsed"]


@pytest.mark.django_db(transaction=True)
def test_one_of_fifty_concurrent_replays_is_answered(api):
    headers = headers_for("ListRegions", api.key_id, api.secret, query={}, body=b"")

    def replay(_):
        try:
            return api.deliver({}, b"", headers).json().get("Code")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(25) as pool:
        codes = list(pool.map(replay, range(50)))
    assert (codes.count(None), codes.count("SignatureNonceUsed")) == (1, 49)


def test_a_key_above_its_rate_limit_is_throttled(api, settings):
    settings.API_RATE = 2
    responses = [api.send("ListRegions") for _ in range(6)]
    assert [response.status_code for response in responses[:4]] == [200] * 4
    assert responses[5].json()["Code"] == "Throttling.User"
    assert int(responses[5].headers["x-acs-retry-after"]) > 0


def test_rate_limits_are_separate_for_each_key(api, bob, settings):
    settings.API_RATE = 1
    for _ in range(3):
        api.send("ListRegions")
    assert Caller.of(bob).send("ListRegions").status_code == 200


def test_a_forged_request_does_not_count_for_the_rate_limit(api, settings):
    settings.API_RATE = 1
    for _ in range(4):
        Caller(api.key_id, "x" * 30).send("ListRegions")
    assert api.send("ListRegions").status_code == 200


def test_a_request_is_logged_in_one_line_without_parameters(api, caplog):
    with caplog.at_level(logging.INFO, logger="console.api"):
        api.send("GetProductAsEndUser", {"ProductId": "prod-secret"})
    [record] = [each for each in caplog.records if each.name == "console.api"]
    line = json.loads(record.getMessage())
    assert line["key"] == api.key_id
    assert line["action"] == "GetProductAsEndUser"
    assert line["code"] == "InvalidProduct.NotFound"
    assert "prod-secret" not in record.getMessage()


def test_unauthenticated_values_are_not_logged(db, caplog):
    with caplog.at_level(logging.INFO, logger="console.api"):
        Caller('x"\n', "s").send('evil"\n' + "x")
    assert "evil" not in caplog.text


def test_the_last_use_of_a_key_is_stored(api):
    api.call("ListRegions")
    assert AccessKey.objects.get(pk=api.key_id).last_used_at
