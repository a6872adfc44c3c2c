"""Known errors: a pattern in a log, its meaning and what to do about it."""

import re2
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, URLValidator
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.lib.edit_conflicts import Editable
from console.lib.ids import id_field
from console.lib.users import User

PATTERN_LENGTH = 500
# Only the end of a longer text is searched: RE2 takes milliseconds for this much.
SEARCHED = 256 * 1024
web_address = URLValidator(schemes=["http", "https"])


def compiled(pattern: str) -> "re2._Regexp[str]":
    """Compile a case-insensitive pattern that matches in linear time.

    Raises ValidationError with the reason when RE2 does not accept it.
    """
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        shown = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        raise ValidationError(
            _("The pattern is not a valid RE2 regular expression: %(why)s.")
            % {"why": shown}
        ) from None


def pattern_rule(pattern: str) -> None:
    """Raise ValidationError for a pattern that RE2 refuses, or that matches any text."""
    if compiled(pattern).search("") is not None:
        raise ValidationError(
            _("This pattern matches any text. Enter a more specific pattern.")
        )


class KnownErrorQuerySet(models.QuerySet["KnownError"]):
    def explaining(self, text: str) -> "KnownError | None":
        """Return the first active known error, by `position`, that matches a text."""
        searched = text[-SEARCHED:]
        return next(
            (card for card in self.filter(active=True) if card.fits(searched)), None
        )

    def add(
        self,
        *,
        title: str,
        pattern: str,
        explanation: str,
        link: str = "",
        position: int = 100,
        active: bool = True,
        by: User,
    ) -> "KnownError":
        """Add a known error. Raises InvalidInputError, ConflictError for a taken title."""
        card = self.model(
            title=title,
            pattern=pattern,
            explanation=explanation,
            link=link,
            position=position,
            active=active,
        )
        return card.create_audited(by=by)


class KnownError(Editable):
    """The explanation of a failure whose log matches a pattern."""

    AUDIT_NAME = "KnownError"
    FACTS = ("title", "pattern", "explanation", "link", "position", "active")

    id = id_field("known")
    title = models.CharField(gettext_lazy("title"), max_length=128, unique=True)
    pattern = models.CharField(
        gettext_lazy("pattern"),
        max_length=PATTERN_LENGTH,
        validators=[pattern_rule],
        help_text=gettext_lazy(
            "A case-insensitive regular expression (RE2). It is matched against the "
            "failure reason and the end of the log."
        ),
    )
    explanation = models.TextField(
        gettext_lazy("explanation"),
        max_length=4000,
        help_text=gettext_lazy(
            "Explain in plain language what the error means and what to do."
        ),
    )
    link = models.CharField(
        gettext_lazy("link"),
        max_length=500,
        blank=True,
        validators=[web_address],
        help_text=gettext_lazy(
            "A page with more information. The address must start with https:// or "
            "http://."
        ),
    )
    position = models.PositiveIntegerField(
        gettext_lazy("order"),
        default=100,
        validators=[MaxValueValidator(1_000_000)],
        help_text=gettext_lazy(
            "If several known errors match, the one with the lowest number is shown."
        ),
    )
    active = models.BooleanField(gettext_lazy("active"), default=True)
    created_at = models.DateTimeField(
        gettext_lazy("created"), default=now, editable=False
    )

    objects = KnownErrorQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("known error")
        verbose_name_plural = gettext_lazy("known errors")
        ordering = ["position", "title", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(pattern="") & ~Q(explanation="") & ~Q(title=""),
                name="known_error_complete",
            )
        ]

    def __str__(self) -> str:
        return self.title

    def fits(self, text: str) -> bool:
        """Return True if the pattern is found; an invalid pattern matches nothing."""
        try:
            return compiled(self.pattern).search(text) is not None
        except ValidationError:
            return False

    def duplicate_message(self) -> str:
        return _("A known error with this title already exists. Enter another title.")

    def edit(
        self,
        *,
        title: str | None = None,
        pattern: str | None = None,
        explanation: str | None = None,
        link: str | None = None,
        position: int | None = None,
        active: bool | None = None,
        by: User,
        seen: str = "",
    ) -> None:
        """Change the known error; None leaves a column as it is.

        `seen` is the stamp of what the person saw. Raises InvalidInputError, ConflictError, and
        EditConflictError when the card is no longer that.
        """
        self.edit_audited(
            by=by,
            seen=seen,
            title=title,
            pattern=pattern,
            explanation=explanation,
            link=link,
            position=position,
            active=active,
        )

    def remove(self, *, by: User) -> None:
        """Delete the known error; the pages of tasks no longer show it."""
        self.delete_audited(by=by)
