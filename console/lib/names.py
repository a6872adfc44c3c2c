"""Names that people give: one spelling, visible characters only, compared without case.

Databases fold the case of different alphabets (SQLite's LIKE only A to Z), so the folded
text is stored beside the name, and lists search and compare that column.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

# Printable to Unicode, and yet nothing is seen of them: fillers, joiners, braille's blank.
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
# What chooses between two looks of the character before it: part of many emoji.
SELECTORS = "\ufe0e\ufe0f"
_blanks = re.compile(r"\s+")
# Between a key and what tells an old name of the same key apart; in no folded text.
APART = "\n"
BATCH = 500


def spelled(name: str) -> str:
    """Return a name in one spelling: NFC, single blanks, none at its ends."""
    composed = unicodedata.normalize("NFC", name)
    spaces = "".join(
        " " if unicodedata.category(each) == "Zs" else each for each in composed
    )
    return re.sub(" +", " ", spaces).strip(" ")


def check_name(name: str) -> None:
    """Raise ValidationError for a name that cannot be seen as it is."""
    shown = spelled(name)
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
    """Return a text as it is searched and compared: without case, in every alphabet."""
    seen = "".join(
        each
        for each in unicodedata.normalize("NFC", text).casefold()
        if each.isspace()
        or not (unicodedata.category(each) in ("Cf", "Cc") or each in BLANK + SELECTORS)
    )
    return unicodedata.normalize("NFC", _blanks.sub(" ", seen).strip())


class FoldedField(models.TextField):
    """Keeps the folded texts of other fields, one after the other, for searches.

    It is written with its record; where columns are written alone, see `derived`.
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
        """Return the text to keep for a record."""
        return folded(" ".join(str(getattr(record, name) or "") for name in self.of))

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = self.folded_of(model_instance)
        setattr(model_instance, self.attname, value)
        return value


class NameKeyField(FoldedField):
    """Keeps a folded name, by which names are unique.

    Records of an earlier release may share one: all but the first have more after it,
    which stays for as long as their name does.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        kept: str = getattr(model_instance, self.attname)
        if kept.partition(APART)[0] == self.folded_of(model_instance) and not add:
            return kept
        return super().pre_save(model_instance, add)


class FoldedQuerySet(models.QuerySet[Any]):
    """Keeps folded columns true also where the columns behind them are updated alone."""

    def update(self, **values: Any) -> int:
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
    """Return the folded columns to write along with these fields of a record."""
    changed = set(names)
    return {
        field.name: field.pre_save(record, False)
        for field in record._meta.fields
        if isinstance(field, FoldedField) and changed & set(field.of)
    }


def is_called(name: str, field: str = "name") -> Q:
    """Match this name, in any case; also an old one that shares its key with another."""
    return Q(name_key=folded(name)) | Q(**{field: spelled(name)})


def exactly_called(rows: "QuerySet[Any]", name: str, field: str = "name") -> Any:
    """Return the row of this name in any case; of several the one that is spelled so."""
    found = rows.filter(name_key=folded(name)).first()
    if found is not None and getattr(found, field) == spelled(name):
        return found
    return rows.filter(**{field: spelled(name)}).first() or found


def fill(
    model: Any,
    scope: Callable[[Any], Any] = lambda row: "",
    *,
    reads: Iterable[str] = (),
) -> None:
    """Write the folded columns of rows that were stored before there were any.

    For migrations. Names are unique among the rows of one `scope`, which `reads` these
    columns; a row of the scope None is in nobody's way. Of several that share a key, all
    but the first get their primary key behind it.
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
                    key = f"{key}{APART}{row.pk}"
                taken.add((place, key))
            setattr(row, field.attname, key)
        batch.append(row)
        if len(batch) == BATCH:
            model._base_manager.bulk_update(batch, [each.name for each in fields])
            batch = []
    if batch:
        model._base_manager.bulk_update(batch, [each.name for each in fields])


class Folded(models.Model):
    """Abstract: a record with folded columns, written with the columns behind them."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        names = kwargs.get("update_fields")
        if names is not None:
            kwargs["update_fields"] = {*names, *derived(self, names)}
        super().save(*args, **kwargs)


class Named(Folded):
    """Abstract: a record with a name that is told apart without case."""

    NAME = "name"

    name_key = NameKeyField(of=["name"])

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Any = None) -> None:
        setattr(self, self.NAME, spelled(getattr(self, self.NAME) or ""))
        super().clean_fields(exclude=exclude)
