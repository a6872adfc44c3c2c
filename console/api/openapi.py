"""The OpenAPI 3 document of the API, generated from the tables that validate requests.

Each operation is described at its own URL below /api/ with a JSON body, because OpenAPI
cannot describe the numbered names of the vendor's form. Both forms run the same
function.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.api.endpoint import ADDRESS, OPERATIONS, VERSION
from console.api.error_codes import CODES, COMMON, errors_of
from console.lib.errors import Text
from console.lib.operation import Field, Operation, Parameter, sample_of

Schema = dict[str, Any]
REQUEST_ID = Field(
    "RequestId",
    gettext_lazy("The ID of the request."),
    "0FEEF92D-4052-5202-87D0-3D8EC16F81BF",
)
ERROR = (
    REQUEST_ID,
    Field(
        "HostId",
        gettext_lazy("The host that received the request."),
        "catalog.example.com",
    ),
    Field("Code", gettext_lazy("The error code."), "InvalidProduct.NotFound"),
    Field(
        "Message",
        gettext_lazy("The error message: what happened, why, and what to do."),
        "The product does not exist, or you do not have access to it.",
    ),
    Field(
        "Recommend",
        gettext_lazy("The address of the page that describes the operation."),
        "https://catalog.example.com/docs/api/GetProductAsEndUser/",
    ),
)
GROUPS: Mapping[str, tuple[Text, Text]] = {
    "Products": (
        gettext_lazy("Products"),
        gettext_lazy("Products and their versions."),
    ),
    "Templates": (
        gettext_lazy("Templates"),
        gettext_lazy("The templates from which product versions are created."),
    ),
    "Portfolios": (
        gettext_lazy("Product portfolios"),
        gettext_lazy("Product portfolios and the products in them."),
    ),
    "Access": (
        gettext_lazy("Access"),
        gettext_lazy("The principals that can use a product portfolio."),
    ),
    "Constraints": (
        gettext_lazy("Constraints"),
        gettext_lazy("The constraints of a product in a product portfolio."),
    ),
    "TagOptions": (
        gettext_lazy("TagOptions"),
        gettext_lazy("The tags that are added to new instances."),
    ),
    "Misc": (gettext_lazy("Others"), gettext_lazy("Other operations.")),
    "Instances": (
        gettext_lazy("Product instances"),
        gettext_lazy("Product instances and their tasks."),
    ),
    "Plans": (
        gettext_lazy("Plans"),
        gettext_lazy("Plans: operations that are prechecked and approved first."),
    ),
}
# The headers of a signed request, and what each holds.
SIGNED_HEADERS: Mapping[str, tuple[str, Text]] = {
    "signature": (
        "Authorization",
        gettext_lazy(
            "ACS3-HMAC-SHA256 Credential=<AccessKeyId>,SignedHeaders=<names>,"
            "Signature=<signature>. The names are the signed headers in lowercase, sorted "
            "and separated by semicolons: host, content-type if there is a body, and all "
            "headers that start with x-acs-. The signature is the HMAC-SHA256, in "
            "hexadecimal, of a text with the secret of the access key. The text has two "
            "lines: ACS3-HMAC-SHA256, and the SHA-256 of the canonical request. The "
            "canonical request has these lines: the method; a slash (/), regardless of the address; "
            "the query, percent-encoded and sorted; name:value of each signed header; an "
            "empty line; the names; the SHA-256 of the body."
        ),
    ),
    "action": (
        "x-acs-action",
        gettext_lazy("The name of the operation: the last part of the address."),
    ),
    "version": (
        "x-acs-version",
        gettext_lazy("The version of the API: 2021-09-01."),
    ),
    "date": (
        "x-acs-date",
        gettext_lazy("The signing time, such as 2024-04-07T06:10:37Z."),
    ),
    "nonce": (
        "x-acs-signature-nonce",
        gettext_lazy(
            "A random string of 1 to 128 characters. Use a new string for each request."
        ),
    ),
    "digest": (
        "x-acs-content-sha256",
        gettext_lazy("The SHA-256 of the body, in hexadecimal."),
    ),
}


def document(server: str) -> Schema:
    """Return the OpenAPI document of this server, with texts in the active language."""
    return {
        "openapi": "3.0.3",
        "info": {
            "title": _("Service Catalog"),
            "version": VERSION,
            "description": _(
                "The API of Alibaba Cloud Service Catalog, provided by this server. The "
                "SDKs of Alibaba Cloud work without changes: they call the address / with "
                "the same parameters as a form."
            ),
        },
        "servers": [{"url": server}],
        "security": [{name: [] for name in SIGNED_HEADERS}],
        "tags": [
            {"name": group, "description": str(GROUPS[group][1])} for group in groups()
        ],
        "paths": {
            f"{ADDRESS}{name}": {"post": _operation(name, operation)}
            for name, operation in sorted(OPERATIONS.items())
        },
        "components": {
            "schemas": dict(_schemas()),
            "securitySchemes": {
                name: {
                    "type": "apiKey",
                    "in": "header",
                    "name": header,
                    "description": str(text),
                }
                for name, (header, text) in SIGNED_HEADERS.items()
            },
        },
        "x-account": settings.ACCOUNT_ID,
    }


def groups() -> dict[str, list[str]]:
    """Return the names of the operations by group, in the order of the tables."""
    found: dict[str, list[str]] = {}
    for name, operation in OPERATIONS.items():
        found.setdefault(operation.group, []).append(name)
    return found


def request_sample(operation: Operation) -> Schema:
    """Return the parameters of the sample request."""
    return sample_of(operation.parameters)


def response_sample(operation: Operation) -> Schema:
    """Return the sample response."""
    return sample_of((REQUEST_ID, *operation.answer))


def _schemas() -> Iterable[tuple[str, Schema]]:
    yield "Error", _answer(ERROR)
    for name, operation in sorted(OPERATIONS.items()):
        if operation.parameters:
            yield f"{name}Request", _request(operation.parameters)
        yield f"{name}Response", _answer((REQUEST_ID, *operation.answer))


def _operation(name: str, operation: Operation) -> Schema:
    described: Schema = {
        "operationId": name,
        "summary": str(operation.summary),
        "description": " ".join(
            str(text) for text in (operation.summary, operation.description) if text
        ),
        "tags": [operation.group],
        "responses": {
            "200": {
                "description": _("The request succeeded."),
                "content": _json(f"{name}Response", response_sample(operation)),
            },
            **_refusals(operation),
        },
    }
    if operation.administrators:
        described["x-administrators-only"] = True
    if operation.parameters:
        described["requestBody"] = {
            "required": any(each.required for each in operation.parameters),
            "content": _json(f"{name}Request", request_sample(operation)),
        }
    return described


def _refusals(operation: Operation) -> dict[str, Schema]:
    """Return the error responses: each status with its codes."""
    by_status: dict[int, dict[str, Text]] = {}
    found = dict(errors_of(operation)) | {code: CODES[code] for code in COMMON}
    for code, error in found.items():
        by_status.setdefault(error.status, {})[code] = error.meaning
    return {
        str(status): {
            "description": f"{HTTPStatus(status).phrase}\n\n{_listed(codes)}",
            "content": _json("Error"),
        }
        for status, codes in sorted(by_status.items())
    }


def _json(schema: str, example: Schema | None = None) -> Schema:
    content: Schema = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    if example is not None:
        content["example"] = example
    return {"application/json": content}


def _request(parameters: Iterable[Parameter]) -> Schema:
    rows = list(parameters)
    found: Schema = {
        "type": "object",
        "properties": {each.name: schema(each) for each in rows},
    }
    if needed := [each.name for each in rows if each.required]:
        found["required"] = needed
    return found


def schema(parameter: Parameter) -> Schema:
    """Return the JSON schema of a parameter."""
    found: Schema
    if parameter.kind == "list":
        entry = _request(parameter.fields)
        found = {"type": "array", "items": entry, "maxItems": parameter.most}
    elif parameter.kind == "object":
        found = _request(parameter.fields)
    elif parameter.kind == "integer":
        found = {
            "type": "integer",
            "minimum": parameter.least,
            "maximum": parameter.most,
        }
    elif parameter.kind == "boolean":
        found = {"type": "boolean"}
    else:
        found = {"type": "string", "maxLength": parameter.most}
        if parameter.required and not parameter.blank:
            found["minLength"] = 1
    if parameter.choices:
        found["enum"] = list(parameter.choices)
    if parameter.default is not None:
        found["default"] = parameter.default
    if not parameter.fields:
        found["example"] = parameter.sample
    found["description"] = _described(parameter)
    return found


def _answer(fields: Iterable[Field]) -> Schema:
    rows = list(fields)
    return {
        "type": "object",
        "properties": {each.name: _field(each) for each in rows},
        "required": [each.name for each in rows if each.always],
    }


def _field(field: Field) -> Schema:
    found: Schema
    if field.fields:
        found = _answer(field.fields)
        if field.several:
            found = {"type": "array", "items": found}
    elif field.kind == "list":
        found = {"type": "array", "items": {"type": "string"}}
    else:
        found = {"type": "string" if field.kind == "text" else field.kind}
    if field.time:
        found["format"] = "date-time"
    if field.choices and field.kind == "text":
        found["enum"] = [*field.choices, *([""] if field.blank else [])]
    if not field.fields:
        found["example"] = field.example
    found["description"] = _described(field)
    return found


def _described(row: Parameter | Field) -> str:
    """Return the description of a parameter or field as Markdown."""
    parts = [str(row.help)]
    if row.choices:
        parts.append(_("Valid values:"))
        parts.append(_listed(row.choices))
    if row.note:
        parts.append(str(row.note))
    return "\n\n".join(parts)


def _listed(meanings: Mapping[str, Text]) -> str:
    return "\n".join(f"* `{name}`: {text}" for name, text in meanings.items())
