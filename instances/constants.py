"""Constant expressions of templates, evaluated by Terraform within a web request."""

from collections.abc import Mapping

from catalog.schema.constants import Constants
from console.lib.exact import loads
from instances.engine_setup import ENGINE_CHECKS, engine_settings
from instances.engines.base import Diagnostic, EngineError
from instances.engines.terraform import Terraform

# How long an upload waits while other requests use all engine checks.
WAIT_SECONDS = 5.0


def evaluate(blocks: Mapping[str, str]) -> Constants:
    """Return the values of the defaults in these variable blocks, and Terraform's errors.

    Empty when Terraform cannot answer in time: then only a run evaluates them.
    """
    files = {
        f"v{number}.tf": f'{block}\noutput "v{number}" {{\n'
        f"  value = jsonencode(var.{name})\n}}\n"
        for number, (name, block) in enumerate(blocks.items())
    }
    answer = _answer(files)
    if answer is None:
        return Constants()
    outputs, problems = answer
    errors: dict[str, str] = {}
    for each in problems:
        if each.variable in blocks:
            errors.setdefault(each.variable, each.detail or each.summary)
    values = {
        name: loads(str(outputs[f"v{number}"]))
        for number, name in enumerate(blocks)
        if f"v{number}" in outputs
    }
    return Constants(values, errors)


def _answer(
    files: Mapping[str, str],
) -> tuple[dict[str, object], list[Diagnostic]] | None:
    if not ENGINE_CHECKS.acquire(timeout=WAIT_SECONDS):
        return None
    try:
        return Terraform(engine_settings()).outputs(files)
    except EngineError:
        return None
    finally:
        ENGINE_CHECKS.release()
