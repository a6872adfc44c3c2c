"""What the verbs of models share: the facts the audit trail keeps, and storing a record."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _

from console.lib.errors import ConflictError, InvalidInputError, Text

SHOWN = 5


def facts(record: models.Model, *names: str) -> dict[str, Any]:
    """Return these fields of a record as JSON-able values, for an audit entry."""
    return {name: _plain(getattr(record, name)) for name in names}


def _plain(value: Any) -> Any:
    return value.pk if isinstance(value, models.Model) else value


def store(record: models.Model, *, taken: Text, code: str) -> None:
    """Check a record against its model's rules and save it.

    Raises InvalidInputError with the messages of each field; ConflictError with the text `taken`
    and the code when the database holds such a record already.
    """
    check(record)
    try:
        with transaction.atomic():
            record.save()
    except IntegrityError as error:
        raise ConflictError(taken, code=code) from error


def check(record: models.Model) -> None:
    """Check a record against its model's rules. Raises InvalidInputError."""
    try:
        record.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise InvalidInputError(error.message_dict) from error


def listed(records: models.QuerySet[Any]) -> str:
    """Name the first few records and how many more there are: "a, b and 3 more"."""
    names = [str(record) for record in records[: SHOWN + 1]]
    if len(names) <= SHOWN:
        return ", ".join(names)
    more = records.count() - SHOWN
    return _("%(names)s and %(count)d more") % {
        "names": ", ".join(names[:SHOWN]),
        "count": more,
    }
