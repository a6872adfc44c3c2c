"""Parsers for untrusted JSON and YAML, with limits.

`json.loads` recurses on deep nesting, accepts NaN and keeps the last of two equal keys;
YAML parsers expand aliases without limit.
"""

import json
import math
import re
from collections.abc import Hashable, Iterable
from typing import Any, NoReturn

import yaml
from django.utils.translation import gettext as _

from catalog.schema.errors import TemplateError, template_error
from catalog.schema.size_limits import MAX_DEPTH, check_size
from console.lib.exact import exact

_JSON_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_NUMBER_DIGITS = 300
_DECIMAL = re.compile(r"[-+]?\d+\.\d+(?:[eE][-+]?\d+)?")
_YAML_NODES = 60_000


def read_json(text: str, file: str = "") -> object:
    """Return the value of a JSON text. Raises TemplateError with the line."""
    check_size(text)
    _check_json_depth(text, file)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        raise template_error(
            _("This is not valid JSON: %(reason)s.") % {"reason": error.msg},
            file,
            error.lineno,
        ) from None
    except ValueError as error:
        raise template_error(str(error), file) from None
    check_text(value, file)
    return value


def read_yaml(text: str, file: str = "") -> object:
    """Return the value of a YAML text, short tags such as !Ref in their long form.

    Raises TemplateError with the line.
    """
    check_size(text)
    try:
        _check_yaml_events(text, file)
        value = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = error.problem or error.context or ""
        if "nesting depth" in reason:
            raise _too_deep(file, mark.line + 1 if mark else 1) from None
        raise template_error(
            _("This is not valid YAML: %(reason)s.") % {"reason": reason},
            file,
            mark.line + 1 if mark else 0,
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise template_error(
            _("This is not valid YAML: %(reason)s.") % {"reason": reason}, file
        ) from None
    check_text(value, file)
    return value


def check_text(value: object, file: str = "") -> None:
    """Refuse texts that databases cannot store: lone surrogates and NUL characters."""
    for text in _strings(value):
        if "\0" in text or not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                raise template_error(
                    _("The text contains an incomplete Unicode character. Remove it."),
                    file,
                ) from None
            if "\0" in text:
                raise template_error(
                    _("The text contains a NUL character. Remove it."), file
                )


def _strings(value: object) -> Iterable[str]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting += item.keys()
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _check_json_depth(text: str, file: str) -> None:
    depth = 0
    for match in _JSON_BRACKET.finditer(text):
        if match[0] in "[{":
            depth += 1
        elif match[0] in "]}":
            depth -= 1
        if depth > MAX_DEPTH:
            raise _too_deep(file, text.count("\n", 0, match.start()) + 1)


def _too_deep(file: str, line: int) -> TemplateError:
    message = _(
        "The content is nested more than %(depth)d levels deep. Reduce the nesting."
    ) % {"depth": MAX_DEPTH}
    return template_error(message, file, line)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(
                _("The key “%(key)s” is duplicated in one object. Keep only one.")
                % {"key": key[:80]}
            )
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(_("%(name)s is not a JSON number.") % {"name": name})


def _integer(digits: str) -> int:
    if len(digits) > _NUMBER_DIGITS:
        raise ValueError(_("A number is too long."))
    return int(digits)


def _finite(digits: str) -> int | float:
    if not math.isfinite(float(digits)):
        raise ValueError(_("A number is too large."))
    return exact(digits)


def _check_yaml_events(text: str, file: str) -> None:
    """Check the stream of events before values are constructed from it."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise template_error(
                _(
                    "Anchors and aliases (& and *) are not allowed. Write out the content "
                    "instead."
                ),
                file,
                line,
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _too_deep(file, line)
        if count > _YAML_NODES:
            raise template_error(
                _(
                    "The template has too many entries. Split it into smaller templates."
                ),
                file,
                line,
            )


class _Loader(yaml.CSafeLoader):
    """The safe loader without dates and duplicate keys, and with short tags of functions."""

    yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        made: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool):
                raise _at(key_node, "a key must be text")
            name = key if isinstance(key, str) else _as_text(key)
            if name in made:
                raise _at(key_node, f"the key “{name[:80]}” occurs twice")
            made[name] = self.construct_object(value_node, deep=True)
        return made

    def construct_map(self, node: yaml.Node) -> dict[Hashable, object]:
        if not isinstance(node, yaml.MappingNode):
            raise _at(node, "expected key-value pairs")
        return self.construct_mapping(node)

    def construct_number(self, node: yaml.ScalarNode) -> float:
        number = self.construct_yaml_float(node)
        if not math.isfinite(number):
            raise _at(node, "a number must be finite")
        # Other notations than the decimal one, such as 1:30.5, have no further digits.
        return exact(node.value) if _DECIMAL.fullmatch(node.value) else number

    def construct_short_tag(self, suffix: str, node: yaml.Node) -> dict[str, object]:
        """Expand `!Ref x` to {"Ref": x} and `!Sub x` to {"Fn::Sub": x}."""
        name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
        value: Any
        if isinstance(node, yaml.ScalarNode):
            value = self.construct_scalar(node)
            if suffix == "GetAtt":
                value = str(value).split(".", 1)
        elif isinstance(node, yaml.SequenceNode):
            value = self.construct_sequence(node, deep=True)
        else:
            assert isinstance(node, yaml.MappingNode)
            value = self.construct_mapping(node, deep=True)
        return {name: value}

    def refuse_tag(self, node: yaml.Node) -> NoReturn:
        raise _at(node, f"the tag {node.tag} is not allowed")


def _as_text(key: float | bool) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _at(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


_TAG = "tag:yaml.org,2002:"
_Loader.add_constructor(f"{_TAG}map", _Loader.construct_map)
_Loader.add_constructor(f"{_TAG}float", _Loader.construct_number)
for _name in ("binary", "timestamp", "omap", "pairs", "set", "merge", "value"):
    _Loader.add_constructor(_TAG + _name, _Loader.refuse_tag)
_Loader.add_multi_constructor("!", _Loader.construct_short_tag)
