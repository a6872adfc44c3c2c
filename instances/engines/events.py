"""Reads a run's log: one line of JSON or plain text becomes one Event."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from instances.engines.base import Diagnostic, Event, Import, ResourceEvent
from instances.engines.plan_json import imported_id

MESSAGE_BYTES = 4096
LINE_BYTES = 1 << 20
CHUNK_BYTES = 1 << 20
# So far behind, plain text is not read line by line any more: most of it will be left out.
FAR_BYTES, STRIDE_BYTES = 16 << 20, 4 << 20

# Complete terminal sequences first (CSI, the string kinds such as OSC, the rest), then
# what could still move a cursor, reorder text or not be stored: C0 and C1 but newline
# and tab, bidirectional controls, invisible tags, lone surrogates.
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
    """Text without anything that acts on a terminal or page, at most `size` bytes long."""
    plain = SEQUENCES.sub("", str(text)[: 4 * size]).replace("\r\n", "\n")
    plain = CONTROLS.sub("", plain.replace("\r", " "))
    encoded = plain.encode()
    if len(encoded) <= size:
        return plain
    return encoded[: size - 3].decode(errors="ignore") + "…"


def lines(path: Path, offset: int) -> Iterator[tuple[int, int, bytes]]:
    """The complete lines from `offset` on, as start, end and content.

    Of a line beyond LINE_BYTES only the beginning is given. The file is read, never
    mapped: a template that cuts it short must not be able to kill the reader.
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
    """As `lines`, but of each long stretch without JSON only the first line, for all of it.

    A tool may write a gigabyte in a second; what it says of resources is still found.
    """
    # A few at a time: the lease is renewed in between.
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
    """Whether so much is unread, and so much has been read, that neither is head or tail."""
    try:
        return FAR_BYTES < offset < os.path.getsize(path) - FAR_BYTES
    except FileNotFoundError:
        return False


def journal(directory: Path) -> list[dict[str, Any]]:
    """What the launcher noted about its stages: beginnings have an offset, ends do not."""
    noted = lines(directory / "stages.jsonl", 0)
    return [fact for _, _, line in noted if (fact := _document(line)) is not None]


def read(directory: Path, offset: int, limit: int) -> list[Event]:
    """The events of a run from a byte offset on, at most `limit`."""
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
    """The first error the tool reported from a byte offset on."""
    return next(errors(directory, offset), None)


def errors(directory: Path, offset: int) -> Iterator[Diagnostic]:
    """Yield the errors the tool reported from a byte offset on."""
    for start, end, line in lines(directory / "events.jsonl", offset):
        if b'"@level":"error"' in line and b'"diagnostic"' in line:
            found = event(start, end, line, "").diagnostic
            if found is not None and found.severity == "error":
                yield found


def last_words(directory: Path) -> str:
    """The plain text at the end of the log: what a tool says that fails before JSON."""
    path = directory / "events.jsonl"
    size = os.path.getsize(path) if path.exists() else 0
    with_box = (
        line.decode(errors="replace")
        for _, _, line in lines(path, max(0, size - MESSAGE_BYTES))
        if not line.startswith(b"{")
    )
    return clean("\n".join(text.strip(BOX + " ") for text in with_box)).strip()


def event(start: int, end: int, line: bytes, stage: str) -> Event:
    """The event one line tells of."""
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


def _document(line: bytes) -> dict[str, Any] | None:
    """The JSON object a line holds, None for anything else."""
    if not line.startswith(b"{"):
        return None
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _plain(start: int, end: int, line: bytes, stage: str) -> Event:
    """A line that is not JSON: progress during init, else warnings, errors and crashes."""
    text = line.decode(errors="replace")
    said = text.strip(BOX + " ")
    boxed = text[:1] in BOX and text != ""
    stream = "stdout" if stage == "init" and not boxed else "stderr"
    level = "error" if said.startswith(("Error:", "panic:")) else "info"
    level = "warn" if said.startswith("Warning:") else level
    if end - start > LINE_BYTES:
        text = f"{text[:1024]}… ({end - start} bytes)"
    return Event(start, end, "", stage, stream, level, clean(text))


def _marker(document: dict[str, Any]) -> tuple[str, str]:
    """Level and message of a line the launcher wrote."""
    if document["@launcher"] == "begin":
        return "info", clean(f"$ {document.get('command', '')}")
    code = document.get("exit_code")
    took = f"{document.get('stage', '')}: {document.get('seconds', 0)} s"
    if code == 0:
        return "ok", clean(took)
    return "error", clean(f"{took}, exit code {code}")


def _level(document: dict[str, Any]) -> str:
    """How a line is to be shown: ok marks what was achieved."""
    kind = document.get("type")
    summary = kind == "change_summary" and _part(document, "changes").get("operation")
    if kind == "apply_complete" or summary in ("apply", "destroy"):
        return "ok"
    if kind == "apply_errored":
        return "error"
    level = document.get("@level")
    return level if level in ("warn", "error") else "info"


def _resource(document: dict[str, Any]) -> ResourceEvent | None:
    """The resource status a line tells of. A failure's reason follows as a diagnostic."""
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


def _imported(document: dict[str, Any]) -> Import | None:
    """Return the import that a line announces, if it does."""
    change = _part(document, "change")
    given = imported_id(change)
    if document.get("type") != "planned_change" or not given:
        return None
    address = clean(_part(change, "resource").get("addr", ""), 1024)
    return Import(address, clean(given, 512))


def _total(document: dict[str, Any]) -> int | None:
    """The number of operations planned, on the line that tells it."""
    changes = _part(document, "changes")
    if document.get("type") != "change_summary" or changes.get("operation") != "plan":
        return None
    return sum(int(changes.get(key) or 0) for key in ("add", "change", "remove"))


def _diagnostic(found: object) -> Diagnostic | None:
    """The diagnostic of a line, with the variable it speaks of."""
    if not isinstance(found, dict):
        return None
    where = _part(found, "range")
    return Diagnostic(
        severity=clean(found.get("severity", ""), 64),
        summary=clean(found.get("summary", "")),
        detail=clean(found.get("detail", "")),
        address=clean(found.get("address") or _block(found), 1024),
        # An absolute path is one of ours, where a run happens to be.
        file=clean(re.sub(r"^/.*/", "", where.get("filename") or ""), 1024),
        line=_part(where, "start").get("line"),
        variable=_variable(found, str(where.get("filename") or "")),
        uses=_uses(_part(found, "snippet")),
    )


def _block(found: dict[str, Any]) -> str:
    """The address of the root module's resource block a diagnostic quotes from, if it does."""
    block = RESOURCE_CONTEXT.match(str(_part(found, "snippet").get("context") or ""))
    inside = "/" in str(_part(found, "range").get("filename") or "/")
    return f"{block[1]}.{block[2]}" if block and not inside else ""


def _uses(snippet: dict[str, Any]) -> tuple[str, ...]:
    """The variables whose values Terraform tells beside the code; else those in the code."""
    values = snippet.get("values")
    told = [
        VARIABLE_USED.match(str(each.get("traversal")))
        for each in (values if isinstance(values, list) else [])
        if isinstance(each, dict)
    ]
    names = [found[1] for found in told if found]
    names = names or VARIABLE_USED.findall(str(snippet.get("code") or ""))
    return tuple(dict.fromkeys(name[:255] for name in names[:50]))


def _variable(found: dict[str, Any], file: str) -> str:
    """The input variable a diagnostic is about: from its text, or the code it quotes."""
    named = VARIABLE_IN_TEXT.search(str(found.get("detail", "")))
    code = str(_part(found, "snippet").get("code") or "")
    context = str(_part(found, "snippet").get("context") or "")
    named = named or VARIABLE_IN_CODE.match(code) or VARIABLE_IN_CODE.match(context)
    # A quoted key names a variable only in the file of values.
    if named is None or (
        named.re is VARIABLE_IN_CODE and named[2] and "tfvars" not in file
    ):
        return ""
    return named[1] or named[2] or ""


def _part(document: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under a key, empty when there is none."""
    part = document.get(key)
    return part if isinstance(part, dict) else {}
