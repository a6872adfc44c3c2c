"""The parts of a schema: parameters, groups, rules and outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from django.utils.translation import get_language

from catalog.schema.conversion import ParameterType

Texts = dict[str, str]


def text_in(texts: Mapping[str, str], language: str | None = None) -> str:
    """Return the text in a language, or else in English, or else in any language."""
    wanted = (language or get_language() or "en").lower()
    aliases = {"zh-hans": "zh-cn", "zh": "zh-cn", "en-us": "en"}
    for name in (wanted, aliases.get(wanted, wanted.split("-")[0]), "en"):
        if texts.get(name):
            return texts[name]
    return next((text for text in texts.values() if text), "")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a template.

    `required` means that a value must be entered, `nullable` that None is a value.
    """

    key: str
    kind: str = "string"
    type: ParameterType = "string"
    label: Texts = field(default_factory=dict)
    description: Texts = field(default_factory=dict)
    constraint_description: Texts = field(default_factory=dict)
    required: bool = True
    default: Any = None
    # The default is a constant expression that only Terraform can evaluate.
    default_unknown: bool = False
    nullable: bool = False
    secret: bool = False
    # The current value is secret, but this template does not mark it as secret.
    secret_before: bool = False
    ephemeral: bool = False
    confirm: bool = False
    multiline: bool = False
    hidden: bool = False
    read_only: bool = False
    placeholder: str = ""
    allowed_values: list[Any] | None = None
    allowed_pattern: str = ""
    min_length: int | None = None
    max_length: int | None = None
    min_value: float | None = None
    max_value: float | None = None
    visible: Any = None
    association: str = ""
    association_metadata: dict[str, Any] = field(default_factory=dict)
    value_labels: dict[str, Texts] = field(default_factory=dict)
    validations: list[str] = field(default_factory=list)
    group: str = ""

    def label_in(self, language: str | None = None) -> str:
        """Return the label, or the key of a parameter without a label."""
        return text_in(self.label, language) or self.key

    @property
    def element_type(self) -> str:
        """The type of the elements of a list if it is a simple type, or an empty text."""
        if self.type == "CommaDelimitedList":
            return "string"
        if self.kind == "list" and self.type[0] in {"list", "set"}:
            inner = self.type[1]
            return inner if inner in ("string", "number", "bool") else ""
        return ""


@dataclass(frozen=True)
class Group:
    """A group of parameters under a heading of the form."""

    key: str
    label: Texts = field(default_factory=dict)

    def label_in(self, language: str | None = None) -> str:
        return text_in(self.label, language)


# An expression that must hold, and the message for the case that it does not.
Assertion = TypedDict("Assertion", {"assert": object, "description": Texts})


class Output(TypedDict):
    """A declared output of a template."""

    name: str
    label: Texts
    description: Texts
    sensitive: bool


@dataclass(frozen=True)
class Rule:
    """Assertions about all values, which apply if `condition` holds or is None."""

    name: str
    condition: Any = None
    assertions: list[Assertion] = field(default_factory=list)
