"""The JSON of a plan of Terraform."""

import json
from pathlib import Path

from instances.engines import plan_json


def test_nested_values_are_masked_or_marked_unknown(tmp_path: Path):
    change = {
        "actions": ["update"],
        "before": {"a": [{"b": "secret", "c": 1}]},
        "after": {"a": [{"c": 2}]},
        "after_unknown": {"a": [{"b": True}]},
        "before_sensitive": {"a": [{"b": True}]},
        "after_sensitive": {},
    }
    found = {"mode": "managed", "address": "t.n", "type": "t", "name": "n"}
    (tmp_path / "plan.json").write_text(
        json.dumps({"resource_changes": [{**found, "change": change}]})
    )
    [read] = plan_json.read(tmp_path / "plan.json")
    assert read.before == {"a": [{"b": "******", "c": 1}]}
    assert read.after == {"a": [{"c": 2, "b": "(known after apply)"}]}


def test_data_sources_are_not_changes(tmp_path: Path):
    (tmp_path / "plan.json").write_text('{"resource_changes": [{"mode": "data"}]}')
    assert plan_json.read(tmp_path / "plan.json") == []
