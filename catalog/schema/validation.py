"""Validation of the values of a template's parameters, for forms and the API alike.

Order for one value: missing or null, type, allowed values, pattern, length and range. The
rules on all values are last. The template's default applies to a parameter without a value;
only the rules check it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Self, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.schema.conditions import UNCHANGED, failed_assertions, visible
from catalog.schema.conversion import ConversionError, as_text, boolean, convert, number
from catalog.schema.errors import InvalidParametersError, TemplateError
from catalog.schema.parameter import Group, Output, Parameter, Rule, text_in
from catalog.schema.patterns import pattern
from catalog.schema.safe_parsing import check_text, read_json
from catalog.schema.size_limits import MAX_VALUE_BYTES
from console.lib.masking import MASK, NothingKeptError, holds_mask, is_mask, unmasked

WHOLE_FORM = ""
_MISSING = object()


@dataclass(frozen=True)
class _Kept:
    """A value that is kept because no new one was given."""

    value: Any


@dataclass(frozen=True)
class ValidatedValues:
    """Typed values by key, and the keys of the values that were kept."""

    values: dict[str, Any]
    kept: frozenset[str]


@dataclass(frozen=True)
class Schema:
    """The parameters, rules and outputs of a template. Immutable, and stored as JSON."""

    parameters: list[Parameter] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)

    @cached_property
    def by_key(self) -> dict[str, Parameter]:
        """The parameters by key."""
        return {parameter.key: parameter for parameter in self.parameters}

    @cached_property
    def defaults(self) -> dict[str, object]:
        """The known defaults of the parameters that need no value."""
        return {
            parameter.key: parameter.default
            for parameter in self.parameters
            if not parameter.required and not parameter.default_unknown
        }

    def with_secrets(self, keys: Collection[str]) -> Self:
        """Return the schema with these parameters marked as secret too."""
        return replace(
            self,
            parameters=[
                replace(each, secret=True, secret_before=not each.secret)
                if each.key in keys
                else each
                for each in self.parameters
            ],
        )

    def to_json(self) -> dict[str, object]:
        """Return the schema as JSON data for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the schema of the JSON data from `to_json`; ignore unknown members."""
        return cls(
            parameters=[
                # Schemas of old versions do not mark ephemeral parameters as secret.
                replace(each, secret=each.secret or each.ephemeral)
                for each in _made(Parameter, data.get("parameters", []))
            ],
            groups=list(_made(Group, data.get("groups", []))),
            rules=list(_made(Rule, data.get("rules", []))),
            outputs=list(data.get("outputs", [])),
        )

    def split(
        self, values: Mapping[str, object]
    ) -> tuple[dict[str, object], dict[str, object]]:
        """Return the values that can be shown, and the secret ones.

        Values of unknown parameters count as secret.
        """
        plain: dict[str, Any] = {}
        secret: dict[str, Any] = {}
        for key, value in values.items():
            parameter = self.by_key.get(key)
            hidden = parameter is None or parameter.secret
            (secret if hidden else plain)[key] = value
        return plain, secret

    def clean(
        self,
        raw: Mapping[str, object],
        *,
        current_secrets: Mapping[str, object] | None = None,
        text: bool = True,
    ) -> dict[str, object]:
        """Return the typed values by key. Raises InvalidParametersError.

        With `text`, strings are parsed by the type of their parameter, as from a form or
        a request; otherwise all values are JSON. An empty secret keeps the one in
        `current_secrets`.
        """
        return self.validate(raw, kept=current_secrets or {}, text=text).values

    def validate(
        self,
        raw: Mapping[str, object],
        *,
        kept: Mapping[str, object],
        text: bool = True,
    ) -> ValidatedValues:
        """Return the typed values, and the keys of the `kept` values that stay.

        A value stays if no other is given, a secret also if the given one is empty.
        Raises InvalidParametersError.
        """
        return _validate(self, raw, kept=kept, text=text)


T = TypeVar("T", Parameter, Group, Rule)


def _made(kind: type[T], rows: Iterable[Mapping[str, Any]]) -> Iterable[T]:
    known = {item.name for item in fields(kind)}
    for row in rows:
        yield kind(**{name: row[name] for name in row if name in known})


def _validate(
    schema: Schema, raw: Mapping[str, object], *, kept: Mapping[str, object], text: bool
) -> ValidatedValues:
    """Return the typed values. Raises InvalidParametersError with all errors.

    `kept` are the current values. They stay if no other value is given; a secret also
    stays if the given value is empty.
    """
    errors: dict[str, list[str]] = {
        key: [_("The template does not have a parameter with this name.")]
        for key in raw
        if key not in schema.by_key
    }
    values: dict[str, Any] = {}
    entered = {key: value for key, value in _given(raw).items() if not is_mask(value)}
    unchanged: set[str] = set()
    shown = visible(schema.parameters, {**kept, **entered})
    for parameter in schema.parameters:
        key = parameter.key
        given = raw.get(key, _MISSING) if key in shown else _MISSING
        try:
            value = _one(
                parameter,
                given,
                kept=kept.get(key, _MISSING),
                text=text,
                shown=key in shown,
            )
        except ConversionError as error:
            errors[key] = [str(error)]
        else:
            if isinstance(value, _Kept):
                unchanged.add(key)
                value = value.value
            elif key in kept and holds_mask(given):
                unchanged.add(key)
            if value is not _MISSING:
                values[key] = value
    if not errors:
        errors = _rule_errors(schema, {**schema.defaults, **values})
    if errors:
        raise InvalidParametersError(errors)
    return ValidatedValues(values, frozenset(unchanged & values.keys()))


def accepts(parameter: Parameter, value: object) -> bool:
    """Return True if a parameter accepts a typed value of another parameter."""
    try:
        _keep(parameter, value)
    except ConversionError:
        return False
    return True


def _keep(parameter: Parameter, kept: object) -> object:
    """Return a kept value. Raises ConversionError if the parameter does not accept it."""
    if kept is UNCHANGED:
        return kept
    if kept is None:
        return None if parameter.nullable else _MISSING
    try:
        value = parse(parameter, kept, text=False)
    except ConversionError:
        if not parameter.secret:
            raise
        raise ConversionError(
            _(
                "This secret was entered for a parameter of another type. Enter a new "
                "value."
            )
        ) from None
    if not parameter.secret and value != parameter.default:
        _check(parameter, value)
    return kept


def _given(raw: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in raw.items() if value not in (None, "")}


def _rule_errors(schema: Schema, values: Mapping[str, object]) -> dict[str, list[str]]:
    known = {key: values.get(key) for key in schema.by_key}
    messages = [
        text_in(description)
        or _("The values do not meet the rule “%(name)s”.") % vars(rule)
        for rule in schema.rules
        for description in failed_assertions(rule, known)
    ]
    return {WHOLE_FORM: messages} if messages else {}


def _one(
    parameter: Parameter, given: object, *, kept: object, text: bool, shown: bool
) -> object:
    """Return the typed value of a parameter, or _MISSING if it has none."""
    missing = given is _MISSING or given is None
    empty = missing or (
        isinstance(given, str)
        and (given == "" or (parameter.kind != "string" and not given.strip()))
    )
    stays = empty if parameter.secret else given is _MISSING and shown
    if stays and kept is not _MISSING:
        return _Kept(_keep(parameter, kept))
    if parameter.secret:
        given = _revealed(parameter, given, kept)
        if given is kept:
            return _Kept(_keep(parameter, kept))
    if not shown or (parameter.read_only and parameter.default is not None):
        return _MISSING
    if empty:
        return _without(parameter, missing=missing)
    if given is UNCHANGED:
        return given
    value = parse(parameter, given, text=text)
    if value == parameter.default and type(value) is type(parameter.default):
        return value
    _check(parameter, value)
    return value


def _revealed(parameter: Parameter, given: object, kept: object) -> object:
    """Replace the masks in a secret by the current values: a mask means unchanged.

    A form does not have the current secrets, so masks inside a value stay until the value
    is validated with them. Raises ConversionError if there is no secret to keep.
    """
    tree = _tree(parameter, given)
    if not holds_mask(tree):
        return given
    if kept is UNCHANGED:
        return UNCHANGED if is_mask(tree) else tree
    try:
        if kept is not _MISSING:
            return unmasked(tree, kept)
    except NothingKeptError:
        pass
    sentence = _(
        "%(mask)s is a placeholder for a hidden secret. Enter the actual value."
    )
    raise ConversionError(sentence % {"mask": MASK})


def _tree(parameter: Parameter, given: object) -> object:
    """Return the list, map or object of a value that was given as text."""
    if not isinstance(given, str) or parameter.kind in {"string", "number", "boolean"}:
        return given
    if parameter.type == "CommaDelimitedList":
        return given if is_mask(given) else given.split(",")
    try:
        return read_json(given)
    except TemplateError:
        return given


def _without(parameter: Parameter, *, missing: bool) -> object:
    """Return the meaning of an empty value: in most cases the template's default."""
    default = parameter.default
    if parameter.default_unknown:
        return _MISSING
    if parameter.required or (default is None and not parameter.nullable):
        if not parameter.required and parameter.kind == "string":
            return _MISSING if missing else ""
        raise ConversionError(_("Enter a value. This field is required."))
    # The default of a secret is never shown, so an empty field does not clear it.
    if missing or default is None or parameter.kind != "string" or parameter.secret:
        return _MISSING
    if default != "":
        _check(parameter, "")
    return ""


def parse(parameter: Parameter, given: object, *, text: bool) -> object:
    """Return the typed value of an input. Raises ConversionError."""
    if isinstance(given, str) and _bytes(given) > MAX_VALUE_BYTES:
        raise ConversionError(
            _("This value is larger than %(limit)d KiB. Shorten it.")
            % {"limit": MAX_VALUE_BYTES // 1024}
        )
    if not isinstance(given, str):
        _check_tree(given)
    if parameter.kind == "string":
        return convert(given, "string")
    if parameter.kind == "number":
        return number(given)
    if parameter.kind == "boolean":
        return boolean(given)
    if parameter.type == "CommaDelimitedList":
        return _comma_list(given)
    if text and isinstance(given, str):
        given = _json(parameter, given)
    if parameter.kind == "json" and parameter.type == "Json":
        if isinstance(given, list | dict):
            return given
        raise ConversionError(_("Enter a JSON list or object."))
    return convert(given, parameter.type)


def _bytes(text: str) -> int:
    try:
        if "\0" not in text:
            return len(text.encode())
    except UnicodeEncodeError:
        pass
    raise ConversionError(
        _("This text contains characters that cannot be stored. Remove them.")
    )


def _check_tree(value: object) -> None:
    try:
        size = len(as_text(value))
        check_text(value)
    except (TemplateError, ValueError, RecursionError, TypeError) as error:
        raise ConversionError(
            _("This value cannot be stored. Enter another value.")
        ) from error
    if size > MAX_VALUE_BYTES:
        raise ConversionError(
            _("This value is larger than %(limit)d KiB. Shorten it.")
            % {"limit": MAX_VALUE_BYTES // 1024}
        )


def _comma_list(given: object) -> list[str]:
    parts = given.split(",") if isinstance(given, str) else given
    if not isinstance(parts, list):
        raise ConversionError(_("Enter values separated by commas."))
    return [as_text(part).strip() for part in parts if as_text(part).strip()]


def _json(parameter: Parameter, text: str) -> object:
    try:
        return read_json(text)
    except TemplateError as error:
        if parameter.type == "any" and text.strip()[:1] not in {"[", "{", '"'}:
            return text
        raise ConversionError(str(error)) from None


def _check(parameter: Parameter, value: object) -> None:
    """Refuse a value that violates a constraint, with the template's own message."""
    problem = _constraint_problem(parameter, value)
    if problem:
        raise ConversionError(text_in(parameter.constraint_description) or problem)


def _constraint_problem(parameter: Parameter, value: object) -> str:
    if parameter.allowed_values is not None and not _allowed(parameter, value):
        return _("Choose a value from the list.")
    if (
        parameter.allowed_pattern
        and isinstance(value, str)
        and not pattern(parameter.allowed_pattern).matches(value)
    ):
        return _("Enter a value in the required format: %(pattern)s") % {
            "pattern": parameter.allowed_pattern[:200]
        }
    if isinstance(value, str | list | dict):
        return _length_problem(parameter, len(value), text=isinstance(value, str))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _range_problem(parameter, value)
    return ""


def _allowed(parameter: Parameter, value: object) -> bool:
    allowed = {as_text(item) for item in parameter.allowed_values or []}
    if parameter.kind == "number":
        # 1, 1.0 and "1" are the same number.
        return as_text(value) in {_number_text(item) for item in allowed}
    items = value if isinstance(value, list) else [value]
    return all(as_text(item) in allowed for item in items)


def _number_text(text: str) -> str:
    try:
        return as_text(number(text))
    except ConversionError:
        return text


def _length_problem(parameter: Parameter, length: int, *, text: bool) -> str:
    low, high = parameter.min_length, parameter.max_length
    if low is not None and length < low:
        return (
            ngettext(
                "Enter at least %d character.", "Enter at least %d characters.", low
            )
            if text
            else ngettext("Enter at least %d value.", "Enter at least %d values.", low)
        ) % low
    if high is not None and length > high:
        return (
            ngettext(
                "Enter at most %d character.", "Enter at most %d characters.", high
            )
            if text
            else ngettext("Enter at most %d value.", "Enter at most %d values.", high)
        ) % high
    return ""


def _range_problem(parameter: Parameter, value: float) -> str:
    low, high = parameter.min_value, parameter.max_value
    if low is not None and value < low:
        return _("Enter a value of %(bound)s or more.") % {"bound": as_text(low)}
    if high is not None and value > high:
        return _("Enter a value of %(bound)s or less.") % {"bound": as_text(high)}
    return ""
