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


_MISSING_ID = _("Check the ID. Foreign objects are reported like missing ones.")
_OTHER_NAME = _("Specify another name.")
_RETRY = _("Try again after a few seconds.")
_SIGN = _("Use an SDK, or compute the signature as described for securitySchemes.")

CODES = {
    # The signature and the request as a whole: every operation can answer these.
    "IncompleteSignature": ErrorCode(
        400, _("The signature, or a header that must be signed, is missing."), _SIGN
    ),
    "SignatureDoesNotMatch": ErrorCode(
        400,
        _(
            "The signature is wrong. The message contains the text that the server signs."
        ),
        _("Check the secret of the access key, and compare the text with yours."),
    ),
    "SignatureNonceUsed": ErrorCode(
        400,
        _("The signature nonce was used before."),
        _("Sign each request anew, with a new nonce."),
    ),
    "InvalidTimeStamp.Format": ErrorCode(
        400,
        _("The time of the signature is not in the yyyy-MM-ddTHH:mm:ssZ format."),
        _SIGN,
    ),
    "InvalidTimeStamp.Expired": ErrorCode(
        400,
        _("The time of the signature is more than 15 minutes off."),
        _("Set the clock of the client."),
    ),
    "InvalidAccessKeyId.NotFound": ErrorCode(
        404,
        _("The access key does not exist."),
        _("Create an access key on the Access keys page."),
    ),
    "InvalidAccessKeyId.Inactive": ErrorCode(
        400,
        _("The access key, or its user, is disabled."),
        _("Enable the access key, or use another one."),
    ),
    "InvalidVersion": ErrorCode(
        400,
        _("The version of the API is not supported."),
        _("Set x-acs-version to 2021-09-01."),
    ),
    "InvalidAction": ErrorCode(
        400,
        _("The address names another operation than x-acs-action."),
        _("Use the same name in both, or send the request to the address /."),
    ),
    "InvalidApi.NotFound": ErrorCode(
        404,
        _("The operation does not exist."),
        _("Check the name. Uppercase and lowercase letters are different."),
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
        _("A template can have up to 524,288 bytes. Send a smaller one."),
    ),
    "InvalidParameter": ErrorCode(
        400,
        _("A parameter is invalid. The message names it."),
        _("Correct the parameter."),
    ),
    "Throttling.User": ErrorCode(
        400,
        _("The access key sends more requests than are allowed."),
        _("Wait as long as x-acs-retry-after says, in milliseconds, and retry."),
    ),
    "InternalError": ErrorCode(
        500,
        _("A system error occurred. Try again later."),
        _("Send the RequestId to the operator: the log contains the cause."),
    ),
    "ServiceUnavailable": ErrorCode(
        503, _("The service is busy or the database is unavailable."), _RETRY
    ),
    # Refusals of single operations.
    "NoPermission": ErrorCode(
        403,
        _("The caller may not perform this operation on this object."),
        _("Use the access key of an administrator, or of the user who is in charge."),
    ),
    "NoPermission.ProductNotGranted": ErrorCode(
        403,
        _("No product portfolio that contains the product is granted to you."),
        _("Ask an administrator to grant you a product portfolio that contains it."),
    ),
    "ResourceNotFound": ErrorCode(404, _("The object does not exist."), _MISSING_ID),
    "InvalidProduct.NotFound": ErrorCode(
        404, _("The product does not exist, or is not granted to you."), _MISSING_ID
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
        _("The principal does not exist, or the portfolio is not granted to it."),
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
        _("The template is invalid. The message names the file and the line."),
        _("Correct the template."),
    ),
    "InvalidTemplateType": ErrorCode(
        400,
        _("The template is not of the specified type."),
        _("Specify the TemplateType that the message names."),
    ),
    "InvalidTerraformVariables": ErrorCode(
        400,
        _("The template does not declare one of the variables."),
        _("Correct the VariableName."),
    ),
    "DuplicateName.Product": ErrorCode(
        400, _("A product with this name exists."), _OTHER_NAME
    ),
    "DuplicateName.ProductVersion": ErrorCode(
        400, _("The product has a version with this name."), _OTHER_NAME
    ),
    "DuplicateName.Portfolio": ErrorCode(
        400, _("A product portfolio with this name exists."), _OTHER_NAME
    ),
    "DuplicateName.Principal": ErrorCode(
        400,
        _("The portfolio is already granted to the principal."),
        _("Nothing has to be done."),
    ),
    "DuplicateName.TagOption": ErrorCode(
        400,
        _("A tag option with this key and value exists."),
        _("Use the existing one, or specify another value."),
    ),
    "DuplicateName.ProvisionedProduct": ErrorCode(
        400, _("A product instance with this name exists."), _OTHER_NAME
    ),
    "DuplicateName.Plan": ErrorCode(
        400, _("The caller has an open plan with this name."), _OTHER_NAME
    ),
    "LimitExceeded.Constraint": ErrorCode(
        400,
        _("The product has a launch constraint in this portfolio."),
        _("Call UpdateConstraint to change it."),
    ),
    "PortfolioNotEmpty": ErrorCode(
        400,
        _("The product portfolio contains products."),
        _("Call DisassociateProductFromPortfolio for each of them first."),
    ),
    "ResourceInUse.Product": ErrorCode(
        400,
        _("The product is in a product portfolio, or has product instances."),
        _("Remove it from the portfolios and terminate the instances first."),
    ),
    "ResourceInUse.ProductVersion": ErrorCode(
        400,
        _("Product instances use the version."),
        _("Update or terminate them first, or disable the version."),
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
        _("Specify a value that the message names."),
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
    """Yield the codes of one operation: those of its parameters, its own, then ANYWHERE."""
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
