"""Nested stacks of a template: their templates and parameters as modules of Terraform."""

import json
from collections.abc import Mapping

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

MAX_LEVELS = 5
TOO_DEEP = f"Stacks may be nested {MAX_LEVELS} levels deep."
# Properties that give the template itself, whose functions are not of this template.
TEMPLATE = ("TemplateBody", "TemplateURL", "TemplateId")


def template_of(given: object) -> dict[str, object] | None:
    """Return the template of a nested stack, None for one that is a Terraform workspace."""
    properties = given if isinstance(given, Mapping) else {}
    body = properties.get("TemplateBody")
    if not body:
        raise TranslationError(
            "A nested stack can be simulated only with a TemplateBody."
        )
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


def without_template(given: object) -> dict[str, object]:
    """Return the properties of a stack without its template."""
    properties = given if isinstance(given, Mapping) else {}
    return {key: value for key, value in properties.items() if key not in TEMPLATE}


def given_values(scope: Scope, given: object) -> dict[str, Expression]:
    """Return the values that a stack is given for its parameters."""
    properties = given if isinstance(given, Mapping) else {}
    values = properties.get("Parameters") or {}
    if not isinstance(values, dict) or any(key in scope.functions for key in values):
        raise TranslationError("The Parameters of a nested stack must have names.")
    return scope.members(values)


def arguments(
    name: str, parameters: Mapping[str, Parameter], values: Mapping[str, Expression]
) -> dict[str, str]:
    """Return the arguments of the module of a stack."""
    made = {
        identifier(key): f"var.{identifier(key)}"
        for key in PSEUDO
        if key not in ("ALIYUN::StackId", "ALIYUN::StackName")
    }
    outer_name = Expression(f"var.{identifier('ALIYUN::StackName')}")
    inner_name = concatenated([outer_name, string(f"-{name}")])
    made[identifier("ALIYUN::StackName")] = inner_name.text
    outer_id = Expression(f"var.{identifier('ALIYUN::StackId')}")
    path = concatenated([outer_id, string(f"/{name}")])
    made[identifier("ALIYUN::StackId")] = call("uuidv5", string("url"), path).text
    for key, parameter in parameters.items():
        if key in values:
            made[identifier(key)] = parameter.given(values[key]).text
        elif not parameter.has_default:
            raise TranslationError(
                f"The stack requires a value for the parameter {key[:80]}."
            )
    return made


def source(folder: str) -> str:
    return quoted(f"./{folder}")
