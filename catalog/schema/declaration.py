"""Reader of ROS parameter declarations, which Terraform variables can have too.

Authors write the members in several forms. Members that cannot be read are ignored, unless
they affect which values are valid.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from catalog.schema.conversion import ConversionError, as_text, boolean, convert, number
from catalog.schema.errors import TemplateError, template_error
from catalog.schema.parameter import Parameter, Texts
from catalog.schema.patterns import InvalidPatternError, Pattern
from catalog.schema.safe_parsing import read_json
from catalog.schema.size_limits import MAX_KEY_LENGTH

ROS_KINDS = {
    "String": "string",
    "Number": "number",
    "Boolean": "boolean",
    "Json": "json",
    "CommaDelimitedList": "list",
}
_STORED = "ALIYUN::OOS::"
_MULTILINE = {"TextArea", "Json", "Code", "FileContent"}
_TYPE_OF_KIND = {"string": "string", "number": "number", "boolean": "bool"}


def parameter_of(key: str, declared: object) -> Parameter:
    """Return the parameter of a declaration. Raises TemplateError with its key."""
    if not isinstance(declared, Mapping):
        raise _refuse(key, _("the declaration must be a set of key-value pairs"))
    name = str(declared.get("Type", ""))
    kind = "string" if name.startswith(_STORED) else ROS_KINDS.get(name, "")
    if not kind:
        raise _refuse(
            key,
            _("the type “%(type)s” is not supported; use one of %(known)s")
            % {"type": name[:80], "known": ", ".join(ROS_KINDS)},
        )
    check_key(key)
    has_default = "Default" in declared
    base = Parameter(
        key=key,
        kind=kind,
        type=name,
        required=not has_default,
        nullable=has_default and declared["Default"] is None,
    )
    if has_default:
        base = replace(base, default=default_of(base, declared["Default"]))
    return decorate(base, declared)


def check_key(key: str) -> None:
    """Refuse a key that cannot be the name of a form field or a command argument."""
    if not 1 <= len(key) <= MAX_KEY_LENGTH or ":" in key or not key.isprintable():
        raise _refuse(
            key, _("the name can contain only printable characters and no colon")
        )


def default_of(parameter: Parameter, value: object) -> object:
    """Return a declared default, converted to the kind of the parameter."""
    if value is None or (value == "" and parameter.kind != "string"):
        return None
    try:
        if parameter.type == "CommaDelimitedList" and not isinstance(value, list):
            return [part.strip() for part in as_text(value).split(",")]
        if parameter.kind == "string":
            return as_text(value)
        if parameter.kind == "json" and isinstance(value, str):
            return read_json(value)
        return convert(value, _TYPE_OF_KIND.get(parameter.kind, "any"))
    except (ConversionError, TemplateError) as error:
        raise _refuse(
            parameter.key, _("the default value is not valid: %(why)s") % {"why": error}
        ) from None


def decorate(parameter: Parameter, declared: Mapping[str, object]) -> Parameter:
    """Return the parameter with the members of a declaration beyond type and default."""
    metadata = declared.get("AssociationPropertyMetadata")
    metadata = dict(metadata) if isinstance(metadata, Mapping) else {}
    association = str(declared.get("AssociationProperty") or parameter.association)
    changes: dict[str, Any] = {
        "label": texts(declared.get("Label")) or parameter.label,
        "description": texts(declared.get("Description")) or parameter.description,
        "constraint_description": texts(declared.get("ConstraintDescription"))
        or parameter.constraint_description,
        "secret": parameter.secret
        or flag(declared.get("NoEcho"))
        or association.endswith("Password"),
        "required": parameter.required
        or (flag(declared.get("Required")) and parameter.default in (None, "")),
        "multiline": flag(declared.get("TextArea"))
        or association in _MULTILINE
        or parameter.multiline,
        "read_only": flag(declared.get("ReadOnly")) or parameter.read_only,
        "placeholder": _one_text(declared.get("Placeholder")) or parameter.placeholder,
        "association": association,
        "association_metadata": metadata or parameter.association_metadata,
        "visible": metadata.get("Visible", parameter.visible),
        "value_labels": _labels(metadata) or parameter.value_labels,
    }
    decorated = replace(parameter, **changes, **_constraints(parameter, declared))
    confirm = decorated.secret and decorated.kind == "string"
    twice = flag(declared.get("Confirm")) or parameter.confirm
    return replace(decorated, confirm=confirm and twice)


def _constraints(
    parameter: Parameter, declared: Mapping[str, object]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    allowed = declared.get("AllowedValues")
    if isinstance(allowed, list) and allowed:
        found["allowed_values"] = allowed
    pattern = declared.get("AllowedPattern")
    if isinstance(pattern, str) and pattern:
        try:
            Pattern(pattern)
        except InvalidPatternError as error:
            raise _refuse(parameter.key, str(error)) from None
        found["allowed_pattern"] = pattern
    for member, name in _BOUNDS.items():
        value = declared.get(member)
        if value is None or value == "":
            continue
        try:
            bound = number(value)
        except ConversionError:
            raise _refuse(
                parameter.key, _("%(member)s is not a number") % {"member": member}
            ) from None
        found[name] = int(bound) if name.endswith("length") else bound
    return found


_BOUNDS = {
    "MinLength": "min_length",
    "MaxLength": "max_length",
    "MinValue": "min_value",
    "MaxValue": "max_value",
}


def texts(value: object) -> Texts:
    """Return a text, or a map of languages, as texts. Return no texts for other values."""
    if isinstance(value, str | int | float):
        return {"en": as_text(value)} if value != "" else {}
    if not isinstance(value, Mapping):
        return {}
    return {
        # Some official templates misspell the code of the language.
        "zh-cn" if name.lower() in {"zn-cn", "zh_cn", "zh"} else name.lower(): as_text(
            text
        )
        for name, text in value.items()
        if isinstance(name, str) and isinstance(text, str | int | float) and text != ""
    }


def flag(value: object) -> bool:
    """Return a declared Boolean; older templates write it as text."""
    try:
        return value is not None and boolean(value)
    except ConversionError:
        return False


def _one_text(value: object) -> str:
    return next(iter(texts(value).values()), "")


def _labels(metadata: Mapping[str, object]) -> dict[str, Texts]:
    mapping = metadata.get("ValueLabelMapping")
    if not isinstance(mapping, Mapping):
        return {}
    return {as_text(value): texts(label) for value, label in mapping.items()}


def _refuse(key: str, reason: str) -> Exception:
    return template_error(
        _("Parameter “%(key)s”: %(reason)s.") % {"key": key[:80], "reason": reason}
    )
