"""Prometheus's text format, version 0.0.4."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "catalog_"


@dataclass(frozen=True)
class Sample:
    """One number; `suffix` belongs to the name, as _bucket does."""

    labels: Mapping[str, str]
    value: float
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """Numbers of one name."""

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
    """The samples of a histogram from the count of each bucket, the last without a bound."""
    names = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    sums = list(accumulate(counts))
    buckets = [
        Sample({**labels, "le": name}, value, "_bucket")
        for name, value in zip(names, sums, strict=True)
    ]
    return [*buckets, Sample(labels, total, "_sum"), Sample(labels, sums[-1], "_count")]


def exposition(families: Iterable[Family]) -> str:
    """The page a scraper reads."""
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
