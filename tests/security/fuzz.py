"""Hostile requests to a running console: no 5xx, no slow response, no growing memory.

python -m tests.security.fuzz [--requests 100000] [--threads 3] [--seed 1] [--minutes 60]
    [--p99 1]

It creates its own data directory and serves on loopback. Exits with 1 on a failure.
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
# No worker runs here, and readiness says so.
NOT_READY = ("/readyz",)
SHOWN = 40
SAMPLE_SECONDS = 5.0


@dataclass
class Report:
    """The statistics of the responses."""

    statuses: Counter = field(default_factory=Counter)
    kinds: Counter = field(default_factory=Counter)
    targets: Counter = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    slowest: dict = field(default_factory=dict)
    memory: list[int] = field(default_factory=list)
    broken: Counter = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, ask, told) -> None:
        with self.lock:
            self.statuses[told.status] += 1
            self.kinds[ask.kind] += 1
            self.targets[f"{ask.kind} {ask.target}"] += 1
            self.seconds.append(told.seconds)
            if told.seconds > 1:
                self.slowest[told.seconds] = f"{ask.kind} {ask.method} {ask.target}"
            for what in faults(ask, told):
                self.broken[f"{ask.target} {what}"] += 1
                if self.broken[f"{ask.target} {what}"] == 1:
                    self.shown.append(f"{what}: {_shown(ask)}")
                    print(f"\nBROKEN {self.shown[-1]}", file=sys.stderr)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def faults(ask, told):
    """Return the problems of a response to any request."""
    path = urlsplit(ask.path).path
    if told.status >= 500 and path not in NOT_READY:
        yield f"status {told.status}"
    if told.status == 0:
        yield f"no answer {told.body[:80]!r}"
        return
    if "x-acs-request-id" not in told.headers:
        # The web server itself refuses what is no HTTP; it shows nothing of ours.
        if told.status not in (400, 431, 414):
            yield f"{told.status} without the headers of ours"
        return
    for name, begin in HEADERS.items():
        if not (told.headers[name] or "").startswith(begin):
            yield f"{name} is {told.headers[name]!r}"
    if "unsafe" in told.headers["Content-Security-Policy"]:
        yield "a policy with unsafe"
    if b"Traceback (most recent" in told.body:
        yield "a traceback"
    for name in ("Location", "HX-Redirect", "HX-Location"):
        if _leads_away(told.headers[name] or "", ask):
            yield f"{name} leads to {told.headers[name]}"
    if ask.kind == "call" and "RequestId" not in json.loads(told.body):
        yield "an answer without RequestId"


def _leads_away(location: str, ask) -> bool:
    host = urlsplit(location.replace("\\", "/")).netloc
    return bool(host) and not host.startswith(("127.0.0.1:", "localhost"))


def _shown(ask) -> str:
    headers = [each for each in ask.headers if each[0] != "authorization"]
    return f"{ask.kind} {ask.role} {ask.method} {ask.path[:300]} {str(headers)[:400]} {ask.body[:1500]!r}"


def campaign(site, hostile, people, told: argparse.Namespace) -> Report:
    """Send this many requests concurrently."""
    from tests.security.wire import send

    report = Report()
    source = itertools.islice(hostile.requests(), told.requests)
    taking, enough = threading.Lock(), threading.Event()

    def work() -> None:
        while not enough.is_set():
            with taking:
                ask = next(source, None)
                if ask is None:
                    return
                raw = ask.raw(hostile.host, people.cookies[ask.role])
            answer = send(site.port, raw, ask.method)
            report.add(ask, answer)
            if _signed_out(ask, answer):
                with taking:
                    people.renew(ask.role)

    workers = [threading.Thread(target=work) for _ in range(told.threads)]
    for each in workers:
        each.start()
    deadline = time.monotonic() + told.minutes * 60
    while any(each.is_alive() for each in workers):
        report.memory.append(site.memory())
        workers[0].join(SAMPLE_SECONDS)
        if time.monotonic() > deadline:
            enough.set()
        sys.stderr.write(
            f"\r{len(report.seconds)} sent, {report.broken.total()} broken "
        )
    return report


def _signed_out(ask, told) -> bool:
    """Return True if a request has ended the session or disabled the key."""
    if ask.role == "anonymous" or ask.kind in ("broken call", "odd"):
        return False
    if ask.kind == "call":
        return b"InvalidAccessKeyId" in told.body
    return "/accounts/login/" in (
        told.headers.get("Location") or told.headers.get("HX-Redirect") or ""
    )


def crawl(hostile, people, port: int) -> None:
    """Collect the forms of every page, for each role."""
    from tests.access_table import TABLE
    from tests.security.hostile import Forms
    from tests.security.wire import Ask, send

    for role in ("anonymous", "alice", "admin", "root"):
        found: dict[str, tuple] = {}
        admin = [
            "admin/catalog/product/add/",
            "admin/console/user/add/",
            "admin/instances/instance/",
            "admin/catalog/region/",
        ]
        for route in [*TABLE, *(admin if role == "root" else [])]:
            path = hostile.people.everything.address(route)
            told = send(
                port, Ask("crawl", "GET", path).raw(hostile.host, people.cookies[role])
            )
            if told.status == 200:
                for action, fields in Forms(
                    path, told.body.decode("utf-8", "replace")
                ).found:
                    found[f"{action} {sorted(fields)}"] = (action, fields)
        hostile.forms[role] = list(found.values())


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=100_000)
    options.add_argument("--threads", type=int, default=3)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--minutes", type=float, default=24 * 60.0)
    options.add_argument("--p99", type=float, default=1.0, help="seconds allowed")
    told = options.parse_args()
    with tempfile.TemporaryDirectory() as data:
        return run_fuzz(data, told)


def run_fuzz(data: str, told: argparse.Namespace) -> int:
    os.environ |= {
        "CONSOLE_DATA_DIR": data,
        "CONSOLE_API_RATE": "0",
        "DJANGO_SETTINGS_MODULE": "console.settings",
    }
    import django

    from tests.security.site import Site

    site = Site(data, log=Path(data, "serve.log"))
    try:
        django.setup()
        from tests.security.hostile import Hostile
        from tests.security.site import People

        people = People()
        hostile = Hostile(people, f"127.0.0.1:{site.port}", told.seed)
        crawl(hostile, people, site.port)
        began = time.monotonic()
        report = campaign(site, hostile, people, told)
        return tell(report, time.monotonic() - began, site.log, told.p99)
    finally:
        site.stop()


def tell(report: Report, seconds: float, log: Path, p99: float) -> int:
    """Print the figures; return 1 on a failure."""
    total = len(report.seconds)
    growth = _growth(report.memory)
    print(f"\n{total} requests in {seconds:.0f} s: {dict(report.kinds)}")
    print(f"statuses: {dict(sorted(report.statuses.items()))}")
    print(f"targets: {len(report.targets)}, the fewest {min(report.targets.values())}")
    print(
        f"p50 {report.quantile(0.5):.3f} s, p99 {report.quantile(0.99):.3f} s, max {max(report.seconds):.3f} s"
    )
    print(
        f"memory: {report.memory[0] >> 20} MiB at first, {max(report.memory) >> 20} at most, {growth >> 20} more in the second half"
    )
    for slow in sorted(report.slowest, reverse=True)[:8]:
        print(f"  {slow:.2f} s {report.slowest[slow]}")
    for line in report.shown[:SHOWN]:
        print(f"BROKEN {line}")
    if report.broken:
        print(log.read_text(errors="replace")[-20_000:], file=sys.stderr)
    kept = not report.broken and report.quantile(0.99) < p99 and growth < 100 << 20
    print("kept" if kept else "BROKEN")
    return 0 if kept else 1


def _growth(memory: list[int]) -> int:
    """Return how much more memory the second half of the campaign used than the first."""
    half = max(len(memory) // 2, 1)
    return max(memory[half:] or [0]) - max(memory[:half])


if __name__ == "__main__":
    sys.exit(main())
