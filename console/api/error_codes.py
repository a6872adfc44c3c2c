"""Error codes of the API: the status, the meaning and the remedy of each."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from console.lib.errors import Text
from console.lib.operation import Operation, Parameter


@dataclass(frozen=True)
class ErrorCode:
    """The HTTP status of a code, what happened, and what the caller can do."""

    status: int
    meaning: Text
    remedy: Text


_MISSING_ID = _(
    "Check the ID. Objects that you cannot access are also reported as not found."
)
_OTHER_NAME = _("Specify another name.")
_RETRY = _("Try again after a few seconds.")
_SIGN = _("Use an SDK, or calculate the signature as described in securitySchemes.")

CODES = {
    # The signature and the request as a whole: every operation can answer these.
    "IncompleteSignature": ErrorCode(
        400, _("The signature, or a header that must be signed, is missing."), _SIGN
    ),
    "SignatureDoesNotMatch": ErrorCode(
        400,
        _(
            "The signature does not match. The message contains the string to sign on "
            "the server."
        ),
        _("Check the access key secret, and compare the string to sign with yours."),
    ),
    "SignatureNonceUsed": ErrorCode(
        400,
        _("The signature nonce has already been used."),
        _("Sign each request with a new nonce."),
    ),
    "InvalidTimeStamp.Format": ErrorCode(
        400,
        _("The signing time is not in the yyyy-MM-ddTHH:mm:ssZ format."),
        _SIGN,
    ),
    "InvalidTimeStamp.Expired": ErrorCode(
        400,
        _("The signing time differs from the server time by more than 15 minutes."),
        _("Correct the clock of the client."),
    ),
    "InvalidAccessKeyId.NotFound": ErrorCode(
        404,
        _("The access key does not exist."),
        _("Create an access key on the Access keys page."),
    ),
    "InvalidAccessKeyId.Inactive": ErrorCode(
        400,
        _("The access key, or its user, is disabled."),
        _("Enable the access key, or use another access key."),
    ),
    "InvalidVersion": ErrorCode(
        400,
        _("The version of the API is not supported."),
        _("Set x-acs-version to 2021-09-01."),
    ),
    "InvalidAction": ErrorCode(
        400,
        _("The operation in the address does not match x-acs-action."),
        _("Use the same name in both, or send the request to the address /."),
    ),
    "InvalidApi.NotFound": ErrorCode(
        404,
        _("The operation does not exist."),
        _("Check the name. Operation names are case-sensitive."),
    ),
    "InvalidContentType": ErrorCode(
        400,
        _("The content type of the body is not supported."),
        _("Send application/x-www-form-urlencoded or application/json."),
    ),
    "InvalidProtocol.NeedSsl": ErrorCode(
        400, _("The request was sent over HTTP."), _("Use HTTPS.")
    ),
    "RequestEntityTooLarge": ErrorCode(
        413,
        _("The request is too large."),
        _("A template can be up to 524,288 bytes. Send a smaller template."),
    ),
    "InvalidParameter": ErrorCode(
        400,
        _("A parameter is invalid. The message contains its name."),
        _("Correct the parameter."),
    ),
    "Throttling.User": ErrorCode(
        400,
        _("The access key has exceeded its request rate."),
        _("Wait for the number of milliseconds in x-acs-retry-after, and then retry."),
    ),
    "InternalError": ErrorCode(
        500,
        _("A system error occurred. Try again later."),
        _("Send the RequestId to the operator. The log contains the cause."),
    ),
    "ServiceUnavailable": ErrorCode(
        503, _("The service is busy or the database is unavailable."), _RETRY
    ),
    # Refusals of single operations.
    "NoPermission": ErrorCode(
        403,
        _(
            "The caller does not have permission to perform this operation on this "
            "object."
        ),
        _("Use the access key of a user who has this permission."),
    ),
    "NoPermission.ProductNotGranted": ErrorCode(
        403,
        _("You do not have access to a product portfolio that contains the product."),
        _(
            "Ask an administrator for access to a product portfolio that contains the "
            "product."
        ),
    ),
    "ResourceNotFound": ErrorCode(404, _("The object does not exist."), _MISSING_ID),
    "InvalidProduct.NotFound": ErrorCode(
        404,
        _("The product does not exist, or you do not have access to it."),
        _MISSING_ID,
    ),
    "InvalidProductVersion.NotFound": ErrorCode(
        404,
        _("The product version does not exist, or is disabled."),
        _("Call ListProductVersions to obtain the versions that you can use."),
    ),
    "InvalidPortfolio.NotFound": ErrorCode(
        404, _("The product portfolio does not exist."), _MISSING_ID
    ),
    "InvalidPrincipal.NotFound": ErrorCode(
        404,
        _(
            "The principal does not exist, or the portfolio is not granted to the "
            "principal."
        ),
        _("Call ListPrincipals to obtain the principals of the portfolio."),
    ),
    "InvalidConstraint.NotFound": ErrorCode(
        404, _("The constraint does not exist."), _MISSING_ID
    ),
    "InvalidTagOption.NotFound": ErrorCode(
        404,
        _("The tag option does not exist, or is not associated with the resource."),
        _MISSING_ID,
    ),
    "InvalidTemplate.NotFound": ErrorCode(
        404,
        _("The template does not exist."),
        _("Use the TemplateUrl that CreateTemplate returned."),
    ),
    "InvalidProvisionedProduct.NotFound": ErrorCode(
        404,
        _("The product instance does not exist, or was terminated."),
        _MISSING_ID,
    ),
    "InvalidTask.NotFound": ErrorCode(404, _("The task does not exist."), _MISSING_ID),
    "InvalidPlan.NotFound": ErrorCode(404, _("The plan does not exist."), _MISSING_ID),
    "InvalidTemplate": ErrorCode(
        400,
        _("The template is invalid. The message contains the file and the line."),
        _("Correct the template."),
    ),
    "InvalidTemplateType": ErrorCode(
        400,
        _("The template type does not match TemplateType."),
        _("Specify the TemplateType in the message."),
    ),
    "InvalidTerraformVariables": ErrorCode(
        400,
        _("The template does not declare one of the variables."),
        _("Correct the VariableName."),
    ),
    "DuplicateName.Product": ErrorCode(
        400, _("A product with this name already exists."), _OTHER_NAME
    ),
    "DuplicateName.ProductVersion": ErrorCode(
        400, _("The product already has a version with this name."), _OTHER_NAME
    ),
    "DuplicateName.Portfolio": ErrorCode(
        400, _("A product portfolio with this name already exists."), _OTHER_NAME
    ),
    "DuplicateName.Principal": ErrorCode(
        400,
        _("The portfolio is already granted to the principal."),
        _("No action is required."),
    ),
    "DuplicateName.TagOption": ErrorCode(
        400,
        _("A tag option with this key and value already exists."),
        _("Use the existing tag option, or specify another value."),
    ),
    "DuplicateName.ProvisionedProduct": ErrorCode(
        400, _("A product instance with this name already exists."), _OTHER_NAME
    ),
    "DuplicateName.Plan": ErrorCode(
        400, _("The caller already has an open plan with this name."), _OTHER_NAME
    ),
    "LimitExceeded.Constraint": ErrorCode(
        400,
        _("The product already has a launch constraint in this portfolio."),
        _("Call UpdateConstraint to change the launch constraint."),
    ),
    "PortfolioNotEmpty": ErrorCode(
        400,
        _("The product portfolio contains products."),
        _("Call DisassociateProductFromPortfolio for each product first."),
    ),
    "ResourceInUse.Product": ErrorCode(
        400,
        _("The product is in a product portfolio, or has product instances."),
        _("Remove the product from the portfolios and terminate the instances first."),
    ),
    "ResourceInUse.ProductVersion": ErrorCode(
        400,
        _("Product instances use the version."),
        _("Update or terminate these instances first, or disable the version."),
    ),
    "MissingPortfolioId": ErrorCode(
        400,
        _("The product has no default launch option."),
        _("Call ListLaunchOptions and specify one of the PortfolioIds."),
    ),
    "InvalidPortfolioId.NotLaunchOption": ErrorCode(
        400,
        _("The product portfolio is not a launch option of the product."),
        _("Call ListLaunchOptions and specify one of the PortfolioIds."),
    ),
    "ParameterNotAllowed": ErrorCode(
        400,
        _("A template constraint does not allow a value."),
        _("Specify one of the values in the message."),
    ),
    "RegionNotAllowed": ErrorCode(
        400,
        _("A region constraint does not allow the region."),
        _("Call ListLaunchOptions and specify one of the StackRegions."),
    ),
    "ApprovalRequired": ErrorCode(
        400,
        _("An approval constraint applies to the operation."),
        _("Call CreateProvisionedProductPlan instead."),
    ),
    "IncorrectStatus": ErrorCode(
        400, _("The status does not allow the operation."), _RETRY
    ),
    "IncorrectStatus.ProvisionedProduct": ErrorCode(
        400,
        _("A task is changing the product instance."),
        _("Call GetProvisionedProduct until the task has ended, and retry."),
    ),
    "IncorrectStatus.Plan": ErrorCode(
        400,
        _("The status of the plan does not allow the operation."),
        _("Call GetProvisionedProductPlan to query the status."),
    ),
    "NoChange.ProvisionedProduct": ErrorCode(
        400,
        _("The update does not change anything."),
        _("Specify another version or other parameters, or do not update."),
    ),
}
COMMON = (
    "IncompleteSignature",
    "SignatureDoesNotMatch",
    "SignatureNonceUsed",
    "InvalidTimeStamp.Format",
    "InvalidTimeStamp.Expired",
    "InvalidAccessKeyId.NotFound",
    "InvalidAccessKeyId.Inactive",
    "InvalidVersion",
    "InvalidAction",
    "InvalidApi.NotFound",
    "InvalidContentType",
    "InvalidProtocol.NeedSsl",
    "RequestEntityTooLarge",
    "InvalidParameter",
    "Throttling.User",
    "InternalError",
    "ServiceUnavailable",
)
# Shown with each operation, because a client must handle them wherever it calls.
ANYWHERE = (
    "InvalidParameter",
    "Throttling.User",
    "InternalError",
    "ServiceUnavailable",
)


def errors_of(operation: Operation) -> Iterator[tuple[str, ErrorCode]]:
    """Yield the error codes of an operation: of its parameters, its own, then ANYWHERE."""
    own = {
        **dict(_parameter_errors(operation.parameters)),
        **{code: CODES[code] for code in operation.errors},
    }
    if operation.administrators:
        own["NoPermission"] = CODES["NoPermission"]
    yield from sorted(own.items(), key=lambda each: (each[1].status, each[0]))
    yield from ((code, CODES[code]) for code in ANYWHERE)


def _parameter_errors(
    parameters: tuple[Parameter, ...],
) -> Iterator[tuple[str, ErrorCode]]:
    for parameter in parameters:
        name = parameter.name
        if parameter.required:
            yield (
                f"Missing{name}",
                ErrorCode(
                    400,
                    _("%(name)s is missing or empty.") % {"name": name},
                    _("Specify %(name)s.") % {"name": name},
                ),
            )
        invalid = ErrorCode(
            400,
            _("%(name)s is invalid. The message contains the reason.") % {"name": name},
            _("Correct %(name)s.") % {"name": name},
        )
        yield f"Invalid{name}", CODES.get(f"Invalid{name}", invalid)
        yield from _parameter_errors(parameter.fields)
