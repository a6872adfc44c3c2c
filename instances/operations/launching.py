"""Operations that launch, update and terminate instances."""

from dataclasses import replace

from django.utils.translation import gettext_lazy as _

from catalog.effective_constraints import EffectiveConstraints
from catalog.models.product import granted_product
from catalog.operations import shared_parameters
from catalog.tags import Pair
from console.lib.errors import InvalidInputError, NotFoundError
from console.lib.operation import (
    Answer,
    Operation,
    Parameter,
    Values,
    wire_names,
)
from console.lib.users import User
from instances.launch_validation import (
    LaunchSpec,
    RawInput,
    validate_launch,
    validate_update,
)
from instances.models import Instance, ProvisioningSpec, Task, instance_for
from instances.operations import serializers
from instances.operations.instances import INSTANCE_ID

NAMES = {
    "name": "ProvisionedProductName",
    "version": "ProductVersionId",
    "portfolio": "PortfolioId",
    "region": "StackRegionId",
    "parameters": "Parameters",
    "tags": "Tags",
}


def launch_product(params: Values, by: User) -> Answer:
    launch = launch_spec(params, by)
    task = Instance.objects.launch(
        launch.spec, name=launch.name, region=launch.region, by=by
    )
    return {"ProvisionedProductId": task.instance_id}


def update_provisioned_product(params: Values, by: User) -> Answer:
    instance = living_instance(by, params["ProvisionedProductId"])
    instance.update_to(update_spec(params, instance, by), by=by)
    return {"ProvisionedProductId": instance.pk}


def terminate_provisioned_product(params: Values, by: User) -> Answer:
    instance = living_instance(by, params["ProvisionedProductId"])
    constraints = EffectiveConstraints.of(instance.product, instance.portfolio)
    constraints.check_direct(Task.Kind.TERMINATE)
    instance.terminate(by=by)
    return {}


def living_instance(by: User, pk: str) -> Instance:
    """Return an instance that the caller may change. Raises NotFoundError if it is terminated."""
    instance = instance_for(by, pk)
    if instance.terminated_at:
        raise NotFoundError(
            _("The instance does not exist, or you do not have access to it."),
            code="InvalidProvisionedProduct.NotFound",
        )
    return instance


def launch_spec(
    params: Values, by: User, *, planned: ProvisioningSpec | None = None
) -> LaunchSpec:
    """Validate a launch as the wizard does. Raises InvalidInputError with the API's names.

    Values that are not sent are those of the `planned` launch, if there is one.
    """
    product = granted_product(by, params["ProductId"])
    raw_input = _raw_input(params, planned)
    with wire_names(**NAMES):
        return validate_launch(
            raw_input,
            product,
            name=params["ProvisionedProductName"],
            region=params["StackRegionId"],
            by=by,
        )


def update_spec(
    params: Values,
    instance: Instance,
    by: User,
    *,
    planned: ProvisioningSpec | None = None,
) -> ProvisioningSpec:
    """Validate an update as the wizard does. Raises InvalidInputError with the API's names.

    Values that are not sent are those of the `planned` update, else the present ones.
    """
    if params["ProductId"] != instance.product_id:
        raise NotFoundError(
            _("The instance does not belong to this product."),
            code="InvalidProduct.NotFound",
        )
    raw_input = _raw_input(params, planned or instance.current())
    with wire_names(**NAMES):
        return validate_update(raw_input, instance, by=by)


def _raw_input(params: Values, present: ProvisioningSpec | None) -> RawInput:
    """Return the request's values; those that are not sent are the present ones."""
    sent = _parameters(params)
    tags = _tags(params)
    if present is None:
        return RawInput(
            version=params["ProductVersionId"],
            portfolio=params.get("PortfolioId", ""),
            parameters=sent,
            tags=tags or (),
        )
    return RawInput(
        version=params["ProductVersionId"],
        portfolio=params.get("PortfolioId", ""),
        parameters=sent,
        tags=tuple(present.tags.items()) if tags is None else tags,
        present=present,
    )


def _parameters(params: Values) -> dict[str, str]:
    values = {
        each["ParameterKey"]: each["ParameterValue"] for each in params["Parameters"]
    }
    if len(values) < len(params["Parameters"]):
        problem = _("A parameter key is duplicated. Keep only one.")
        raise InvalidInputError({"Parameters": [problem]}, code="InvalidParameters")
    return values


def _tags(params: Values) -> tuple[Pair, ...] | None:
    """Return the tags in the request; None if it has no Tags."""
    if "Tags" not in params:
        return None
    return tuple((each["Key"], each["Value"]) for each in params["Tags"])


GROUP = "Instances"
NAME = Parameter(
    "ProvisionedProductName",
    _("The name of the product instance."),
    required=True,
    example="orders",
    note=_("The name must be unique in the account and cannot be changed."),
)
REGION = Parameter(
    "StackRegionId",
    _("The ID of the region in which the resources are created."),
    required=True,
    example="cn-hangzhou",
    note=_("Call ListRegions to obtain the regions. The region cannot be changed."),
)
OPTION = replace(
    shared_parameters.PORTFOLIO_ID,
    required=False,
    note=_(
        "Required if the product has no default launch option. Call ListLaunchOptions to "
        "obtain the IDs."
    ),
)
PARAMETERS = Parameter(
    "Parameters",
    _("The values of the template parameters."),
    "list",
    most=200,
    fields=(
        Parameter(
            "ParameterKey",
            _("The name of the template parameter."),
            required=True,
            most=255,
            example="size",
        ),
        Parameter(
            "ParameterValue",
            _("The value of the template parameter, as text."),
            required=True,
            blank=True,
            most=65536,
            example="small",
            note=_(
                "Specify a list, a map, or an object as JSON text. In an update, six "
                "asterisks (******) keep the value of a secret parameter."
            ),
        ),
    ),
)
TAGS = Parameter(
    "Tags",
    _("The tags of the product instance. The tags are also added to its resources."),
    "list",
    most=20,
    clearable=True,
    note=_(
        "An update replaces all tags, and keeps them if Tags is not specified. To remove "
        "all tags, specify an empty list, or one entry whose key and value are empty."
    ),
    fields=(
        Parameter(
            "Key",
            _("The key of the tag."),
            required=True,
            example="team",
            note=_(
                "The key cannot start with aliyun or acs: and cannot contain http:// or "
                "https://."
            ),
        ),
        Parameter(
            "Value",
            _("The value of the tag."),
            required=True,
            blank=True,
            example="data",
            note=_(
                "The value cannot start with acs: and cannot contain http:// or https://."
            ),
        ),
    ),
)
SPEC_PARAMETERS = (
    shared_parameters.PRODUCT_ID,
    shared_parameters.VERSION_ID,
    OPTION,
    PARAMETERS,
    TAGS,
)
# The errors of the product, the version, the launch option and the values.
SPEC_ERRORS = (
    "InvalidProduct.NotFound",
    "NoPermission.ProductNotGranted",
    "InvalidProductVersion.NotFound",
    "MissingPortfolioId",
    "InvalidPortfolioId.NotLaunchOption",
    "ParameterNotAllowed",
    "RegionNotAllowed",
)

OPERATIONS = {
    "LaunchProduct": Operation(
        launch_product,
        GROUP,
        (NAME, REGION, *SPEC_PARAMETERS),
        (serializers.NEW_INSTANCE_ID,),
        summary=_("Launches a product."),
        description=_(
            "The product instance is created and its first task is queued. The response "
            "is returned before the task ends. Call GetProvisionedProduct until Status "
            "is Available or Error. If an approval constraint applies to the launch, "
            "call CreateProvisionedProductPlan instead."
        ),
        errors=(
            *SPEC_ERRORS,
            "DuplicateName.ProvisionedProduct",
            "ApprovalRequired",
        ),
    ),
    "UpdateProvisionedProduct": Operation(
        update_provisioned_product,
        GROUP,
        (INSTANCE_ID, *SPEC_PARAMETERS),
        (serializers.NEW_INSTANCE_ID,),
        summary=_("Updates a product instance."),
        description=_(
            "A task changes the version, the launch option, the parameters, or the "
            "tags. Parameters that are not specified keep their values."
        ),
        errors=(
            "InvalidProvisionedProduct.NotFound",
            *SPEC_ERRORS,
            "IncorrectStatus.ProvisionedProduct",
            "NoChange.ProvisionedProduct",
            "ApprovalRequired",
        ),
    ),
    "TerminateProvisionedProduct": Operation(
        terminate_provisioned_product,
        GROUP,
        (INSTANCE_ID,),
        summary=_("Terminates a product instance."),
        description=_(
            "A task deletes the resources and then the product instance. This cannot be "
            "undone. Call GetProvisionedProduct until "
            "InvalidProvisionedProduct.NotFound is returned."
        ),
        errors=(
            "InvalidProvisionedProduct.NotFound",
            "IncorrectStatus.ProvisionedProduct",
            "ApprovalRequired",
        ),
    ),
}
