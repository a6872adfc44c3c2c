"""What the engine says against values, asked within a request: bounded, and never required."""

from collections.abc import Collection, Mapping
from threading import BoundedSemaphore
from typing import Any

from catalog.models import Template
from console.lib.masking import Masker
from instances.engine_setup import engine_of, types_of
from instances.engines.base import Diagnostic, EngineError
from instances.masked_engine import MaskedEngine

# A check takes a process and up to two seconds: more than two at once would starve pages.
CHECKS = BoundedSemaphore(2)


def objections(
    template: Template, values: Mapping[str, Any], hidden: Collection[str] = ()
) -> dict[str, list[str]]:
    """Return the engine's own messages by parameter, secrets masked.

    `hidden` are keys of secret values that the template does not mark so.

    Empty as well when it cannot answer at once: the preview, which always runs, will tell.
    """
    if template.kind != Template.Kind.TERRAFORM or not template.variables_source:
        return {}
    plain, secrets = template.split(values)
    secrets |= {key: plain.pop(key) for key in hidden if key in plain}
    found: dict[str, list[str]] = {}
    for each in _answer(template, plain, secrets):
        if each.severity == "error" and each.variable in template.schema.by_key:
            sentence = each.detail or each.summary
            found.setdefault(each.variable, []).append(sentence)
    return found


def _answer(
    template: Template, plain: dict[str, Any], secrets: dict[str, Any]
) -> list[Diagnostic]:
    if not CHECKS.acquire(blocking=False):
        return []
    try:
        defaults = (p.default for p in template.schema.parameters if p.secret)
        known = [*secrets.values(), *defaults]
        engine = MaskedEngine(engine_of(template), Masker(known))
        files = {"variables.tf": template.variables_source}
        types = types_of(template, secrets)
        return engine.check_values(files, plain, secrets, types) or []
    except EngineError:
        return []
    finally:
        CHECKS.release()
