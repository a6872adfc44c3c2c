"""Public IDs such as `prod-bp1…`. Like the vendor's, they have 14 characters after the prefix."""

import secrets
import string
from functools import partial
from typing import Any

from django.db import models

ALPHABET = string.digits + string.ascii_lowercase


def new_id(prefix: str) -> str:
    """Return a new ID: the prefix, `bp1`, and 11 characters of [0-9a-z] (57 bits)."""
    return f"{prefix}-bp1" + "".join(secrets.choice(ALPHABET) for _ in range(11))


def new_number(digits: int) -> str:
    """Return a random decimal number with this many digits, as text."""
    first = str(secrets.randbelow(9) + 1)
    return first + "".join(secrets.choice(string.digits) for _ in range(digits - 1))


def new_principal_id() -> str:
    """Return an 18-digit principal ID, as those of RAM users and roles."""
    return new_number(18)


def id_field(prefix: str) -> "models.CharField[Any, Any]":
    """Return a primary key field that generates its public ID."""
    return models.CharField(
        "ID",
        primary_key=True,
        max_length=24,
        default=partial(new_id, prefix),
        editable=False,
    )
