"""The nouns of a schema: parameter, group, rule, output."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import get_language

Texts = dict[str, str]


def text_in(texts: Mapping[str, str], language: str | None = None) -> str:
    """Return the text in a language, else in English, else in any."""
    wanted = (language or get_language() or "en").lower()
    aliases = {"zh-hans": "zh-cn", "zh": "zh-cn", "en-us": "en"}
    for name in (wanted, aliases.get(wanted, wanted.split("-")[0]), "en"):
        if texts.get(name):
            return texts[name]
    return next((text for text in texts.values() if text), "")


@dataclass(frozen=True)
class Parameter:
    """One thing the template asks for.

    `type` is Terraform's type as JSON ("string", ["list", "string"], ["object",
    {attribute: type}, {optional attribute: default}], "any") or the ROS type's name.
    `required` means the person must give a value; `nullable` that None is a value.
    """

    key: str
    kind: str = "string"
    type: Any = "string"
    label: Texts = field(default_factory=dict)
    description: Texts = field(default_factory=dict)
    constraint_description: Texts = field(default_factory=dict)
    required: bool = True
    default: Any = None
    # The default is a constant expression that only Terraform can compute.
    default_unknown: bool = False
    nullable: bool = False
    secret: bool = False
    # The value that exists is secret, and the template does not mark it so.
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
        """Return the label, or the key of a parameter that has none."""
        return text_in(self.label, language) or self.key

    @property
    def element_type(self) -> str:
        """The type of a list's elements when they are simple, else empty."""
        if self.type == "CommaDelimitedList":
            return "string"
        if self.kind == "list" and self.type[0] in {"list", "set"}:
            inner = self.type[1]
            return inner if inner in ("string", "number", "bool") else ""
        return ""


@dataclass(frozen=True)
class Group:
    """A heading on the form."""

    key: str
    label: Texts = field(default_factory=dict)

    def label_in(self, language: str | None = None) -> str:
        return text_in(self.label, language)


@dataclass(frozen=True)
class Rule:
    """Assertions over all values, in force when `condition` holds (None: always).

    Each assertion is a dict with `assert` (an expression) and `description` (texts).
    """

    name: str
    condition: Any = None
    assertions: list[dict[str, Any]] = field(default_factory=list)
