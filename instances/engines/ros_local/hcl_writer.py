"""Writes blocks of Terraform. A block is its attributes, as text, and the blocks inside."""

from collections.abc import Iterator, Mapping
from typing import Any

from instances.engines.ros_local.expressions import quoted

# How many labels stand behind the word a block begins with.
LABELS = {"variable": 1, "output": 1, "module": 1, "resource": 2}


def write(body: Mapping[str, Any]) -> str:
    """The text of a whole file."""
    lines: list[str] = []
    for word, content in body.items():
        lines += _labelled(word, content, LABELS.get(word, 0))
    return "\n".join(lines) + "\n"


def _labelled(header: str, content: Mapping[str, Any], labels: int) -> Iterator[str]:
    """The blocks below so many levels of labels."""
    if not labels:
        yield from _block(header, content)
        return
    for label, inner in content.items():
        yield from _labelled(f"{header} {quoted(label)}", inner, labels - 1)


def _block(header: str, content: Mapping[str, Any]) -> Iterator[str]:
    """One block: a list holds several blocks of one name."""
    yield f"{header} {{"
    for name, value in content.items():
        if isinstance(value, str):
            yield f"{name} = {value}"
        elif isinstance(value, list):
            for inner in value:
                yield from _block(name, inner)
        else:
            yield from _block(name, value)
    yield "}"
