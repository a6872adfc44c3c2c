"""Real answers against the documented shape: nothing missing, nothing undocumented."""

import json

import jsonschema

from console.api.endpoint import OPERATIONS
from console.api.error_codes import COMMON, errors_of
from console.api.openapi import document

DOCUMENT = document("http://testserver")


def closed(node):
    """A schema in which objects have no fields but the documented ones."""
    if isinstance(node, list):
        return [closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {name: closed(each) for name, each in node.items()}
    if isinstance(node.get("properties"), dict):
        found["additionalProperties"] = False
    return found


SCHEMAS = {"components": closed(DOCUMENT["components"])}
VALIDATORS = {
    name: jsonschema.Draft4Validator(
        {"$ref": f"#/components/schemas/{name}", **SCHEMAS},
        format_checker=jsonschema.FormatChecker(),
    )
    for name in SCHEMAS["components"]["schemas"]
}


def check_answer(action, status, body):
    """Fail for an answer that the documents of the operation do not describe."""
    operation = OPERATIONS.get(action)
    if status == 200:
        VALIDATORS[f"{action}Response"].validate(body)
        return
    VALIDATORS["Error"].validate(body)
    known = {*COMMON, *(dict(errors_of(operation)) if operation else ())}
    assert body["Code"] in known, f"{action} answers {json.dumps(body)}"
