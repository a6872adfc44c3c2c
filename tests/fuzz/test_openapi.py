"""Valid and invalid requests that schemathesis generates from the OpenAPI document: no 5xx.

python -m pytest tests/fuzz (FUZZ_EXAMPLES=1000 for a long run)
"""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.core import NOT_SET

from console.api.openapi import document
from tests.factories import (
    InstanceFactory,
    launchable,
)
from tests.signing import Caller

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "15"))
SCHEMA = schemathesis.openapi.from_dict(document("http://testserver"))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


@pytest.fixture
def caller(admin, settings):
    settings.API_RATE = 0
    version = launchable(admin)
    InstanceFactory(version=version, owner=admin)
    return Caller.of(admin)


def body_of(case):
    return None if case.body is NOT_SET else case.body


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda each: each.definition.raw["operationId"]
)
def test_no_request_causes_a_server_error(caller, operation, mode):
    action = operation.definition.raw["operationId"]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case):
        response = caller.send_json(action, body_of(case))
        assert response.status_code < 500, (case.body, response.content)
        answer = response.json()
        assert answer["RequestId"]
        if response.status_code != 200:
            assert answer["Code"]
            assert answer["Message"]

    send()
