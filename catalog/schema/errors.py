"""What can be wrong with a template, and with the values given for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from console.lib.errors import DomainError, InvalidInputError


@dataclass(frozen=True)
class Problem:
    """One thing to mend: what and, where known, the file and its line (from 1)."""

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
    """A template that cannot be used; `problems` says where and what to do."""

    code = "InvalidTemplate"

    def __init__(self, *problems: Problem) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(str(problem) for problem in problems))


class InvalidParametersError(InvalidInputError):
    """Values a template refuses: `errors` maps a key to messages, "" the whole form."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(errors, code="InvalidParameter")


def template_error(message: str, file: str = "", line: int = 0) -> TemplateError:
    """Return the error of one problem, ready to be raised."""
    return TemplateError(Problem(message, file, line))
