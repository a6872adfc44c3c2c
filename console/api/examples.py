"""Calls with the vendor's SDK, written from the tables: what people copy and run."""

import re
from collections.abc import Iterable

from console.lib.operation import Operation, Parameter

PACKAGE = "alibabacloud_servicecatalog20210901"
SETUP = """\
from alibabacloud_servicecatalog20210901 import models
from alibabacloud_servicecatalog20210901.client import Client
from alibabacloud_tea_openapi.models import Config

client = Client(
    Config(
        access_key_id="LTAI5t…",
        access_key_secret="…",
        endpoint="{host}",
        protocol="{scheme}",
    )
)
"""
# The vendor's own Terraform provider uses it; the SDK does not have it.
UNPUBLISHED = frozenset({"GetProvisionedProductForResourceSpec"})
WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(name: str) -> str:
    """Write a name as the SDK's Python does: `ProductId` is `product_id`."""
    return WORD.sub("_", name).lower()


def example(name: str, operation: Operation, *, scheme: str, host: str) -> str:
    """Return a Python program that makes this call; empty when the SDK has none."""
    if name in UNPUBLISHED:
        return ""
    setup = SETUP.format(scheme=scheme, host=host)
    if not operation.parameters:
        return f"{setup}answer = client.{snake(name)}()\nprint(answer.body.to_map())\n"
    model = f"{name}Request"
    lines = "".join(
        f"    {line},\n" for line in _arguments(operation.parameters, model)
    )
    return (
        f"{setup}request = models.{model}(\n{lines})\n"
        f"answer = client.{snake(name)}(request)\n"
        "print(answer.body.to_map())\n"
    )


def _arguments(parameters: Iterable[Parameter], model: str) -> Iterable[str]:
    """What is required, and of the rest what shows how it is written."""
    for parameter in parameters:
        shown = parameter.required or parameter.example or parameter.fields
        if shown:
            yield f"{snake(parameter.name)}={_value(parameter, model)}"


def _value(parameter: Parameter, model: str) -> str:
    if parameter.fields:
        inner = f"{model}{parameter.name}"
        arguments = ", ".join(_arguments(parameter.fields, inner))
        made = f"models.{inner}({arguments})"
        return f"[{made}]" if parameter.kind == "list" else made
    if parameter.kind == "boolean":
        return "True"
    if parameter.kind == "integer":
        return str(parameter.default or parameter.least)
    first = parameter.choices[0] if parameter.choices else "…"
    return repr(parameter.example or parameter.default or first)
