"""Helpers for verbs of models: values for audit entries, validation and saving."""

from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _

from console.lib.errors import ConflictError, InvalidInputError, Text

Row = TypeVar("Row", bound=models.Model)
MAX_NAMES_SHOWN = 5


def facts(record: models.Model, *names: str) -> dict[str, object]:
    """Return these fields of a record as JSON-able values for an audit entry."""
    return {name: _plain(getattr(record, name)) for name in names}


def _plain(value: object) -> object:
    return value.pk if isinstance(value, models.Model) else value


def store(record: models.Model, *, taken: Text, code: str) -> None:
    """Validate and save a record.

    Raises InvalidInputError with messages by field, or ConflictError with the text
    `taken` and the code if the database has such a record already.
    """
    check(record)
    try:
        with transaction.atomic():
            record.save()
    except IntegrityError as error:
        raise ConflictError(taken, code=code) from error


def check(record: models.Model) -> None:
    """Validate a record. Raises InvalidInputError with messages by field."""
    try:
        record.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise InvalidInputError(error.message_dict) from error


def listed(records: models.QuerySet[Row]) -> str:
    """Return the names of the first few records and the number of others: "a, b and 3 more"."""
    names = [str(record) for record in records[: MAX_NAMES_SHOWN + 1]]
    if len(names) <= MAX_NAMES_SHOWN:
        return ", ".join(names)
    more = records.count() - MAX_NAMES_SHOWN
    return _("%(names)s and %(count)d more") % {
        "names": ", ".join(names[:MAX_NAMES_SHOWN]),
        "count": more,
    }
