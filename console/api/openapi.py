"""The API as an OpenAPI 3 document, made from the tables that validate input.

All operations share one address, so each path here carries its action in the query; a
signed call names the action in the header `x-acs-action`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from console.api.dispatch import OPERATIONS, VERSION
from console.lib.operation import Operation, Parameter

TYPES = {str: "string", int: "integer", bool: "boolean"}
ERROR = {
    "type": "object",
    "required": ["RequestId", "HostId", "Code", "Message", "Recommend"],
    "properties": {
        name: {"type": "string"}
        for name in ("RequestId", "HostId", "Code", "Message", "Recommend")
    },
}
SIGNATURE = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "ACS3-HMAC-SHA256 Credential=…,SignedHeaders=…,Signature=…, as the "
    "vendor's SDKs make it.",
}


def document(server: str) -> dict[str, Any]:
    """Return the OpenAPI document of this server."""
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Service Catalog",
            "version": VERSION,
            "description": "The API of Alibaba Cloud Service Catalog, served here.",
        },
        "servers": [{"url": server}],
        "security": [{"signature": []}],
        "tags": [{"name": group} for group in groups()],
        "paths": {
            f"/?Action={name}": {operation.method.lower(): _operation(name, operation)}
            for name, operation in sorted(OPERATIONS.items())
        },
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {"signature": SIGNATURE},
            "responses": {
                "Error": {
                    "description": "Refused, or broken.",
                    "content": _json({"$ref": "#/components/schemas/Error"}),
                }
            },
        },
        "x-account": settings.ACCOUNT_ID,
    }


def groups() -> dict[str, list[str]]:
    """The operations' names by group, both in the order of the tables."""
    found: dict[str, list[str]] = {}
    for name, operation in OPERATIONS.items():
        found.setdefault(operation.group, []).append(name)
    return found


def _operation(name: str, operation: Operation) -> dict[str, Any]:
    action = {
        "name": "x-acs-action",
        "in": "header",
        "required": True,
        "schema": {"type": "string", "enum": [name]},
    }
    described: dict[str, Any] = {
        "operationId": name,
        "summary": operation.summary,
        "tags": [operation.group],
        "parameters": [action],
        "responses": {
            "200": {
                "description": "Done.",
                "content": _json(_object({"RequestId": str, **operation.answer})),
            },
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
    if operation.description:
        described["description"] = operation.description
    if operation.administrators:
        described["x-administrators-only"] = True
    flat = list(_flat(operation.parameters))
    if operation.in_query:
        described["parameters"] += [
            _in_query(path, each, needed) for path, each, needed in flat
        ]
    elif flat:
        described["requestBody"] = _body(flat)
    return described


def _flat(
    parameters: Iterable[Parameter],
) -> Iterable[tuple[str, Parameter, bool]]:
    """The names as they are sent: a list stands for its first entry."""
    for parameter in parameters:
        if parameter.kind != "list":
            yield parameter.name, parameter, parameter.required
            continue
        for each in parameter.fields:
            yield f"{parameter.name}.1.{each.name}", each, False


def _in_query(path: str, parameter: Parameter, needed: bool) -> dict[str, Any]:
    return {
        "name": path,
        "in": "query",
        "required": needed,
        "description": parameter.help,
        "schema": schema(parameter),
    }


def _body(flat: list[tuple[str, Parameter, bool]]) -> dict[str, Any]:
    properties = {
        path: {**schema(each), "description": each.help} for path, each, _needed in flat
    }
    body: dict[str, Any] = {"type": "object", "properties": properties}
    needed = [path for path, _parameter, required in flat if required]
    if needed:
        body["required"] = needed
    return {
        "required": bool(needed),
        "content": {"application/x-www-form-urlencoded": {"schema": body}},
    }


def schema(parameter: Parameter) -> dict[str, Any]:
    """Return the JSON schema of one parameter's value."""
    if parameter.kind == "integer":
        found: dict[str, Any] = {
            "type": "integer",
            "minimum": parameter.least,
            "maximum": parameter.most,
        }
    elif parameter.kind == "boolean":
        found = {"type": "boolean"}
    elif parameter.kind == "object":
        found = {"type": "string", "format": "json", "description": parameter.help}
    else:
        found = {"type": "string", "maxLength": parameter.most}
        if parameter.required and not parameter.blank:
            found["minLength"] = 1
    if parameter.choices:
        found["enum"] = list(parameter.choices)
    if parameter.default is not None:
        found["default"] = parameter.default
    if parameter.example:
        found["example"] = parameter.example
    return found


def _object(fields: Mapping[str, Any]) -> dict[str, Any]:
    properties = {name: _shape(kind) for name, kind in fields.items()}
    return {"type": "object", "properties": properties}


def _shape(kind: Any) -> dict[str, Any]:
    if isinstance(kind, Mapping):
        return _object(kind)
    if isinstance(kind, list):
        return {"type": "array", "items": _shape(kind[0])}
    return {"type": TYPES[kind]}


def _json(found: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": found}}
