"""The events in the log of a run."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from instances.engines import events


@pytest.fixture
def log(tmp_path: Path):
    """Write lines to a log with one stage, and return their events."""

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


def test_message_is_cut_at_four_kilobytes():
    assert len(events.clean("你" * 10_000).encode()) <= 4096


def test_incomplete_line_is_not_read(log):
    found = log({"@message": "whole"}, b'{"@message": "ha')
    assert [event.message for event in found] == ["whole"]


def test_line_is_read_when_it_is_complete(log):
    [first] = log({"@message": "one"}, b'{"@message": "tw')
    assert [e.message for e in log(b'o"}\n', offset=first.end)] == ["two"]


def test_offsets_of_events_have_no_gaps(log):
    found = log({"@message": "a"}, "plain", "", {"@message": "b"})
    assert [e.offset for e in found[1:]] == [e.end for e in found[:-1]]


def test_read_returns_at_most_the_limit(log):
    assert len(log(*["x"] * 20, limit=7)) == 7


def test_long_line_is_cut(log):
    [giant, after] = log("x" * (5 << 20), "after")
    assert len(giant.message) <= 4096
    assert giant.end - giant.offset == (5 << 20) + 1
    assert after.message == "after"


def test_large_log_is_sampled_in_its_middle_without_missing_json(log, tmp_path):
    """Begin and end are read line by line, plain text between them is sampled."""
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


def test_plain_text_is_shown_literally(log):
    [event] = log("panic: runtime error")
    assert (event.stream, event.level) == ("stderr", "error")


@pytest.mark.parametrize(
    "line", ["{", "{}", "[1]", '{"hook": 1}', '{"diagnostic": []}']
)
def test_unexpected_json_does_not_crash(log, line):
    assert len(log(line)) == 1


@pytest.mark.parametrize("line", ['{"a":' * 5000, "\\xff\\xfe"])
def test_hostile_line_does_not_crash(log, line):
    assert len(log(line)) == 1


def test_missing_log_has_no_events(tmp_path: Path):
    assert events.read(tmp_path, 0, 10) == []


def test_stage_is_known_at_any_offset(tmp_path: Path):
    (tmp_path / "events.jsonl").write_text("one\ntwo\n")
    (tmp_path / "stages.jsonl").write_text(
        '{"stage": "init", "offset": 0}\n{"stage": "plan", "offset": 4}\n'
    )
    [event] = events.read(tmp_path, 4, 10)
    assert event.stage == "plan"


def test_failed_deletion_has_its_status(log):
    resource = {"addr": "a.b", "resource_type": "a", "resource_name": "b"}
    hook = {"resource": resource, "action": "delete", "id_value": "i-1"}
    [event] = log({"type": "apply_errored", "hook": hook, "@message": "x"})
    assert event.level == "error"
    assert event.resource.status == "DELETE_FAILED"
    assert event.resource.physical_id == "i-1"


def test_read_of_a_data_source_is_no_resource_event(log):
    hook = {"resource": {"addr": "data.a.b"}, "action": "read"}
    [event] = log({"type": "apply_complete", "hook": hook})
    assert event.resource is None
