"""The state file of Terraform."""

import json

import pytest

from instances.engines import terraform_state


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"version": 4}'])
def test_incomplete_state_is_none(body):
    assert terraform_state.parse(body) is None


def test_state_addresses_have_modules_keys_and_deposed_instances():
    block = {"mode": "managed", "type": "t", "name": "n", "module": 'module.m["x"]'}
    instances = [
        {"index_key": "é", "attributes": {"id": "1"}},
        {"index_key": 0, "attributes": {"id": 2}, "status": "tainted"},
        {"deposed": "abc", "attributes": {}},
    ]
    document = {"version": 4, "serial": 1, "lineage": "l"}
    document["resources"] = [{**block, "instances": instances}]
    found = terraform_state.parse(json.dumps(document).encode()).resources
    assert [(r.address, r.physical_id, r.tainted) for r in found] == [
        ('module.m["x"].t.n["é"]', "1", False),
        ('module.m["x"].t.n[0]', "2", True),
        ('module.m["x"].t.n (deposed abc)', "", True),
    ]
