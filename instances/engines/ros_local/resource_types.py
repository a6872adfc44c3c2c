"""The known facts about resource types of ROS, from resource_types.json beside this file."""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypedDict

STACK = "ALIYUN::ROS::Stack"
SLEEP = "ALIYUN::ROS::Sleep"
RANDOM = "ALIYUN::RandomString"
WAIT = "ALIYUN::ROS::WaitCondition"
HANDLE = "ALIYUN::ROS::WaitConditionHandle"
MAX_PREFIX_LENGTH = 12


class Kind(NamedTuple):
    """The ROS type of a resource; the instances of a `counted` one are shown with numbers."""

    type: str
    counted: bool


class TypeFacts(TypedDict, total=False):
    """The facts about a type.

    `prefix` begins its IDs, `name` is the property that serves as one, `ids` are the
    attributes that give it; `replace` are the properties whose change replaces a resource;
    `amount` is the property that gives the number of instances it makes.
    """

    prefix: str
    name: str
    ids: list[str]
    replace: list[str]
    amount: str


@cache
def known_types() -> dict[str, TypeFacts]:
    path = Path(__file__).with_name("resource_types.json")
    found: dict[str, TypeFacts] = json.loads(path.read_text(encoding="utf-8"))
    return found


def facts_of(kind: str) -> TypeFacts:
    """Return the facts about a type, empty for an unknown one."""
    return known_types().get(kind, {})


@cache
def prefix_of(kind: str) -> str:
    """Return the text that begins the IDs of a type."""
    last = kind.rpartition("::")[2].lower()
    letters = "".join(
        letter for letter in last if letter.isascii() and letter.isalnum()
    )
    known = facts_of(kind).get("prefix")
    return known or f"{letters[:MAX_PREFIX_LENGTH] or 'r'}-bp1"
