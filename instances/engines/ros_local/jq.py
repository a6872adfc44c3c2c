"""Fn::Jq: a program of jq as an expression of Terraform. What jq calls an error is null."""

from typing import Any

from instances.engines.ros_local.arguments import listed
from instances.engines.ros_local.expressions import Expression, Refused, written
from instances.engines.ros_local.jq_parser import parse
from instances.engines.ros_local.jq_program import Program
from instances.engines.ros_local.jq_tokens import refusal
from instances.engines.ros_local.scope import Function, Scope

OUTPUT_LENGTH = 200_000
DECODED = ("list", "object", "number", "bool", "null")


def jq(scope: Scope, given: Any) -> Expression:
    """The first or all results of a program over an object, or over its JSON."""
    method, program, source = listed("Fn::Jq", given, 3)
    if method not in ("First", "All"):
        raise Refused("Fn::Jq takes First or All, a program and its input.")
    if not isinstance(program, str):
        raise refusal("its program must be written in the template")
    result = Program().run(parse(program), "j")
    if method == "First":
        text = f"try({result.text}[0], null)" if result.many else result.text
    else:
        text = result.listed
    if len(text) > OUTPUT_LENGTH:
        raise refusal("its program does too much")
    value = scope.value(source)
    pattern = (
        "%s" if value.kind in DECODED else "[for t in [%s] : try(jsondecode(t), t)][0]"
    )
    value = written(pattern, value)
    made = f"[for j in [{value.text}] : {text}][0]"
    return Expression(made, "list" if method == "All" else "", value.secret)


FUNCTIONS: dict[str, Function] = {"Fn::Jq": jq}
