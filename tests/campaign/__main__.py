"""Kills at random for as long as asked, and then compares everything with the truth.

    python -m tests.campaign [--kills 1000] [--every 0.5] [--seed 1]
        [--victims worker,pause] [--plant fencing]

Instances are launched, updated and terminated through the API all the while. Victims are
workers, launchers, Terraform, whole runs, web processes and the database's connections;
workers are also put to sleep for longer than their lease. `--plant fencing` takes away the
check of the epoch in every write: the oracle has to find that. DATABASE_URL chooses the
database, which must be empty.
"""

import argparse
import base64
import os
import secrets
import sys
import tempfile


def prepare() -> str:
    """The environment of the console, before anything of it is imported."""
    data = tempfile.mkdtemp(prefix="campaign-")
    # A key that is made on first start would be refused beside tables that are there already.
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    os.environ.setdefault("CONSOLE_ENCRYPTION_KEYS", key)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="console.settings",
        CONSOLE_DATA_DIR=data,
        CONSOLE_LEASE_SECONDS="2",
        CONSOLE_STOP_SECONDS="5",
        CONSOLE_API_RATE="0",
    )
    return data


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--every", type=float, default=0.5, help="seconds, on average")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--plant", choices=["", "fencing"], default="")
    parser.add_argument("--victims", default="", help="only these, with commas")
    options = parser.parse_args()
    data = prepare()
    from tests.campaign.site import Site

    site = Site(data, options)
    try:
        found = site.campaign()
    finally:
        site.end()
    for line in found[:40]:
        print("VIOLATION", line)
    print(f"seed {options.seed}: {site.report()}, {len(found)} violations")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
