"""Names entered by users: normalized, visible characters only, compared ignoring case.

Databases fold case differently (SQLite's LIKE only for A to Z), so the folded text is
stored beside the name, and lists search and compare that column.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

# Printable according to Unicode but invisible: fillers, joiners, the Braille blank.
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
# Variation selectors, part of many emoji.
SELECTORS = "\ufe0e\ufe0f"
_blanks = re.compile(r"\s+")
# Separates a key from the suffix of an old duplicate; never part of a folded text.
SUFFIX_MARK = "\n"
BATCH = 500
Row = TypeVar("Row", bound=models.Model)


def normalized(name: str) -> str:
    """Return a name in NFC with single spaces and none at its ends."""
    composed = unicodedata.normalize("NFC", name)
    spaces = "".join(
        " " if unicodedata.category(each) == "Zs" else each for each in composed
    )
    return re.sub(" +", " ", spaces).strip(" ")


def check_name(name: str) -> None:
    """Raise ValidationError for a name with invisible characters."""
    shown = normalized(name)
    hidden = [c for c in shown if not c.isprintable() or c in BLANK]
    if hidden:
        codes = ", ".join(dict.fromkeys(f"U+{ord(c):04X}" for c in hidden[:3]))
        sentence = _(
            "A name cannot contain line breaks, control characters, or invisible "
            "characters. Remove these characters: %(codes)s."
        )
        raise ValidationError(sentence % {"codes": codes})
    if shown and all(unicodedata.category(c)[0] in "MZ" for c in shown):
        raise ValidationError(
            _("A name must contain at least one letter, digit, or symbol.")
        )
    if shown in (".", ".."):
        raise ValidationError(_("The names . and .. are not allowed."))


def folded(text: str) -> str:
    """Return a text for search and comparison: case-folded, without invisible characters."""
    seen = "".join(
        each
        for each in unicodedata.normalize("NFC", text).casefold()
        if each.isspace()
        or not (unicodedata.category(each) in ("Cf", "Cc") or each in BLANK + SELECTORS)
    )
    return unicodedata.normalize("NFC", _blanks.sub(" ", seen).strip())


class FoldedField(models.TextField):
    """The folded texts of other fields in one column, for searches.

    It is written when its record is saved; `derived` is for updates of single columns.
    """

    def __init__(self, *args: Any, of: Iterable[str], **kwargs: Any) -> None:
        self.of = tuple(of)
        kwargs |= {"editable": False, "default": "", "db_default": ""}
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("editable", "default", "db_default"):
            del kwargs[fixed]
        return name, path, args, kwargs | {"of": list(self.of)}

    def folded_of(self, record: models.Model) -> str:
        """Return the value of the field for a record."""
        return folded(" ".join(str(getattr(record, name) or "") for name in self.of))

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = self.folded_of(model_instance)
        setattr(model_instance, self.attname, value)
        return value


class NameKeyField(FoldedField):
    """The folded name, which is unique.

    Records of an earlier release can have equal folded names: all but the first have a
    suffix, which stays as long as their name does.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        kept: str = getattr(model_instance, self.attname)
        if kept.partition(SUFFIX_MARK)[0] == self.folded_of(model_instance) and not add:
            return kept
        return super().pre_save(model_instance, add)


class FoldedQuerySet(models.QuerySet[Any]):
    """A queryset whose `update` also updates the folded columns."""

    def update(self, **values: object) -> int:
        stale = [
            field.name
            for field in self.model._meta.fields
            if isinstance(field, FoldedField)
            and field.name not in values
            and set(field.of) & values.keys()
        ]
        if not stale:
            return super().update(**values)
        with transaction.atomic(using=self.db):
            keys = list(self.order_by().values_list("pk", flat=True))
            count = super().update(**values)
            for row in self.model._base_manager.filter(pk__in=keys):
                found = derived(row, values)
                folds = {name: found[name] for name in stale}
                self.model._base_manager.filter(pk=row.pk).update(**folds)
        return count

    update.alters_data = True  # type: ignore[attr-defined]


def derived(record: models.Model, names: Iterable[str]) -> dict[str, str]:
    """Return the folded columns that depend on these fields of a record."""
    changed = set(names)
    return {
        field.name: field.pre_save(record, False)
        for field in record._meta.fields
        if isinstance(field, FoldedField) and changed & set(field.of)
    }


def has_name(name: str, field: str = "name") -> Q:
    """Return a condition for this name ignoring case, or an old name with a suffixed key."""
    return Q(name_key=folded(name)) | Q(**{field: normalized(name)})


def find_by_name(rows: QuerySet[Row], name: str, field: str = "name") -> Row | None:
    """Return the row with this name ignoring case; an exact match takes precedence."""
    found = rows.filter(name_key=folded(name)).first()
    if found is not None and getattr(found, field) == normalized(name):
        return found
    return rows.filter(**{field: normalized(name)}).first() or found


def fill(
    model: Any,
    scope: Callable[[Any], Any] = lambda row: "",
    *,
    reads: Iterable[str] = (),
) -> None:
    """Fill the folded columns of existing rows, for migrations.

    Names are unique among the rows of one `scope`, a function that reads the columns
    `reads`; rows with scope None are not compared. If several rows have the same key,
    all but the first get their primary key as a suffix.
    """
    fields = [each for each in model._meta.fields if isinstance(each, FoldedField)]
    columns = {name for field in fields for name in field.of} | set(reads)
    rows = model._base_manager.order_by("pk").only(*columns)
    taken: set[tuple[Any, str]] = set()
    batch: list[Any] = []
    for row in rows.iterator(chunk_size=BATCH):
        for field in fields:
            key = field.folded_of(row)
            if isinstance(field, NameKeyField) and (place := scope(row)) is not None:
                if (place, key) in taken:
                    key = f"{key}{SUFFIX_MARK}{row.pk}"
                taken.add((place, key))
            setattr(row, field.attname, key)
        batch.append(row)
        if len(batch) == BATCH:
            model._base_manager.bulk_update(batch, [each.name for each in fields])
            batch = []
    if batch:
        model._base_manager.bulk_update(batch, [each.name for each in fields])


class Folded(models.Model):
    """Abstract base of records with folded columns, which are saved with their sources."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        names = kwargs.get("update_fields")
        if names is not None:
            kwargs["update_fields"] = {*names, *derived(self, names)}
        super().save(*args, **kwargs)


class Named(Folded):
    """Abstract base of records with a name that is unique ignoring case."""

    NAME = "name"

    name_key = NameKeyField(of=["name"])

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        setattr(self, self.NAME, normalized(getattr(self, self.NAME) or ""))
        super().clean_fields(exclude=exclude)
