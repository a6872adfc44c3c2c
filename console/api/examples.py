"""Sample requests, responses and programs of the API reference, generated from the tables."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from console.api.call import FORM, JSON
from console.api.endpoint import ADDRESS, VERSION
from console.api.openapi import request_sample, response_sample
from console.lib.operation import Operation, Parameter

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
# Used by the vendor's Terraform provider, but missing in the SDK.
UNPUBLISHED = frozenset({"GetProvisionedProductForResourceSpec"})
WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(name: str) -> str:
    """Return a name in the spelling of the Python SDK: `ProductId` is `product_id`."""
    return WORD.sub("_", name).lower()


def example(name: str, operation: Operation, *, scheme: str, host: str) -> str:
    """Return a Python program that calls the operation, or "" if the SDK does not have it."""
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


def wire_request(name: str, operation: Operation, *, host: str) -> str:
    """Return the HTTP request that the vendor's SDK sends: flat parameters, signed."""
    parameters = "&".join(
        f"{key}={quote(value, safe='')}"
        for key, value in flat(request_sample(operation))
    )
    target, body = "/", ""
    if operation.in_query:
        target = f"/?{parameters}" if parameters else "/"
    else:
        body = parameters
    return _request(operation.method, target, name, host, FORM if body else "", body)


def json_request(name: str, operation: Operation, *, host: str) -> str:
    """Return the HTTP request that a generated client sends: JSON at the operation's URL."""
    sample = request_sample(operation)
    body = json.dumps(sample, indent=2, ensure_ascii=False) if sample else ""
    return _request("POST", f"{ADDRESS}{name}", name, host, JSON if body else "", body)


def json_response(operation: Operation) -> str:
    """Return the sample response."""
    return json.dumps(response_sample(operation), indent=2, ensure_ascii=False)


def flat(sample: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield parameters as the SDKs send them: `Tags.1.Key`, objects as JSON."""
    for name, value in sample.items():
        if isinstance(value, list):
            for number, entry in enumerate(value, 1):
                for field, text in flat(entry):
                    yield f"{name}.{number}.{field}", text
        elif isinstance(value, str):
            yield name, value
        else:
            yield name, json.dumps(value, ensure_ascii=False)


def _request(
    method: str, target: str, name: str, host: str, content_type: str, body: str
) -> str:
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {host}",
        f"x-acs-action: {name}",
        f"x-acs-version: {VERSION}",
        "x-acs-date: 2024-04-07T06:10:37Z",
        "x-acs-signature-nonce: 3dda2d38a9493ec32b6871ae770a10d3",
        "x-acs-content-sha256: …",
        "Authorization: ACS3-HMAC-SHA256 "
        "Credential=LTAI5t…,SignedHeaders=…,Signature=…",
    ]
    if content_type:
        lines += [f"Content-Type: {content_type}", "", body]
    return "\n".join(lines) + "\n"


def _arguments(parameters: Iterable[Parameter], model: str) -> Iterable[str]:
    """Yield required arguments, and optional ones that have an example."""
    for parameter in parameters:
        shown = parameter.required or parameter.example or parameter.fields
        if shown and parameter.in_sample:
            yield f"{snake(parameter.name)}={_value(parameter, model)}"


def _value(parameter: Parameter, model: str) -> str:
    if parameter.fields:
        inner = f"{model}{parameter.name}"
        arguments = ", ".join(_arguments(parameter.fields, inner))
        made = f"models.{inner}({arguments})"
        return f"[{made}]" if parameter.kind == "list" else made
    return repr(parameter.sample)
