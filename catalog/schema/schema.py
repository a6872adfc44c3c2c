"""A template's schema: what it asks for, in order, and how values are judged."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Self, TypeVar

from catalog.schema.parameter import Group, Parameter, Rule
from catalog.schema.validation import Judged, judge


@dataclass(frozen=True)
class Schema:
    """Read once when a version is created, stored as JSON, never changed."""

    parameters: list[Parameter] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)

    @cached_property
    def by_key(self) -> dict[str, Parameter]:
        """The parameters by key."""
        return {parameter.key: parameter for parameter in self.parameters}

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """The values of parameters for which nothing is entered, as far as known."""
        return {
            parameter.key: parameter.default
            for parameter in self.parameters
            if not parameter.required and not parameter.default_unknown
        }

    def with_secrets(self, keys: Collection[str]) -> "Schema":
        """Return the schema in which these parameters are secret ones too."""
        return replace(
            self,
            parameters=[
                replace(each, secret=True, secret_before=not each.secret)
                if each.key in keys
                else each
                for each in self.parameters
            ],
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data from which `from_json` makes an equal schema."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Make the schema that `to_json` described; unknown members are ignored."""
        return cls(
            parameters=[
                # Stored before ephemeral values were treated as secret ones.
                replace(each, secret=each.secret or each.ephemeral)
                for each in _made(Parameter, data.get("parameters", []))
            ],
            groups=list(_made(Group, data.get("groups", []))),
            rules=list(_made(Rule, data.get("rules", []))),
            outputs=list(data.get("outputs", [])),
        )

    def split(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Part values into those that may be shown and the secret ones.

        A name the schema does not know counts as secret.
        """
        plain: dict[str, Any] = {}
        secret: dict[str, Any] = {}
        for key, value in values.items():
            parameter = self.by_key.get(key)
            hidden = parameter is None or parameter.secret
            (secret if hidden else plain)[key] = value
        return plain, secret

    def clean(
        self,
        raw: Mapping[str, Any],
        *,
        current_secrets: Mapping[str, Any] | None = None,
        text: bool = True,
    ) -> dict[str, Any]:
        """Return the typed values of what is entered, by key.

        With `text`, a string is wire or form text to be parsed by the parameter's
        type; without, every value is already JSON. An empty secret keeps the one in
        `current_secrets`. Raises InvalidParametersError.
        """
        return self.judge(raw, kept=current_secrets or {}, text=text).values

    def judge(
        self, raw: Mapping[str, Any], *, kept: Mapping[str, Any], text: bool = True
    ) -> Judged:
        """Do the same, and tell which of the `kept` values stay. Raises InvalidParametersError.

        One stays where nothing is given for it, a secret one also where that is empty.
        """
        return judge(self, raw, kept=kept, text=text)


T = TypeVar("T", Parameter, Group, Rule)


def _made(kind: type[T], rows: Iterable[Mapping[str, Any]]) -> Iterable[T]:
    known = {item.name for item in fields(kind)}
    for row in rows:
        yield kind(**{name: row[name] for name in row if name in known})
