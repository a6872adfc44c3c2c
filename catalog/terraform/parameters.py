"""Reader of the schema of a Terraform template: root variables become parameters."""

from collections.abc import Mapping
from dataclasses import replace

from catalog.schema.constants import Constants, Evaluate, evaluate_nothing
from catalog.schema.conversion import ConversionError, ParameterType, convert
from catalog.schema.declaration import ROS_KINDS, check_key, decorate, flag, texts
from catalog.schema.errors import TemplateError, template_error
from catalog.schema.interface import INTERFACE, arrange, output_of
from catalog.schema.parameter import Output, Parameter
from catalog.schema.safe_parsing import read_json
from catalog.schema.validation import Schema
from catalog.terraform.module import Declaration, Module, read_module
from catalog.terraform.values import NotLiteralError, literal

_KINDS = {"string": "string", "number": "number", "bool": "boolean", "any": "json"}
_COMPLEX = {
    "list": "list",
    "set": "list",
    "tuple": "list",
    "map": "map",
    "object": "object",
}


def read_terraform(
    files: Mapping[str, str],
    *,
    interface: Mapping[str, object] | None = None,
    parameters: Mapping[str, object] | None = None,
    outputs: Mapping[str, object] | None = None,
    descriptions: Mapping[str, str] | None = None,
    evaluate: Evaluate = evaluate_nothing,
) -> Schema:
    """Return the schema of the root module in these files, by path.

    `interface` arranges the form. `parameters` and `outputs` are the declarations of a ROS
    document, which override those of the files; `descriptions` replace those of the
    variables. `evaluate` evaluates defaults that are constant expressions; parameters with
    other expressions have `default_unknown`. Raises TemplateError.
    """
    module = read_module(files)
    constants = _constants(module, evaluate)
    found = [
        _parameter(
            declaration,
            constants,
            description=(descriptions or {}).get(name),
            declared=(parameters or {}).get(name),
        )
        for name, declaration in module.variables.items()
    ]
    ordered, groups = arrange(found, interface or _metadata(files))
    return Schema(ordered, groups, [], _outputs(module, outputs or {}))


def _metadata(files: Mapping[str, str]) -> Mapping[str, object] | None:
    if ".metadata" not in files:
        return None
    data = read_json(files[".metadata"], ".metadata")
    return data.get(INTERFACE) if isinstance(data, dict) else None


def _constants(module: Module, evaluate: Evaluate) -> Constants:
    """Evaluate the defaults that are constant expressions."""
    blocks = {
        name: declaration.block("type", "default")
        for name, declaration in module.variables.items()
        if not _is_plain(declaration) and declaration.is_constant("default")
    }
    return evaluate(blocks) if blocks else Constants()


def _is_plain(declaration: Declaration) -> bool:
    try:
        declaration.literal("default")
    except TemplateError:
        return False
    return True


def _parameter(
    declaration: Declaration,
    constants: Constants,
    *,
    description: str | None,
    declared: object,
) -> Parameter:
    check_key(declaration.name)
    parameter = _typed(declaration, constants)
    text = description or declaration.literal("description") or ""
    inner = _json_declaration(text)
    if inner is None:
        parameter = replace(parameter, description=texts(text))
    else:
        parameter = _override(declaration, parameter, inner)
    if isinstance(declared, Mapping):
        parameter = _override(declaration, parameter, declared)
    return parameter


def _typed(declaration: Declaration, constants: Constants) -> Parameter:
    kind = declaration.type()
    has_default = "default" in declaration.arguments
    default, known = _default(declaration, constants)
    try:
        default = convert(default, kind or "any")
    except ConversionError as error:
        raise declaration.error("default", str(error)) from None
    return Parameter(
        key=declaration.name,
        kind=_kind(kind, default),
        type=kind or "any",
        required=not has_default,
        default=default,
        default_unknown=not known,
        nullable=flag(declaration.literal("nullable", True)),
        # Terraform does not store ephemeral values, so they must not be shown here.
        secret=flag(declaration.literal("sensitive", False))
        or flag(declaration.literal("ephemeral", False)),
        ephemeral=flag(declaration.literal("ephemeral", False)),
        validations=_messages(declaration),
    )


def _default(declaration: Declaration, constants: Constants) -> tuple[object, bool]:
    """Return the default, and True if it is known. Raises TemplateError."""
    name = declaration.name
    if name in constants.errors:
        raise declaration.error("default", constants.errors[name].rstrip("."))
    if name in constants.values:
        return constants.values[name], True
    try:
        return declaration.literal("default"), True
    except TemplateError:
        if not declaration.is_constant("default"):
            raise
        return None, False


def _kind(kind: ParameterType | None, default: object) -> str:
    """Return the kind of a type. That of an untyped variable depends on its default."""
    if isinstance(kind, list):
        return _COMPLEX[kind[0]]
    if kind is not None and kind != "any":
        return _KINDS[kind]
    if isinstance(default, bool):
        return "boolean"
    if isinstance(default, int | float):
        return "number"
    if isinstance(default, str) or (kind is None and default is None):
        return "string"
    return "json"


def _messages(declaration: Declaration) -> list[str]:
    """Return the error messages of the validation blocks that are plain text."""
    messages = []
    for block in declaration.blocks:
        for inner in declaration.scan.statements(block.first, block.last):
            if block.name == "validation" and inner.name == "error_message":
                try:
                    text = literal(declaration.scan.source(inner.first, inner.last))
                except NotLiteralError:
                    continue
                messages.append(str(text))
    return messages


def _json_declaration(description: object) -> Mapping[str, object] | None:
    """Return a description that is a JSON object, which declares the parameter."""
    if not isinstance(description, str) or not description.lstrip().startswith("{"):
        return None
    try:
        data = read_json(description)
    except TemplateError:
        # Two official templates have invalid JSON, which is used as a description.
        return None
    return data if isinstance(data, dict) else None


def _override(
    declaration: Declaration, parameter: Parameter, declared: Mapping[str, object]
) -> Parameter:
    named = ROS_KINDS.get(str(declared.get("Type")))
    if named and parameter.type == "any" and declared["Type"] != "CommaDelimitedList":
        parameter = replace(parameter, kind=named)
    if "Default" in declared:
        try:
            default = convert(
                _from_json_text(declared["Default"], parameter), parameter.type
            )
        except ConversionError as error:
            raise declaration.error("default", str(error)) from None
        parameter = replace(parameter, default=default, required=False)
    try:
        return decorate(parameter, declared)
    except TemplateError as error:
        problem = error.problems[0]
        raise template_error(
            problem.message, declaration.scan.file, declaration.statement.line
        ) from None


def _from_json_text(default: object, parameter: Parameter) -> object:
    """Return a default that is JSON text, as documents write those of type Json."""
    if not isinstance(default, str) or parameter.kind in {
        "string",
        "number",
        "boolean",
    }:
        return default
    if not default.strip():
        return None
    try:
        return read_json(default)
    except TemplateError:
        return default


def _outputs(module: Module, declared: Mapping[str, object]) -> list[Output]:
    found = []
    for name, declaration in module.outputs.items():
        text = declaration.literal("description") or ""
        inner = _json_declaration(text)
        output = output_of(name, {"Description": text} if inner is None else inner)
        over = output_of(name, declared.get(name))
        output["label"] = over["label"] or output["label"]
        output["description"] = over["description"] or output["description"]
        output["sensitive"] = (
            output["sensitive"]
            or over["sensitive"]
            or flag(declaration.literal("sensitive", False))
        )
        found.append(output)
    return found
