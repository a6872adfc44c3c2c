"""Errors in templates, and in the values of their parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from console.lib.errors import DomainError, InvalidInputError


@dataclass(frozen=True)
class Problem:
    """An error with its file and its line (from 1), where these are known."""

    message: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        if self.file and self.line:
            return _("%(file)s, line %(line)d: %(message)s") % vars(self)
        if self.file:
            return f"{self.file}: {self.message}"
        if self.line:
            return _("Line %(line)d: %(message)s") % vars(self)
        return self.message


class TemplateError(DomainError):
    """A template cannot be used; `problems` are the reasons."""

    code = "InvalidTemplate"

    def __init__(self, *problems: Problem) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(str(problem) for problem in problems))


class InvalidParametersError(InvalidInputError):
    """Values are not valid; `errors` has the messages by key, or for all under ""."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(errors, code="InvalidParameter")


def template_error(message: str, file: str = "", line: int = 0) -> TemplateError:
    """Return the error with one problem."""
    return TemplateError(Problem(message, file, line))
