"""Optimistic locking of forms: a form opened before another user's change overwrites nothing.

A form contains the stamp of the record as it was shown. The verb writes with an UPDATE
whose condition is that all values are still those it read, and refuses another stamp.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from django import forms
from django.db import IntegrityError, models, transaction
from django.utils.crypto import salted_hmac
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, NotFoundError, Text
from console.lib.masking import MASK
from console.lib.names import derived
from console.lib.records import check, facts, store
from console.lib.users import User

# A form value as plain data: a mapping comes from a formset or a JSON field.
Plain = str | bool | list[str] | Mapping[str, object]
ATTEMPTS = 3
EMPTY = "–"
# The stamp of a form without one; it matches no record.
UNKNOWN = "unknown"


def digest(value: object) -> str:
    """Return a keyed digest of a JSON-able value, so that secrets cannot be guessed from it."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return salted_hmac(__name__, text, algorithm="sha256").hexdigest()[:16]


def shown_now(stamp: str) -> str:
    """Return the stamp with the time in seconds at which the form is rendered."""
    return f"{stamp} {int(time.time())}"


class EditConflictError(ConflictError):
    """The record was changed after the user opened it. `record` has the new values."""

    code = "IncorrectStatus"

    def __init__(self, record: models.Model, seen: str = "") -> None:
        self.record = record
        self.entry = _last_entry(record, _opened_at(seen))
        super().__init__(
            _changed_by(self.entry),
            hint=_("Nothing was saved. Open the page again to see the stored values."),
        )


def _opened_at(seen: str) -> datetime | None:
    """Return the time at which the form was rendered, from its stamp."""
    _stamp, _space, rest = seen.partition(" ")
    second = rest.partition(" ")[0]
    if not second.isascii() or not second.isdecimal() or len(second) > 10:
        return None
    return datetime.fromtimestamp(int(second), UTC)


def _last_entry(record: models.Model, since: datetime | None) -> AuditEntry | None:
    """Return the newest audit entry of the record, if it is newer than the form."""
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
    """Abstract base of records that users create, edit and delete, with audit entries."""

    FACTS: ClassVar[tuple[str, ...]] = ()
    # Facts that cannot be edited: the entries of creation and deletion have them.
    FIXED_FACTS: ClassVar[tuple[str, ...]] = ()
    # Secret columns: covered by the stamp, but not part of the audit log.
    SECRET_COLUMNS: ClassVar[tuple[str, ...]] = ()
    # The name of the record in audit actions and error codes.
    AUDIT_NAME: ClassVar[str]

    class Meta:
        abstract = True

    @property
    def stamp(self) -> str:
        """A digest of all values of the record that users can change."""
        return digest({name: _raw(self, name) for name in self._edited()})

    def audit_facts(self) -> dict[str, Any]:
        """Return the values for the audit log."""
        return facts(self, *self.FACTS)

    def duplicate_message(self) -> Text:
        """Return what to tell the user if the database has such a record already."""
        raise NotImplementedError

    @property
    def duplicate_code(self) -> str:
        return f"DuplicateName.{self.AUDIT_NAME}"

    @transaction.atomic
    def create_audited(
        self, *, by: User, also: Mapping[str, object] | None = None
    ) -> Self:
        """Validate and insert the record, with an audit entry, and return it.

        `also` is added to the facts of the entry. Raises InvalidInputError, and
        ConflictError with `duplicate_message` if a name is in use.
        """
        self.store()
        after = {**self._all_facts(), **(also or {})}
        self._record("Create", by=by, after=after)
        return self

    def store(self) -> None:
        """Validate and save the record, without an audit entry."""
        store(self, taken=self.duplicate_message(), code=self.duplicate_code)

    def edit_audited(
        self,
        *,
        by: User,
        seen: str = "",
        also: Mapping[str, object] | None = None,
        **columns: object,
    ) -> None:
        """Update the columns that are not None, with an audit entry.

        `also` is added to the facts of the entry. `seen` is the stamp of the record as
        the user saw it; without one, concurrent changes of other columns are accepted.
        Raises EditConflictError if the record has changed, NotFoundError if it was
        deleted, InvalidInputError, and ConflictError if a name is in use.
        """
        given = {name: value for name, value in columns.items() if value is not None}
        with transaction.atomic():
            for _attempt in range(ATTEMPTS):
                self._reread()
                if seen and seen.partition(" ")[0] != self.stamp:
                    raise EditConflictError(self, seen)
                before = self.audit_facts()
                if self._write(given):
                    after = {**self.audit_facts(), **(also or {})}
                    self._record("Update", by=by, before=before, after=after)
                    return
        raise EditConflictError(self, seen)

    @transaction.atomic
    def delete_audited(
        self, *, by: User, also: Mapping[str, object] | None = None
    ) -> None:
        """Delete the record, with an audit entry that `also` is added to."""
        self.record_deletion(by=by, also=also)
        self.delete()

    def record_deletion(
        self, *, by: User, also: Mapping[str, object] | None = None
    ) -> None:
        """Write the audit entry of a deletion, for a record that keeps its row."""
        self._record("Delete", by=by, before={**self._all_facts(), **(also or {})})

    def _all_facts(self) -> dict[str, Any]:
        return {**self.audit_facts(), **facts(self, *self.FIXED_FACTS)}

    def _record(self, action: str, *, by: User, **changes: Any) -> None:
        action = f"{action}{self.AUDIT_NAME}"
        AuditEntry.objects.record(action, self, by=by, **changes)

    def _edited(self) -> tuple[str, ...]:
        return (*self.FACTS, *self.SECRET_COLUMNS)

    def _reread(self) -> None:
        """Load the stored values, because this object may be old."""
        rows = type(self)._default_manager.filter(pk=self.pk)
        fresh = rows.only(*self._edited()).first()
        if fresh is None:
            raise NotFoundError(_("This item was deleted after you opened the page."))
        for name in self._edited():
            column = self._meta.get_field(name).attname  # type: ignore[union-attr]
            setattr(self, column, fresh.__dict__[column])

    def _write(self, columns: Mapping[str, object]) -> bool:
        """Update the row if it is unchanged since it was read, and return True."""
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
            raise ConflictError(
                self.duplicate_message(), code=self.duplicate_code
            ) from error


def _raw(record: models.Model, name: str) -> object:
    value = getattr(record, name)
    return value.pk if isinstance(value, models.Model) else value


@dataclass(frozen=True)
class Difference:
    """A field with the value of the user and the stored one. If `kept`, the latter is used."""

    label: Text
    mine: str
    stored: str
    kept: bool


@dataclass(frozen=True)
class EditConflict:
    """A conflict for display in a form: the message, and the fields that differ."""

    sentence: Text
    rows: list[Difference]


class StampField(forms.CharField):
    """The hidden stamp. It differs between renderings, so it never counts as changed."""

    def __init__(self) -> None:
        super().__init__(required=False, widget=forms.HiddenInput)

    def has_changed(self, initial: object, data: object) -> bool:
        return False


class EditFormMixin(forms.Form):
    """A form that edits `record`, or creates one if `record` is None.

    After a conflict the form keeps what the user changed, shows the stored values of
    all other fields and contains the new stamp, so that sending it again overwrites on
    purpose.
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
        """Return the stamp that the verb compares."""
        stamp: str = record.stamp
        return stamp

    def clean_seen(self) -> str:
        return self.cleaned_data["seen"] or UNKNOWN

    # Fields and their values in a conflict. A form with formsets overrides these methods.

    def entry_names(self) -> list[str]:
        """Return the names of the fields that a conflict compares."""
        return [name for name, field in self.fields.items() if not _unseen(field)]

    def entry_label(self, name: str) -> Text:
        return self[name].label

    def entered(self, name: str) -> Plain:
        """Return the submitted value of a field as plain data."""
        return plain(self[name].value())

    def stored(self, name: str, record: Any) -> Plain:
        """Return the stored value of a field as plain data."""
        field = self.fields[name]
        if _is_secret(field):
            return plain(getattr(record, name))
        return plain(field.prepare_value(self.initial_of(record).get(name)))

    def worded(self, name: str, value: Plain) -> str:
        """Return the plain data of a field as text for display."""
        field = self.fields[name]
        if isinstance(field, forms.BooleanField):
            return _("Yes") if value else _("No")
        if isinstance(field, forms.ChoiceField):
            choices: Any = field.choices
            labels = {str(pk): str(label) for pk, label in _choices(choices)}
            values = value if isinstance(value, list) else [str(value)]
            return ", ".join(labels.get(each) or each for each in values) or EMPTY
        text = ", ".join(value) if isinstance(value, list) else str(value or "")
        return text or EMPTY

    def put(self, data: Any, name: str, record: Any) -> None:
        """Set the submitted data of a field to the stored value."""
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

    def show_conflict(self, error: EditConflictError) -> None:
        """Show both values of each field that differs, and take the new stamp."""
        record = error.record
        shown, rows = self._shown_digests(), []
        sent: Any = self.data
        data = sent.copy()
        for name in self.entry_names():
            mine, stored = self.entered(name), self.stored(name, record)
            secret = name in self.fields and _is_secret(self.fields[name])
            touched = bool(mine) if secret else digest(mine) != shown.get(name)
            changed = digest(stored) != shown.get(name)
            if secret and (touched or changed):
                rows.append(self._secret_row(name, touched=touched, changed=changed))
            elif (touched or changed) and mine != stored:
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

    def _secret_row(self, name: str, *, touched: bool, changed: bool) -> Difference:
        new, old = _("%(mask)s (new value)") % {"mask": MASK}, MASK
        mine, stored = new if touched else old, new if changed else old
        return Difference(self.entry_label(name), mine, stored, kept=not touched)

    def _seen_now(self) -> str:
        entries = {
            name: digest(self.stored(name, self.record)) for name in self.entry_names()
        }
        parts = [shown_now(self.stamp_of(self.record))]
        return " ".join([*parts, *(f"{name}={each}" for name, each in entries.items())])

    def _shown_digests(self) -> dict[str, str]:
        """Return the digests of the fields as they were first shown."""
        sent = str(self.data.get(self.add_prefix("seen"), ""))
        pairs = (part.partition("=") for part in sent.split(" ")[2:])
        return {name: found for name, _equals, found in pairs}


def _is_secret(field: forms.Field) -> bool:
    """Return True for a write-only field, which never shows what is stored."""
    return bool(getattr(field, "secret", False))


def _unseen(field: forms.Field) -> bool:
    return field.widget.is_hidden or field.disabled


def _choices(choices: Iterable[Any]) -> Iterator[tuple[object, object]]:
    """Yield the choices of a field, including those in groups."""
    for value, label in choices:
        if isinstance(label, list | tuple):
            yield from _choices(label)
        else:
            yield value, label


def plain(value: object) -> Plain:
    """Return a form value as a text, a boolean, or a sorted list of texts."""
    if isinstance(value, bool | Mapping):
        return value
    if isinstance(value, list | tuple | set | models.QuerySet):
        return sorted(str(getattr(each, "pk", each)) for each in value)
    if value is None:
        return ""
    # Browsers send \r\n, and forms strip spaces around a text.
    text = str(value.pk if isinstance(value, models.Model) else value)
    return text.replace("\r\n", "\n").strip()
