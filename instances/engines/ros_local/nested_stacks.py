"""A stack inside of a document: its template, and what it is given."""

import json
from collections.abc import Mapping
from typing import Any

from instances.engines.ros_local.expressions import (
    Expression,
    TranslationError,
    call,
    concatenated,
    quoted,
    string,
)
from instances.engines.ros_local.identifiers import identifier
from instances.engines.ros_local.parameters import PSEUDO, Parameter
from instances.engines.ros_local.scope import Scope

LEVELS = 5
TOO_DEEP = f"Stacks may be nested {LEVELS} levels deep."
# Not values for the stack but what it is made of, in which nothing is a function of ours.
TEMPLATE = ("TemplateBody", "TemplateURL", "TemplateId")


def template_of(given: Any) -> dict[str, Any] | None:
    """The template of a nested stack; None for one that holds a Terraform workspace."""
    properties = given if isinstance(given, Mapping) else {}
    body = properties.get("TemplateBody")
    if not body:
        raise TranslationError("A nested stack needs its TemplateBody to be simulated.")
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            body = None
    if not isinstance(body, dict):
        raise TranslationError(
            "The TemplateBody of a nested stack must be an object or JSON."
        )
    terraform = str(body.get("Transform") or "").startswith("Aliyun::Terraform-")
    return None if terraform else body


def without_template(given: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a stack but for its template."""
    return {key: value for key, value in given.items() if key not in TEMPLATE}


def given_values(scope: Scope, given: Mapping[str, Any]) -> dict[str, Expression]:
    """The values a stack is given for its parameters."""
    values = given.get("Parameters") or {}
    if not isinstance(values, dict) or any(key in scope.functions for key in values):
        raise TranslationError("The Parameters of a nested stack must have names.")
    return scope.members(values)


def arguments(
    name: str, parameters: Mapping[str, Parameter], values: Mapping[str, Expression]
) -> dict[str, str]:
    """The arguments of the module a stack becomes."""
    made = {
        identifier(key): f"var.{identifier(key)}"
        for key in PSEUDO
        if key not in ("ALIYUN::StackId", "ALIYUN::StackName")
    }
    around = Expression(f"var.{identifier('ALIYUN::StackName')}")
    inner = concatenated([around, string(f"-{name}")])
    made[identifier("ALIYUN::StackName")] = inner.text
    above = Expression(f"var.{identifier('ALIYUN::StackId')}")
    path = concatenated([above, string(f"/{name}")])
    made[identifier("ALIYUN::StackId")] = call("uuidv5", string("url"), path).text
    for key, parameter in parameters.items():
        if key in values:
            made[identifier(key)] = parameter.given(values[key]).text
        elif not parameter.has_default:
            raise TranslationError(
                f"The stack needs a value for its parameter {key[:80]}."
            )
    return made


def source(folder: str) -> str:
    """Where Terraform finds the module of a stack."""
    return quoted(f"./{folder}")
