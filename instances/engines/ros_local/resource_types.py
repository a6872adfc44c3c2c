"""What is known about the types of ROS: data, in resource_types.json beside this file."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

STACK = "ALIYUN::ROS::Stack"
SLEEP = "ALIYUN::ROS::Sleep"
RANDOM = "ALIYUN::RandomString"
WAIT = "ALIYUN::ROS::WaitCondition"
HANDLE = "ALIYUN::ROS::WaitConditionHandle"
LONGEST_PREFIX = 12


class Kind(NamedTuple):
    """How a resource is shown: its ROS type, and whether its instances have numbers."""

    type: str
    counted: bool


@cache
def known_types() -> dict[str, dict[str, Any]]:
    """By type, as far as there is something to tell.

    `prefix` begins its IDs, `name` is the property that serves as one, `ids` are the
    attributes that give it; `replace` are the properties whose change replaces a resource;
    `amount` is the property that tells how many instances it makes.
    """
    path = Path(__file__).with_name("resource_types.json")
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def facts_of(kind: str) -> Mapping[str, Any]:
    """What is known of a type; empty for one nobody knows."""
    return known_types().get(kind, {})


@cache
def prefix_of(kind: str) -> str:
    """How the IDs of a type begin."""
    last = kind.rpartition("::")[2].lower()
    letters = "".join(
        letter for letter in last if letter.isascii() and letter.isalnum()
    )
    known = facts_of(kind).get("prefix")
    return str(known or f"{letters[:LONGEST_PREFIX] or 'r'}-bp1")
