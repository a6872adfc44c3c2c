"""Converts a template and its values to the form of ROS: a document, and texts."""

from collections.abc import Mapping

from console.lib.exact import decimal_text, dumps, loads
from instances.engines.base import EngineError

DOCUMENT = "template.json"
# The prefix of secret values in the environment of a driver.
SECRET = "ROS_PARAMETER_"
TERRAFORM = "Aliyun::Terraform-v1.5"
# The limits of ROS for the body of a template, and for the tags of a stack.
MAX_BODY_BYTES = 512 * 1024
MAX_TAGS = 20


def document_of(files: Mapping[str, str]) -> dict[str, object]:
    """Return the template of ROS, or one that holds a folder of Terraform files.

    Raises EngineError when it cannot be read.
    """
    if DOCUMENT not in files:
        return {
            "ROSTemplateFormatVersion": "2015-09-01",
            "Transform": TERRAFORM,
            "Workspace": dict(files),
        }
    try:
        document = loads(files[DOCUMENT])
    except ValueError as error:
        raise EngineError("The template cannot be read.") from error
    if not isinstance(document, dict):
        raise EngineError("The template is not an object.")
    return document


def body_of(document: Mapping[str, object]) -> str:
    """Return a template as text. Raises EngineError when it is too large for ROS."""
    body = dumps(document, ensure_ascii=False, separators=(",", ":"))
    if len(body.encode()) > MAX_BODY_BYTES:
        raise EngineError("The template is larger than the 512 KiB that ROS accepts.")
    return body


def is_terraform(document: Mapping[str, object]) -> bool:
    """Return whether ROS runs Terraform for a template."""
    return str(document.get("Transform", "")).startswith("Aliyun::Terraform")


def texts(
    document: Mapping[str, object], values: Mapping[str, object]
) -> dict[str, str]:
    """Return values as the texts that ROS reads, without those that are None."""
    declared = document.get("Parameters")
    declared = declared if isinstance(declared, dict) else {}
    return {
        key: _text(value, (declared.get(key) or {}).get("Type"))
        for key, value in values.items()
        if value is not None
    }


def hidden_outputs(document: Mapping[str, object]) -> list[str]:
    """Return the outputs with NoEcho."""
    outputs = document.get("Outputs")
    return [
        key
        for key, output in (outputs if isinstance(outputs, dict) else {}).items()
        if isinstance(output, dict) and str(output.get("NoEcho")).lower() == "true"
    ]


def _text(value: object, kind: object) -> str:
    """Return a value as text: a boolean in lower case, a list with commas, others as JSON."""
    if isinstance(value, str):
        return value
    if kind == "CommaDelimitedList" and isinstance(value, list):
        return ",".join(_text(item, None) for item in value)
    if isinstance(value, float):
        return decimal_text(value)
    return dumps(value, ensure_ascii=False)
