"""Optimistic locking: a form opened before another person's change overwrites nothing.

A form carries the stamp of the record as it was shown. The verb writes by an UPDATE that
finds the row only while its values are the ones that were read, and refuses another stamp.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from django import forms
from django.db import IntegrityError, models, transaction
from django.utils.crypto import salted_hmac
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, NotFoundError, Text
from console.lib.masking import MASK
from console.lib.names import derived
from console.lib.records import check, facts
from console.lib.users import User

ATTEMPTS = 3
NOTHING = "–"
# The stamp of a form that says none: it fits no record.
UNKNOWN = "unknown"


def digest(value: Any) -> str:
    """Return a keyed digest of a JSON-able value: a guessed secret cannot be tried on it."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return salted_hmac(__name__, text, algorithm="sha256").hexdigest()[:16]


def shown_now(stamp: str) -> str:
    """Return the entry of a form: the stamp, and the second in which it is rendered."""
    return f"{stamp} {int(time.time())}"


class EditConflictError(ConflictError):
    """The record was changed since the person opened it. `record` holds its values now."""

    code = "IncorrectStatus"

    def __init__(self, record: models.Model, seen: str = "") -> None:
        self.record = record
        self.entry = _last_entry(record, _opened_at(seen))
        super().__init__(
            _changed_by(self.entry),
            hint=_("Nothing was saved. Open the page again to see the stored values."),
        )


def _opened_at(seen: str) -> datetime | None:
    """The second in which the form was rendered, as its stamp says."""
    _stamp, _space, rest = seen.partition(" ")
    second = rest.partition(" ")[0]
    if not second.isascii() or not second.isdecimal() or len(second) > 10:
        return None
    return datetime.fromtimestamp(int(second), UTC)


def _last_entry(record: models.Model, since: datetime | None) -> AuditEntry | None:
    """The newest audit entry about the record, unless it is older than the form."""
    entries = AuditEntry.objects.filter(
        target_type=record._meta.model_name, target_id=str(record.pk)
    )
    if since is not None:
        entries = entries.filter(at__gte=since)
    return entries.order_by("-at", "-id").first()


def _changed_by(entry: AuditEntry | None) -> str:
    if entry is None:
        return _("Changed by another user after you opened this page.")
    return _(
        "Changed by %(name)s at %(time)s, after you opened this page. "
        "Your entries were not saved."
    ) % {"name": entry.actor_name, "time": f"{localtime(entry.at):%Y-%m-%d %H:%M:%S}"}


class Editable(models.Model):
    """Abstract: a record that people edit in forms and by the API."""

    FACTS: ClassVar[tuple[str, ...]] = ()
    # Columns that the stamp covers beside FACTS: secrets, which are no facts.
    SEALED: ClassVar[tuple[str, ...]] = ()

    class Meta:
        abstract = True

    @property
    def stamp(self) -> str:
        """The digest of all that people can change in the record."""
        return digest({name: _raw(self, name) for name in self._edited()})

    def told(self) -> dict[str, Any]:
        """The facts that the audit log may hold."""
        return facts(self, *self.FACTS)

    def change(
        self,
        action: str,
        columns: Mapping[str, Any],
        *,
        by: User | None,
        seen: str = "",
        taken: Text = "",
        code: str = "",
        also: Mapping[str, Any] | None = None,
    ) -> None:
        """Write these columns alone, with an audit entry called `action`.

        `also` holds further facts for the entry.

        `seen` is the stamp of the record as the person saw it; without one only the given
        columns matter. Raises EditConflictError when the record is another by now, NotFoundError
        when it is gone, InvalidInputError, and ConflictError with the text `taken`.
        """
        with transaction.atomic():
            for _attempt in range(ATTEMPTS):
                self._reread()
                if seen and seen.partition(" ")[0] != self.stamp:
                    raise EditConflictError(self, seen)
                before = self.told()
                if self._write(columns, taken, code):
                    after = {**self.told(), **(also or {})}
                    AuditEntry.objects.record(
                        action, self, by=by, before=before, after=after
                    )
                    return
        raise EditConflictError(self, seen)

    def _edited(self) -> tuple[str, ...]:
        return (*self.FACTS, *self.SEALED)

    def _reread(self) -> None:
        """Take the stored values: this object may have been read long ago."""
        rows = type(self)._default_manager.filter(pk=self.pk)
        fresh = rows.only(*self._edited()).first()
        if fresh is None:
            raise NotFoundError(_("This item was deleted after you opened the page."))
        for name in self._edited():
            column = self._meta.get_field(name).attname  # type: ignore[union-attr]
            setattr(self, column, fresh.__dict__[column])

    def _write(self, columns: Mapping[str, Any], taken: Text, code: str) -> bool:
        """Write if the row is still what was read. False when it is not."""
        same: dict[str, Any] = {}
        for name in self._edited():
            column = self._meta.get_field(name).attname  # type: ignore[union-attr]
            value = self.__dict__[column]
            same |= {f"{name}__isnull": True} if value is None else {name: value}
        for name, value in columns.items():
            setattr(self, name, value)
        check(self)
        values = {
            name: self._meta.get_field(name).pre_save(self, False)  # type: ignore[union-attr]
            for name in columns
        }
        values |= derived(self, columns)
        rows = type(self)._default_manager.filter(pk=self.pk, **same)
        try:
            with transaction.atomic():
                return bool(rows.update(**values)) if values else True
        except IntegrityError as error:
            raise ConflictError(taken, code=code) from error


def _raw(record: models.Model, name: str) -> Any:
    value = getattr(record, name)
    return value.pk if isinstance(value, models.Model) else value


@dataclass(frozen=True)
class Difference:
    """A field as the person has it and as it is stored. `kept` is the stored value's victory."""

    label: Text
    mine: str
    stored: str
    kept: bool


@dataclass(frozen=True)
class EditConflict:
    """A conflict as a form shows it: the sentence, and the fields that differ."""

    sentence: Text
    rows: list[Difference]


class StampField(forms.CharField):
    """The hidden stamp. That it differs from page to page is no change of the record."""

    def __init__(self) -> None:
        super().__init__(required=False, widget=forms.HiddenInput)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class EditFormMixin(forms.Form):
    """A form that edits `record`; without one it creates, and carries no stamp.

    After a conflict it shows what the person entered, takes the stored values where they
    entered nothing, and carries the new stamp: sending it again is a decision.
    """

    seen = StampField()

    conflict: EditConflict | None = None

    def __init__(self, *args: Any, record: Any = None, **kwargs: Any) -> None:
        self.record = record
        if record is not None:
            started = kwargs.pop("initial", None) or {}
            kwargs["initial"] = {**self.initial_of(record), **started}
        super().__init__(*args, **kwargs)
        if record is None:
            del self.fields["seen"]
        else:
            self.initial["seen"] = self._seen_now()

    def initial_of(self, record: Any) -> dict[str, Any]:
        """Return the initial values for a record; secrets are left out."""
        return {
            name: getattr(record, name)
            for name, field in self.base_fields.items()
            if hasattr(record, name) and not _is_secret(field)
        }

    def stamp_of(self, record: Any) -> str:
        """The stamp that the verb compares."""
        stamp: str = record.stamp
        return stamp

    def clean_seen(self) -> str:
        return self.cleaned_data["seen"] or UNKNOWN

    # What a field is called, holds and would hold. A form with parts of its own adds them.

    def entry_names(self) -> list[str]:
        """The entries that a conflict compares."""
        return [name for name, field in self.fields.items() if not _unseen(field)]

    def entry_label(self, name: str) -> Text:
        return self[name].label

    def entered(self, name: str) -> Any:
        """Return what the user has sent, as plain data."""
        return plain(self[name].value())

    def stored(self, name: str, record: Any) -> Any:
        """Return what is stored, as plain data."""
        field = self.fields[name]
        if _is_secret(field):
            return plain(getattr(record, name))
        return plain(field.prepare_value(self.initial_of(record).get(name)))

    def worded(self, name: str, value: Any) -> str:
        """An entry's plain data in words."""
        field = self.fields[name]
        if isinstance(field, forms.BooleanField):
            return _("Yes") if value else _("No")
        if isinstance(field, forms.ChoiceField):
            choices: Any = field.choices
            labels = {str(pk): str(label) for pk, label in _choices(choices)}
            values = value if isinstance(value, list) else [value]
            return ", ".join(labels.get(each) or each for each in values) or NOTHING
        text = ", ".join(value) if isinstance(value, list) else str(value or "")
        return text or NOTHING

    def put(self, data: Any, name: str, record: Any) -> None:
        """Make the data of the form say what the record holds."""
        field, key = self.fields[name], self.add_prefix(name)
        value = "" if _is_secret(field) else self.stored(name, record)
        if isinstance(field.widget, forms.CheckboxInput):
            data.pop(key, None)
            if value:
                data[key] = "on"
        elif isinstance(value, list):
            data.setlist(key, value)
        else:
            data[key] = value

    # The conflict

    def tell_conflict(self, error: EditConflictError) -> None:
        """Show both values of what differs, and go on from the stored state."""
        record = error.record
        shown, rows = self._shown_digests(), []
        sent: Any = self.data
        data = sent.copy()
        for name in self.entry_names():
            mine, stored = self.entered(name), self.stored(name, record)
            secret = name in self.fields and _is_secret(self.fields[name])
            touched = bool(mine) if secret else digest(mine) != shown.get(name)
            moved = digest(stored) != shown.get(name)
            if secret and (touched or moved):
                rows.append(self._secret_row(name, touched=touched, moved=moved))
            elif (touched or moved) and mine != stored:
                rows.append(
                    Difference(
                        self.entry_label(name),
                        self.worded(name, mine),
                        self.worded(name, stored),
                        kept=not touched,
                    )
                )
            if not touched:
                self.put(data, name, record)
        self.record = record
        data[self.add_prefix("seen")] = self._seen_now()
        self.data = data
        self.conflict = EditConflict(error.message, rows)
        self.add_error(None, str(error.message))

    def _secret_row(self, name: str, *, touched: bool, moved: bool) -> Difference:
        new, old = _("%(mask)s (new value)") % {"mask": MASK}, MASK
        mine, stored = new if touched else old, new if moved else old
        return Difference(self.entry_label(name), mine, stored, kept=not touched)

    def _seen_now(self) -> str:
        entries = {
            name: digest(self.stored(name, self.record)) for name in self.entry_names()
        }
        parts = [shown_now(self.stamp_of(self.record))]
        return " ".join([*parts, *(f"{name}={each}" for name, each in entries.items())])

    def _shown_digests(self) -> dict[str, str]:
        """The digest of each entry as the form showed it first."""
        sent = str(self.data.get(self.add_prefix("seen"), ""))
        pairs = (part.partition("=") for part in sent.split(" ")[2:])
        return {name: found for name, _equals, found in pairs}


def _is_secret(field: forms.Field) -> bool:
    """Return True for a write-only field, which never shows what is stored."""
    return bool(getattr(field, "secret", False))


def _unseen(field: forms.Field) -> bool:
    return field.widget.is_hidden or field.disabled


def _choices(choices: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """The choices of a field, those inside groups too."""
    for value, label in choices:
        if isinstance(label, list | tuple):
            yield from _choices(label)
        else:
            yield value, label


def plain(value: Any) -> Any:
    """A form's value as a text, a boolean, or a sorted list of texts."""
    if isinstance(value, bool | Mapping):
        return value
    if isinstance(value, list | tuple | set | models.QuerySet):
        return sorted(str(getattr(each, "pk", each)) for each in value)
    if value is None:
        return ""
    # A browser sends line ends of its own, and forms strip blanks around a text.
    text = str(value.pk if isinstance(value, models.Model) else value)
    return text.replace("\r\n", "\n").strip()
