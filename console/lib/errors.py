"""One family of refusals.

A verb raises one of these; it becomes a flash or a page in `console.middleware` and a
`Code`/`Message` in `console.api.endpoint`, and nowhere else.
"""

from collections.abc import Mapping, Sequence

from django.utils.functional import Promise

Text = str | Promise


class DomainError(Exception):
    """A refusal the person can act on.

    `code` is the API's error code, `status` the HTTP status of the page.
    """

    code = "InvalidParameter"
    status = 400

    def __init__(self, message: Text, *, code: str = "", hint: Text = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.hint = hint

    def __str__(self) -> str:
        return str(self.message)


class NotFoundError(DomainError):
    """Missing, or not yours: the two are never told apart."""

    code = "ResourceNotFound"
    status = 404


class ForbiddenError(DomainError):
    """The caller may see it but not do this to it."""

    code = "NoPermission"
    status = 403


class ConflictError(DomainError):
    """The thing is in a state that does not allow this, or somebody was faster."""

    code = "IncorrectStatus"
    status = 409


class InvalidInputError(DomainError):
    """Some fields are wrong; `errors` maps a field's name to its messages."""

    status = 422

    def __init__(
        self, errors: Mapping[str, Sequence[Text]], *, code: str = "InvalidParameter"
    ) -> None:
        self.errors = {
            field: [str(m) for m in messages] for field, messages in errors.items()
        }
        sentence = " ".join(
            f"{field}: {' '.join(messages)}" for field, messages in self.errors.items()
        )
        super().__init__(sentence, code=code)
