"""A template and its values as ROS takes them: one document, and text for every value."""

from collections.abc import Mapping
from typing import Any

from console.lib.exact import decimal_text, dumps, loads
from instances.engines.base import EngineError

DOCUMENT = "template.json"
# How the environment of a driver names a secret value.
SECRET = "ROS_PARAMETER_"
TERRAFORM = "Aliyun::Terraform-v1.5"
# What ROS accepts as the body of a template, and as parameters and tags of a stack.
BODY_BYTES = 512 * 1024
MOST_TAGS = 20


def document_of(files: Mapping[str, str]) -> dict[str, Any]:
    """The ROS document: the one given, or one around a folder of Terraform files."""
    if DOCUMENT not in files:
        return {
            "ROSTemplateFormatVersion": "2015-09-01",
            "Transform": TERRAFORM,
            "Workspace": dict(files),
        }
    try:
        document = loads(files[DOCUMENT])
    except ValueError as error:
        raise EngineError("The document cannot be read.") from error
    if not isinstance(document, dict):
        raise EngineError("The document is not an object.")
    return document


def body_of(document: Mapping[str, Any]) -> str:
    """The document as text. Raises EngineError when ROS would not take it."""
    body = dumps(document, ensure_ascii=False, separators=(",", ":"))
    if len(body.encode()) > BODY_BYTES:
        raise EngineError("The template is larger than the 512 KiB that ROS accepts.")
    return body


def is_terraform(document: Mapping[str, Any]) -> bool:
    """Whether ROS runs Terraform for this document."""
    return str(document.get("Transform", "")).startswith("Aliyun::Terraform")


def texts(document: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    """Every value that is given, as the text ROS reads it from; None is not given."""
    declared = document.get("Parameters")
    declared = declared if isinstance(declared, dict) else {}
    return {
        key: _text(value, (declared.get(key) or {}).get("Type"))
        for key, value in values.items()
        if value is not None
    }


def hidden_outputs(document: Mapping[str, Any]) -> list[str]:
    """The outputs that the template marks NoEcho."""
    outputs = document.get("Outputs")
    return [
        key
        for key, output in (outputs if isinstance(outputs, dict) else {}).items()
        if isinstance(output, dict) and str(output.get("NoEcho")).lower() == "true"
    ]


def _text(value: Any, kind: object) -> str:
    """One value as text: booleans in lower case, lists by commas, the rest as JSON."""
    if isinstance(value, str):
        return value
    if kind == "CommaDelimitedList" and isinstance(value, list):
        return ",".join(_text(item, None) for item in value)
    if isinstance(value, float):
        return decimal_text(value)
    return dumps(value, ensure_ascii=False)
