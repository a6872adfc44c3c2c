"""The requested version, launch option, parameters and tags of an instance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from catalog.models import Portfolio, Version
from catalog.schema.conversion import as_text, canonical
from catalog.schema.parameter import Parameter
from catalog.schema.validation import accepts


@dataclass(frozen=True)
class Carried:
    """The values that an instance keeps on an update to a version without entries.

    `texts` are those of values that a person entered. `hidden` are the keys of values
    that are not to be shown, also where the version forgot to mark them. `defaults` are
    the keys of values that were the default and are not in this version.
    """

    values: dict[str, object] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    defaults: frozenset[str] = frozenset()

    def without(self, keys: frozenset[str]) -> "Carried":
        """Return the values without these keys."""
        return Carried(
            {key: value for key, value in self.values.items() if key not in keys},
            {key: text for key, text in self.texts.items() if key not in keys},
            self.hidden - keys,
            self.defaults - keys,
        )


@dataclass(frozen=True)
class ProvisioningSpec:
    """The requested version, launch option, parameters and tags, already validated.

    `values` are the typed parameters that were entered, secret ones included; for the
    others the template's defaults hold. `texts` are the texts of those that may be shown,
    as they were typed. `hidden` are keys whose values stay secret although the version
    does not mark them so. `option_named` is False where the launch option was taken
    because none was named.
    """

    version: Version
    portfolio: Portfolio | None
    values: dict[str, object] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    option_named: bool = True
    texts: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    def columns(self) -> dict[str, object]:
        """Return the columns of a task or plan, secrets apart from the rest."""
        secret = self.secret_keys
        plain = {k: value for k, value in self.values.items() if k not in secret}
        return {
            "version": self.version,
            "portfolio": self.portfolio,
            "parameters": plain,
            "secrets": {k: value for k, value in self.values.items() if k in secret},
            "entered": {key: self.text(key) for key in plain},
            "tags": self.tags,
        }

    @property
    def effective(self) -> dict[str, object]:
        """The entered values and the known defaults of the others."""
        return {**self.version.template.schema.defaults, **self.values}

    @cached_property
    def secret_keys(self) -> frozenset[str]:
        """The keys of values that must not be shown."""
        return secret_keys(self.version, self.values, self.hidden)

    def text(self, key: str) -> str:
        """Return the text of an effective value, as it was typed where that is known."""
        if key in self.values and key in self.texts:
            return self.texts[key]
        value = self.effective.get(key)
        return wire_text(self.version.template.schema.by_key.get(key), value)

    def entered_like(self, other: "ProvisioningSpec") -> bool:
        """Return True if the same values were entered, as the same text where known."""
        if canonical(self.values) != canonical(other.values):
            return False
        both = self.texts.keys() & other.texts.keys()
        return all(self.texts[key] == other.texts[key] for key in both)

    def acts_like(self, other: "ProvisioningSpec") -> bool:
        """Return True if the engine gets the same version and values."""
        same = self.version.pk == other.version.pk
        return same and canonical(self.effective) == canonical(other.effective)

    def carried_to(self, version: Version) -> Carried:
        """Return the values to keep on an update to a version, or to the same one.

        A default that differs in this version keeps its value where it is still valid.
        """
        schema = version.template.schema
        values = {k: v for k, v in self.values.items() if k in schema.by_key}
        texts = {key: self.text(key) for key in values}
        defaults = dict(self._changed_defaults(version))
        hidden = self.secret_keys | {p.key for p in schema.parameters if p.secret}
        known = {**values, **defaults}
        return Carried(known, texts, hidden & known.keys(), frozenset(defaults))

    def _changed_defaults(self, version: Version) -> Iterator[tuple[str, object]]:
        if version.pk == self.version.pk:
            return
        was, is_now = (each.template.schema for each in (self.version, version))
        for key, default in was.defaults.items():
            parameter = is_now.by_key.get(key)
            if parameter is None or key in self.values:
                continue
            same = key in is_now.defaults and canonical(
                is_now.defaults[key]
            ) == canonical(default)
            if not same and accepts(parameter, default):
                yield key, default


def secret_keys(
    version: Version, values: Mapping[str, object], hidden: frozenset[str]
) -> frozenset[str]:
    """Return the keys of parameters and values that must not be shown."""
    by_key = version.template.schema.by_key
    unknown = {key for key in values if key not in by_key}
    return hidden | unknown | {key for key, each in by_key.items() if each.secret}


def wire_text(parameter: Parameter | None, value: object) -> str:
    """Return the text of a typed value, as the API takes it."""
    if parameter is not None and parameter.type == "CommaDelimitedList":
        return ",".join(map(as_text, value)) if isinstance(value, list) else ""
    return as_text(value)
