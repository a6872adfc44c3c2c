"""Translates the parameters of a template to variables of Terraform, and their values."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from console.lib.exact import decimal_text, dumps, exact, loads
from instances.engines.ros_local.expressions import (
    Expression,
    TranslationError,
    as_text,
    call,
    quoted,
    scalar,
    written,
)
from instances.engines.ros_local.identifiers import identifier

TYPES = {"Number": "number", "Boolean": "bool"}
LISTS = ("CommaDelimitedList",)
# Passed as JSON text, so that Terraform does not convert the types inside.
STRUCTURED = ("Json", *LISTS)
YES = (True, "true", "True", "TRUE", 1, "1")
PSEUDO = {
    "ALIYUN::StackId": "00000000-0000-0000-0000-000000000000",
    "ALIYUN::StackName": "stack",
    "ALIYUN::Region": "cn-hangzhou",
    "ALIYUN::AccountId": "1000000000000000",
    "ALIYUN::TenantId": "1000000000000000",
    "ALIYUN::ResourceGroupId": "rg-simulated",
}


@dataclass(frozen=True)
class Parameter:
    """A parameter. Those of a `nested` stack may be null."""

    name: str
    type: str = "String"
    default: object = None
    has_default: bool = False
    secret: bool = False
    nested: bool = False

    @property
    def nullable(self) -> bool:
        return self.default is None and (self.has_default or self.nested)

    @property
    def variable(self) -> dict[str, str]:
        """The block of its variable."""
        block = {"type": TYPES.get(self.type, "string")}
        if self.has_default:
            block["default"] = scalar(value_for(self, self.default)).text
        if not self.nullable:
            block["nullable"] = "false"
        if self.secret:
            block["sensitive"] = "true"
        return block

    @property
    def expression(self) -> Expression:
        """The expression for references to it."""
        name = Expression(f"var.{identifier(self.name)}", secret=self.secret)
        if self.type in STRUCTURED and self.nullable:
            return written("try(jsondecode(%s), null)", name)
        if self.type in STRUCTURED:
            kind = "list" if self.type in LISTS else ""
            return call("jsondecode", name, kind=kind)
        kind = TYPES.get(self.type, "string")
        return name if self.nullable else name.known_as(kind)

    def given(self, value: Expression) -> Expression:
        """Convert the argument of a nested stack to the type of its variable."""
        if value.kind == "null":
            return value
        if self.type in LISTS:
            pattern = (
                "[for v in [%s] : v == null ? null : "
                'try(jsonencode(split(",", tostring(v))), jsonencode(v))][0]'
            )
            return written(pattern, value)
        if self.type == "Json":
            pattern = (
                "[for v in [%s] : v == null ? null : "
                "try(jsonencode(jsondecode(tostring(v))), jsonencode(v))][0]"
            )
            return written(pattern, value)
        if self.type in TYPES:
            return call(f"to{TYPES[self.type]}", value)
        return (
            as_text(value)
            if value.kind
            else written(
                "[for v in [%s] : v == null ? null : try(tostring(v), jsonencode(v))][0]",
                value,
            )
        )


def read_parameter(
    name: str, declared: object, *, secret: bool = False, nested: bool = False
) -> Parameter:
    """Return a parameter. Raises TranslationError for a default of the wrong type."""
    if not isinstance(declared, Mapping):
        raise TranslationError("A parameter must have a Type.")
    kind = declared.get("Type")
    association = str(declared.get("AssociationProperty") or "")
    parameter = Parameter(
        name,
        type=kind if isinstance(kind, str) else "String",
        default=declared.get("Default"),
        has_default="Default" in declared,
        secret=secret
        or is_yes(declared.get("NoEcho"))
        or association.endswith("Password"),
        nested=nested,
    )
    value_for(parameter, parameter.default)
    return parameter


def pseudo_variables() -> dict[str, dict[str, str]]:
    """Return the variables of the pseudo parameters, whose values the engine gives."""
    return {
        identifier(name): {
            "type": "string",
            "default": quoted(default),
            "nullable": "false",
        }
        for name, default in PSEUDO.items()
    }


def value_for(parameter: Parameter, value: object) -> object:
    """Convert a value to the type of its variable. Raises TranslationError."""
    if value is None or (value == "" and parameter.type in (*TYPES, *STRUCTURED)):
        return None
    if parameter.type in STRUCTURED:
        return _structured(parameter, value)
    if parameter.type == "Number":
        return _number(parameter, value)
    if parameter.type == "Boolean":
        return value in YES if not isinstance(value, list | dict) else False
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else _text_of(value)


def is_yes(value: object) -> bool:
    """Return whether a flag of the template is true, in any spelling that ROS takes."""
    return isinstance(value, bool | int | str) and value in YES


def _structured(parameter: Parameter, value: object) -> str:
    """Return a list or other structure as JSON text."""
    if isinstance(value, str) and parameter.type in LISTS:
        value = [part.strip() for part in value.split(",")]
    elif isinstance(value, str):
        with contextlib.suppress(ValueError, RecursionError):
            value = loads(value)
    return dumps(value, ensure_ascii=False)


def _text_of(value: object) -> str:
    """Return a value as text: a number in decimal notation, as ROS and Terraform write it."""
    if isinstance(value, float):
        return decimal_text(value)
    return dumps(value, ensure_ascii=False)


def _number(parameter: Parameter, value: object) -> int | float:
    """Return a number, which may be given as text."""
    try:
        if isinstance(value, int | float):
            return value
        text = str(value)
        return exact(text) if set(text) & set(".eE") else int(text)
    except (ValueError, ArithmeticError):
        raise TranslationError(
            f"The default of {parameter.name} is not a number."
        ) from None
