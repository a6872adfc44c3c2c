"""Calls made by schemathesis from our own OpenAPI document, valid and not: never a 5xx.

python -m pytest tests/fuzz          (FUZZ_EXAMPLES=1000 for a long run)
"""

import json
import os
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from console.api.openapi import document
from tests.factories import InstanceFactory, PortfolioFactory, VersionFactory
from tests.signing import Caller, headers_for

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "15"))
SCHEMA = schemathesis.openapi.from_dict(document("http://testserver"))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


@pytest.fixture
def caller(admin, settings):
    settings.API_RATE = 0
    version = VersionFactory()
    PortfolioFactory(products=[version.product], users=[admin])
    InstanceFactory(version=version, owner=admin)
    return Caller.of(admin)


def on_the_wire(case):
    """The parameters of a case as text; what schemathesis negates into rubbish stays rubbish."""
    sent = {}
    for part in (case.query, case.body):
        if isinstance(part, dict):
            sent |= part
    return {
        str(name): value if isinstance(value, str) else json.dumps(value)
        for name, value in sent.items()
        if name != "Action"
    }


def encodable(text):
    return text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda each: each.definition.raw["operationId"]
)
def test_no_call_breaks_the_server(caller, operation, mode):
    action = operation.definition.raw["operationId"]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case):
        flat = {encodable(k): encodable(v) for k, v in on_the_wire(case).items()}
        body = urlencode(flat).encode()
        headers = headers_for(action, caller.key_id, caller.secret, query={}, body=body)
        response = caller.deliver({}, body, headers)
        assert response.status_code < 500, (flat, response.content)
        answer = response.json()
        assert answer["RequestId"]
        if response.status_code != 200:
            assert answer["Code"]
            assert answer["Message"]

    send()
