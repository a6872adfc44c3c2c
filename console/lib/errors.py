"""The exceptions that domain code raises.

`console.middleware` converts them to messages or error pages, `console.api.endpoint` to
the `Code` and `Message` of an API response.
"""

from collections.abc import Mapping, Sequence

from django.utils.functional import Promise

Text = str | Promise


class DomainError(Exception):
    """An error that the caller can correct.

    `code` is the error code of the API, `status` the HTTP status of the page, `hint` a
    second sentence that says what to do.
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
    """The object does not exist or is not visible to the caller."""

    code = "ResourceNotFound"
    status = 404


class ForbiddenError(DomainError):
    """The caller can see the object but has no permission for the action."""

    code = "NoPermission"
    status = 403


class ConflictError(DomainError):
    """The state of the object does not allow the action, or it changed concurrently."""

    code = "IncorrectStatus"
    status = 409


class InvalidInputError(DomainError):
    """Invalid fields; `errors` maps field names to messages."""

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
