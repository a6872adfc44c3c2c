"""Reads the log of a run: each line of JSON or plain text is one Event."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from instances.engines.base import Diagnostic, Event, Import, ResourceEvent
from instances.engines.plan_json import imported_id
from instances.engines.run_record import JournalEntry

MESSAGE_BYTES = 4096
LINE_BYTES = 1 << 20
CHUNK_BYTES = 1 << 20
# A reader so far behind skips most lines of plain text: they are not kept anyway.
FAR_BYTES, STRIDE_BYTES = 16 << 20, 4 << 20

# Complete terminal sequences first (CSI, the string kinds such as OSC, the rest), then all
# characters that could still move a cursor, reorder text or not be stored: C0 and C1 but
# newline and tab, bidirectional controls, invisible tags, lone surrogates.
SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
PHASES = {
    "apply_start": "IN_PROGRESS",
    "apply_complete": "COMPLETE",
    "apply_errored": "FAILED",
}
ACTIONS = {"create": "CREATE", "update": "UPDATE", "delete": "DELETE"}
BOX = "╷│╵"
VARIABLE_IN_TEXT = re.compile(
    r"module input variable \"([\w-]+)\"|\bvar\.([\w-]+) (?:declared at|set using)"
)
VARIABLE_USED = re.compile(r"(?<![\w.-])var\.([\w-]+)")
RESOURCE_CONTEXT = re.compile(r'resource "([\w-]+)" "([\w-]+)"')
VARIABLE_IN_CODE = re.compile(r'^\s*variable\s+"?([\w-]+)"?|^ ?"([\w-]+)"\s*:')


def clean(text: object, size: int = MESSAGE_BYTES) -> str:
    """Return text without control characters and sequences, at most `size` bytes of it."""
    plain = SEQUENCES.sub("", str(text)[: 4 * size]).replace("\r\n", "\n")
    plain = CONTROLS.sub("", plain.replace("\r", " "))
    encoded = plain.encode()
    if len(encoded) <= size:
        return plain
    return encoded[: size - 3].decode(errors="ignore") + "…"


def lines(path: Path, offset: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield the complete lines from `offset` on, as start, end and content.

    A line is cut off at LINE_BYTES. The file is read, not mapped: a template that truncates
    it could otherwise kill the reader.
    """
    try:
        log = open(path, "rb")  # noqa: SIM115 - closed by the with below
    except FileNotFoundError:
        return
    with log:
        log.seek(offset)
        start, held, length = offset, b"", 0
        while chunk := log.read(CHUNK_BYTES):
            *complete, rest = chunk.split(b"\n")
            for piece in complete:
                length += len(piece) + 1
                yield start, start + length, (held + piece)[:LINE_BYTES]
                start, held, length = start + length, b"", 0
            held = (held + rest)[:LINE_BYTES]
            length += len(rest)


def strides(path: Path, offset: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield as `lines` does, but one line for each long stretch without JSON: its first.

    A tool may write a gigabyte in a second, and its events of resources must still be found.
    """
    # A few at a time, because the caller renews its lease in between.
    until = min(os.path.getsize(path) - FAR_BYTES, offset + 8 * STRIDE_BYTES)
    with open(path, "rb") as log:
        while offset < until:
            log.seek(offset)
            stretch = log.read(STRIDE_BYTES)
            end = stretch.find(b"\n{") + 1 or stretch.rfind(b"\n") + 1
            if stretch.startswith(b"{") or end <= LINE_BYTES:
                break
            yield offset, offset + end, stretch[: stretch.find(b"\n")][:LINE_BYTES]
            offset += end
        else:
            return
    yield from lines(path, offset)


def _far_behind(path: Path, offset: int) -> bool:
    """Return whether an offset is far from both the beginning and the end of the log."""
    try:
        return FAR_BYTES < offset < os.path.getsize(path) - FAR_BYTES
    except FileNotFoundError:
        return False


def journal(directory: Path) -> list[JournalEntry]:
    """Return the launcher's notes about the begin and end of its stages."""
    entries: list[JournalEntry] = []
    for _, _, line in lines(directory / "stages.jsonl", 0):
        if (entry := _document(line)) is not None:
            entries.append(cast("JournalEntry", entry))
    return entries


def read(directory: Path, offset: int, limit: int) -> list[Event]:
    """Return the events of a run from a byte offset on, at most `limit`."""
    begun = [
        (fact["offset"], fact["stage"])
        for fact in journal(directory)
        if "offset" in fact
    ]
    found: list[Event] = []
    path = directory / "events.jsonl"
    reader = strides if _far_behind(path, offset) else lines
    for start, end, line in reader(path, offset):
        stage = next((name for at, name in reversed(begun) if at <= start), "init")
        found.append(event(start, end, line, stage))
        if len(found) >= limit:
            break
    return found


def first_error(directory: Path, offset: int) -> Diagnostic | None:
    """Return the first error that the tool reported from a byte offset on."""
    return next(errors(directory, offset), None)


def errors(directory: Path, offset: int) -> Iterator[Diagnostic]:
    """Yield the errors that the tool reported from a byte offset on."""
    for start, end, line in lines(directory / "events.jsonl", offset):
        if b'"@level":"error"' in line and b'"diagnostic"' in line:
            found = event(start, end, line, "").diagnostic
            if found is not None and found.severity == "error":
                yield found


def last_text(directory: Path) -> str:
    """Return the plain text at the end of the log: the error of a tool before any JSON."""
    path = directory / "events.jsonl"
    size = os.path.getsize(path) if path.exists() else 0
    with_box = (
        line.decode(errors="replace")
        for _, _, line in lines(path, max(0, size - MESSAGE_BYTES))
        if not line.startswith(b"{")
    )
    return clean("\n".join(text.strip(BOX + " ") for text in with_box)).strip()


def event(start: int, end: int, line: bytes, stage: str) -> Event:
    """Return the event of a line, which is between the offsets `start` and `end`."""
    document = _document(line)
    if document is None:
        return _plain(start, end, line, stage)
    at = clean(document.get("@timestamp", ""), 64)
    if "@launcher" in document:
        level, message = _marker(document)
        return Event(start, end, at, stage, "stdout", level, message)
    diagnostic = _diagnostic(document.get("diagnostic"))
    message = clean(document.get("@message", ""))
    if diagnostic is not None and diagnostic.detail:
        message = clean(f"{message}\n{diagnostic.detail}")
    return Event(
        *(start, end, at, stage, "stdout", _level(document), message),
        resource=_resource(document),
        total=_total(document),
        diagnostic=diagnostic,
        imported=_imported(document),
    )


def _document(line: bytes) -> dict[str, object] | None:
    """Return the JSON object in a line, None for anything else."""
    if not line.startswith(b"{"):
        return None
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _plain(start: int, end: int, line: bytes, stage: str) -> Event:
    """Return the event of plain text: progress of init, else warnings, errors and crashes."""
    text = line.decode(errors="replace")
    message = text.strip(BOX + " ")
    boxed = text[:1] in BOX and text != ""
    stream = "stdout" if stage == "init" and not boxed else "stderr"
    level = "error" if message.startswith(("Error:", "panic:")) else "info"
    level = "warn" if message.startswith("Warning:") else level
    if end - start > LINE_BYTES:
        text = f"{text[:1024]}… ({end - start} bytes)"
    return Event(start, end, "", stage, stream, level, clean(text))


def _marker(document: Mapping[str, object]) -> tuple[str, str]:
    """Return level and message of a line of the launcher."""
    if document["@launcher"] == "begin":
        return "info", clean(f"$ {document.get('command', '')}")
    code = document.get("exit_code")
    took = f"{document.get('stage', '')}: {document.get('seconds', 0)} s"
    if code == 0:
        return "ok", clean(took)
    return "error", clean(f"{took}, exit code {code}")


def _level(document: Mapping[str, object]) -> str:
    """Return the level of a line; `ok` marks a success."""
    kind = document.get("type")
    summary = kind == "change_summary" and _part(document, "changes").get("operation")
    if kind == "apply_complete" or summary in ("apply", "destroy"):
        return "ok"
    if kind == "apply_errored":
        return "error"
    level = document.get("@level")
    return str(level) if level in ("warn", "error") else "info"


def _resource(document: Mapping[str, object]) -> ResourceEvent | None:
    """Return the status of a resource in a line. A diagnostic with the reason may follow."""
    hook = _part(document, "hook")
    phase = PHASES.get(str(document.get("type")))
    action = ACTIONS.get(str(hook.get("action")))
    if phase is None or action is None:
        return None
    resource = _part(hook, "resource")
    return ResourceEvent(
        address=clean(resource.get("addr", ""), 1024),
        type=clean(resource.get("resource_type", ""), 256),
        name=clean(resource.get("resource_name", ""), 256),
        status=f"{action}_{phase}",
        physical_id=clean(hook.get("id_value") or "", 1024),
        reason="",
    )


def _imported(document: Mapping[str, object]) -> Import | None:
    """Return the import that a line announces, else None."""
    change = _part(document, "change")
    given = imported_id(change)
    if document.get("type") != "planned_change" or not given:
        return None
    address = clean(_part(change, "resource").get("addr", ""), 1024)
    return Import(address, clean(given, 512))


def _total(document: Mapping[str, object]) -> int | None:
    """Return the number of operations in the summary of a plan, None for other lines."""
    changes = _part(document, "changes")
    if document.get("type") != "change_summary" or changes.get("operation") != "plan":
        return None
    counts = (changes.get(key) for key in ("add", "change", "remove"))
    return sum(count for count in counts if isinstance(count, int))


def _diagnostic(found: object) -> Diagnostic | None:
    """Return the diagnostic of a line, with the variable that it is about."""
    if not isinstance(found, dict):
        return None
    place = _part(found, "range")
    file = str(place.get("filename") or "")
    line = _part(place, "start").get("line")
    return Diagnostic(
        severity=clean(found.get("severity", ""), 64),
        summary=clean(found.get("summary", "")),
        detail=clean(found.get("detail", "")),
        address=clean(found.get("address") or _block(found), 1024),
        # Without the absolute path, which is that of the run's directory.
        file=clean(re.sub(r"^/.*/", "", file), 1024),
        line=line if isinstance(line, int) else None,
        variable=_variable(found, file),
        uses=_uses(_part(found, "snippet")),
    )


def _block(found: Mapping[str, object]) -> str:
    """Return the address of the resource that a diagnostic quotes, in the root module only."""
    block = RESOURCE_CONTEXT.match(str(_part(found, "snippet").get("context") or ""))
    inside = "/" in str(_part(found, "range").get("filename") or "/")
    return f"{block[1]}.{block[2]}" if block and not inside else ""


def _uses(snippet: Mapping[str, object]) -> tuple[str, ...]:
    """Return the variables with values beside the quoted code, else those in the code."""
    values = snippet.get("values")
    shown = [
        VARIABLE_USED.match(str(each.get("traversal")))
        for each in (values if isinstance(values, list) else [])
        if isinstance(each, dict)
    ]
    names = [found[1] for found in shown if found]
    names = names or VARIABLE_USED.findall(str(snippet.get("code") or ""))
    return tuple(dict.fromkeys(name[:255] for name in names[:50]))


def _variable(found: Mapping[str, object], file: str) -> str:
    """Return the variable of a diagnostic, by its text or the code that it quotes."""
    named = VARIABLE_IN_TEXT.search(str(found.get("detail", "")))
    code = str(_part(found, "snippet").get("code") or "")
    context = str(_part(found, "snippet").get("context") or "")
    named = named or VARIABLE_IN_CODE.match(code) or VARIABLE_IN_CODE.match(context)
    # A quoted key is the name of a variable only in the file of values.
    if named is None or (
        named.re is VARIABLE_IN_CODE and named[2] and "tfvars" not in file
    ):
        return ""
    return named[1] or named[2] or ""


def _part(document: Mapping[str, object], key: str) -> dict[str, object]:
    """Return the object of a key, empty when there is none."""
    part = document.get(key)
    return part if isinstance(part, dict) else {}
