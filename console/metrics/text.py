"""The text format of Prometheus, version 0.0.4."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "catalog_"


@dataclass(frozen=True)
class Sample:
    """A value; `suffix` is appended to the name, such as _bucket."""

    labels: Mapping[str, str]
    value: float
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """All samples of a metric."""

    name: str
    type: str
    help: str
    samples: Sequence[Sample]


def histogram(
    labels: Mapping[str, str],
    bounds: Sequence[float],
    counts: Sequence[float],
    total: float,
) -> list[Sample]:
    """Return the samples of a histogram; the last count is that of the +Inf bucket."""
    names = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    sums = list(accumulate(counts))
    buckets = [
        Sample({**labels, "le": name}, value, "_bucket")
        for name, value in zip(names, sums, strict=True)
    ]
    return [*buckets, Sample(labels, total, "_sum"), Sample(labels, sums[-1], "_count")]


def exposition(families: Iterable[Family]) -> str:
    """Return the metrics as text."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    name = PREFIX + family.name
    yield f"# HELP {name} {family.help}"
    yield f"# TYPE {name} {family.type}"
    for sample in family.samples:
        labels = ",".join(f'{key}="{_quoted(v)}"' for key, v in sample.labels.items())
        braces = f"{{{labels}}}" if labels else ""
        yield f"{name}{sample.suffix}{braces} {sample.value:.12g}"


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
