"""Tags of an instance: those of tag options, and those that users add."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from catalog.models import Portfolio, Product, TagOption
from catalog.models.tag_option import key_rule, value_rule
from console.lib.errors import InvalidInputError

MAX_TAGS = 20
MAX_TAG_LENGTH = 128
Pair = tuple[str, str]


@dataclass(frozen=True)
class CombinedTagOptions:
    """The tag options of a product and a portfolio, combined.

    `values` maps a key to its possible values. If both have the key, these are the values
    that both have; an empty tuple if there are none.
    """

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, product: Product, portfolio: Portfolio | None) -> "CombinedTagOptions":
        """Return the combined active tag options of a product and a portfolio."""
        theirs = _pairs(portfolio.tag_options.active()) if portfolio else ()
        return cls.combined(_pairs(product.tag_options.active()), theirs)

    @classmethod
    def combined(
        cls, own: Iterable[Pair], of_portfolio: Iterable[Pair]
    ) -> "CombinedTagOptions":
        """Combine the pairs of a product with those of a portfolio."""
        ours, theirs = _by_key(own), _by_key(of_portfolio)
        combined = {}
        for key in sorted({*ours, *theirs}):
            if key in ours and key in theirs:
                combined[key] = tuple(v for v in ours[key] if v in theirs[key])
            else:
                combined[key] = ours.get(key) or theirs[key]
        return cls(combined)

    @property
    def imposed(self) -> dict[str, str]:
        """Keys with one value, which are set automatically."""
        return {key: each[0] for key, each in self.values.items() if len(each) == 1}

    @property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """Keys with several values, of which the user chooses one."""
        return {key: each for key, each in self.values.items() if len(each) > 1}

    @property
    def contradictory(self) -> list[str]:
        """Keys without a value that both have; the product cannot be launched."""
        return [key for key, each in self.values.items() if not each]

    def complete(self, pairs: Sequence[Pair]) -> dict[str, str]:
        """Validate the tags of a user, and add the automatic ones.

        Raises InvalidInputError with the keys `tags.<n>` for a pair, from 0, and `tags`.
        """
        problems: dict[str, list[str]] = {}
        tags = dict(self.imposed)
        seen: set[str] = set()
        for number, (key, value) in enumerate(pairs):
            if errors := [*_violations(key, value), *self._conflicts(key, value, seen)]:
                problems[f"tags.{number}"] = errors
            seen.add(key)
            tags[key] = value
        if whole := self._missing(tags):
            problems["tags"] = whole
        if problems:
            raise InvalidInputError(problems, code="InvalidTags")
        return tags

    def _conflicts(self, key: str, value: str, seen: set[str]) -> list[str]:
        errors = []
        if key in seen:
            errors.append(
                _("The key %(key)s is duplicated. Keep only one.") % {"key": key}
            )
        offered = self.values.get(key)
        if offered and value not in offered:
            sentence = _("Choose one of these values for %(key)s: %(values)s.")
            errors.append(sentence % {"key": key, "values": ", ".join(offered)})
        return errors

    def _missing(self, tags: dict[str, str]) -> list[str]:
        errors = [
            _("Choose a value for the tag %(key)s.") % {"key": key}
            for key in self.choices
            if key not in tags
        ]
        errors += [
            _(
                "The product and the portfolio require different values "
                "for the tag %(key)s, so the product cannot be launched. "
                "Contact your administrator."
            )
            % {"key": key}
            for key in self.contradictory
        ]
        if len(tags) > MAX_TAGS:
            errors.append(
                _("You entered %(count)d tags. The maximum is %(most)d.")
                % {"count": len(tags), "most": MAX_TAGS}
            )
        return errors


def _pairs(options: Iterable[TagOption]) -> list[Pair]:
    return [(option.key, option.value) for option in options]


def _by_key(pairs: Iterable[Pair]) -> dict[str, tuple[str, ...]]:
    by_key: dict[str, tuple[str, ...]] = {}
    for key, value in pairs:
        by_key[key] = (*by_key.get(key, ()), value)
    return by_key


def _violations(key: str, value: str) -> list[str]:
    """Return the violations of the vendor's rules for a key and a value."""
    errors = []
    if not 1 <= len(key) <= MAX_TAG_LENGTH:
        errors.append(_("A tag key must be 1 to 128 characters long."))
    if len(value) > MAX_TAG_LENGTH:
        errors.append(_("A tag value can be up to 128 characters long."))
    for rule, text in ((key_rule, key), (value_rule, value)):
        try:
            rule(text)
        except ValidationError as error:
            errors += error.messages
    if not (key + value).replace(" ", "").isprintable():
        errors.append(_("Tags cannot contain control characters."))
    return errors
