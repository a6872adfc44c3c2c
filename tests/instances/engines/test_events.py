"""A run's log, line by line: what is told, and what is taken out of it."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from instances.engines import events, plan_json, terraform_state


@pytest.fixture
def log(tmp_path: Path):
    """Writes lines into a log with one stage, and reads them."""

    def write(*lines: str | dict | bytes, offset: int = 0, limit: int = 500):
        with open(tmp_path / "events.jsonl", "ab") as file:
            for line in lines:
                text = json.dumps(line) if isinstance(line, dict) else line
                file.write(text if isinstance(text, bytes) else text.encode() + b"\n")
        (tmp_path / "stages.jsonl").write_text('{"stage": "apply", "offset": 0}\n')
        return events.read(tmp_path, offset, limit)

    return write


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("done\r\x1b[2Kforged", "done forged"),
        ("\x9b31mred", "red"),
        ("a\x00b\x08c\x7f", "abc"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\u2066x\u2069", "x"),
        ("\x1bPpayload\x1b\\after", "after"),
        ("half \x1b[3", "half 3"),
        ("lone \ud800 half", "lone  half"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("你好", "你好"),
    ],
)
def test_control_sequences_are_removed(dirty, clean):
    assert events.clean(dirty).strip("[") == clean


def test_a_message_is_four_kilobytes_at_most():
    assert len(events.clean("你" * 10_000).encode()) <= 4096


def test_only_complete_lines_are_read(log):
    found = log({"@message": "whole"}, b'{"@message": "ha')
    assert [event.message for event in found] == ["whole"]


def test_a_line_is_read_once_it_is_complete(log):
    [first] = log({"@message": "one"}, b'{"@message": "tw')
    assert [e.message for e in log(b'o"}\n', offset=first.end)] == ["two"]


def test_events_join_without_a_gap(log):
    found = log({"@message": "a"}, "plain", "", {"@message": "b"})
    assert [e.offset for e in found[1:]] == [e.end for e in found[:-1]]


def test_no_more_than_the_limit_are_read(log):
    assert len(log(*["x"] * 20, limit=7)) == 7


def test_a_giant_line_is_cut(log):
    [giant, after] = log("x" * (5 << 20), "after")
    assert len(giant.message) <= 4096
    assert giant.end - giant.offset == (5 << 20) + 1
    assert after.message == "after"


def test_of_a_flood_only_what_tells_something_is_read_in_its_middle(log, tmp_path):
    """Head and tail line by line, the text between in strides, and no JSON is missed."""
    said = "flood of text" * 79
    flood = f"{said}\n".encode() * (20 << 10)
    told = {"@message": "made", "type": "apply_complete", "hook": HOOK}
    log(flood, told, flood, told, flood, limit=0)
    path, offset, found = tmp_path / "events.jsonl", 0, []
    while batch := events.read(tmp_path, offset, 4000):
        assert batch[0].offset == offset
        assert all(one.end == other.offset for one, other in pairwise(batch))
        offset = batch[-1].end
        found += batch
    assert offset == path.stat().st_size
    assert len([event for event in found if event.resource]) == 2
    assert [each.message for each in found[:1000]] == [said] * 1000
    assert [each.message for each in found[-1000:]] == [said] * 1000
    assert any("bytes)" in event.message for event in found)
    assert len(found) < 0.75 * path.read_bytes().count(b"\n")


HOOK = {
    "resource": {"addr": "thing.a", "resource_type": "thing", "resource_name": "a"},
    "action": "create",
}


def test_a_line_that_is_not_json_is_shown_as_it_is(log):
    [event] = log("panic: runtime error")
    assert (event.stream, event.level) == ("stderr", "error")


@pytest.mark.parametrize(
    "line", ["{", "{}", "[1]", '{"hook": 1}', '{"diagnostic": []}']
)
def test_odd_lines_do_no_harm(log, line):
    assert len(log(line)) == 1


@pytest.mark.parametrize("line", ['{"a":' * 5000, "\\xff\\xfe"])
def test_hostile_lines_do_no_harm(log, line):
    assert len(log(line)) == 1


def test_there_are_no_events_without_a_log(tmp_path: Path):
    assert events.read(tmp_path, 0, 10) == []


def test_the_stage_is_known_from_any_offset(tmp_path: Path):
    (tmp_path / "events.jsonl").write_text("one\ntwo\n")
    (tmp_path / "stages.jsonl").write_text(
        '{"stage": "init", "offset": 0}\n{"stage": "plan", "offset": 4}\n'
    )
    [event] = events.read(tmp_path, 4, 10)
    assert event.stage == "plan"


def test_a_deletion_tells_its_status(log):
    resource = {"addr": "a.b", "resource_type": "a", "resource_name": "b"}
    hook = {"resource": resource, "action": "delete", "id_value": "i-1"}
    [event] = log({"type": "apply_errored", "hook": hook, "@message": "x"})
    assert event.level == "error"
    assert event.resource.status == "DELETE_FAILED"
    assert event.resource.physical_id == "i-1"


def test_reading_a_data_source_is_not_a_change(log):
    hook = {"resource": {"addr": "data.a.b"}, "action": "read"}
    [event] = log({"type": "apply_complete", "hook": hook})
    assert event.resource is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"version": 4}'])
def test_less_than_a_whole_state_is_no_state(body):
    assert terraform_state.parse(body) is None


def test_a_state_with_modules_and_keys_names_its_resources():
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


def test_masks_and_unknowns_reach_into_nested_values(tmp_path: Path):
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


def test_data_sources_are_no_changes(tmp_path: Path):
    (tmp_path / "plan.json").write_text('{"resource_changes": [{"mode": "data"}]}')
    assert plan_json.read(tmp_path / "plan.json") == []
