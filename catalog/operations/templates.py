"""Operations on templates."""

import json
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from catalog.models import Template
from catalog.operations import shared_parameters
from catalog.operations.lookups import find, versions_for_caller
from catalog.ros.document import read_document
from catalog.schema import TemplateError
from catalog.schema.safe_parsing import read_json, read_yaml
from catalog.schema.size_limits import MAX_FILES, MAX_TEMPLATE_BYTES
from console.lib.audit import AuditEntry
from console.lib.errors import DomainError, InvalidInputError
from console.lib.exact import dumps
from console.lib.operation import Answer, Field, Operation, Parameter, Values
from console.lib.users import User

TRANSFORM = "Aliyun::Terraform-v1.5"


@transaction.atomic
def create_template(params: Values, by: User) -> Answer:
    """Store a template, and return its address for a version.

    TerraformVariables replaces the descriptions of variables that the template declares.
    """
    text = params["TemplateBody"]
    if params["TerraformVariables"]:
        text = with_descriptions(text, params["TerraformVariables"])
    template = Template.objects.from_document(text, by=by)
    if template.kind != params["TemplateType"]:
        problem = _(
            "The template type is %(kind)s, which does not match TemplateType."
        ) % {"kind": template.kind}
        raise InvalidInputError({"TemplateType": [problem]}, code="InvalidTemplateType")
    facts = {"digest": template.digest}
    AuditEntry.objects.record("CreateTemplate", template, by=by, after=facts)
    return {"TemplateUrl": template.url}


def get_template(params: Values, by: User) -> Answer:
    """Return the text of the template of a version.

    A template that was uploaded as a folder is returned as a ROS document.
    """
    rows = versions_for_caller(by).filter(product=params["ProductId"])
    version = find(rows, params["ProductVersionId"], "InvalidProductVersion.NotFound")
    template = Template.objects.only("body", "files").get(pk=version.template_id)
    return {"TemplateBody": template.body or as_document(template.files)}


def as_document(files: dict[str, str]) -> str:
    """Return Terraform files as a ROS document."""
    document = {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Transform": TRANSFORM,
        "Workspace": files,
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def with_descriptions(text: str, variables: list[Values]) -> str:
    """Return a document with other descriptions of its variables, as JSON.

    A description can be a JSON object of properties, as in the variable itself. Raises
    DomainError for a variable that the template does not declare.
    """
    declared = read_document(text).schema.by_key
    document: Any = read_json(text) if text.lstrip()[:1] == "{" else read_yaml(text)
    parameters = document.get("Parameters") or {}
    for variable in variables:
        name = variable["VariableName"]
        if name not in declared:
            raise DomainError(
                _("The template does not declare the variable %(name)s.")
                % {"name": name},
                code="InvalidTerraformVariables",
            )
        properties = _properties(variable["Description"])
        parameters[name] = {**(parameters.get(name) or {}), **properties}
    return dumps({**document, "Parameters": parameters}, ensure_ascii=False)


def _properties(description: str) -> dict[str, object]:
    try:
        found = read_json(description)
    except TemplateError:
        found = None
    return found if isinstance(found, dict) else {"Description": description}


GROUP = "Templates"
DOCUMENT = (
    '{"ROSTemplateFormatVersion": "2015-09-01", "Transform": "Aliyun::Terraform-v1.5", '
    '"Workspace": {"main.tf": "variable \\"size\\" {}"}}'
)
BODY = Parameter(
    "TemplateBody",
    _("The content of the template: a ROS template in JSON or YAML."),
    required=True,
    most=MAX_TEMPLATE_BYTES,
    example=DOCUMENT,
    note=_("The files of a Terraform template are in Workspace."),
)
VARIABLES = Parameter(
    "TerraformVariables",
    _("The Terraform variables whose descriptions are replaced."),
    "list",
    most=4 * MAX_FILES,
    fields=(
        Parameter(
            "VariableName",
            _("The name of the variable."),
            required=True,
            example="size",
        ),
        Parameter(
            "Description",
            _(
                "The new description: text, or a JSON object with properties such as Label "
                "and AllowedValues."
            ),
            required=True,
            blank=True,
            most=16384,
            example='{"Label": {"en": "Size"}}',
        ),
    ),
)

OPERATIONS = {
    "CreateTemplate": Operation(
        create_template,
        GROUP,
        (BODY, shared_parameters.TEMPLATE_TYPE, VARIABLES),
        (
            Field(
                "TemplateUrl",
                _(
                    "The URL of the template, for CreateProduct and CreateProductVersion."
                ),
                shared_parameters.TEMPLATE_URL.example,
            ),
        ),
        summary=_("Creates a template."),
        description=_(
            "The template is validated in the same way as a template that is uploaded "
            "in the console. The template is not run."
        ),
        errors=("InvalidTemplate", "InvalidTerraformVariables"),
        administrators=True,
    ),
    "GetTemplate": Operation(
        get_template,
        GROUP,
        (shared_parameters.PRODUCT_ID, shared_parameters.VERSION_ID),
        (
            Field(
                "TemplateBody",
                _("The content of the template."),
                DOCUMENT,
                note=_(
                    "A template that was uploaded as a folder is returned as a ROS template "
                    "with its files in Workspace."
                ),
            ),
        ),
        summary=_("Queries the template of a product version."),
        description=_(
            "End users can query the enabled versions of products that are granted to "
            "them. Administrators can query all versions."
        ),
        errors=("InvalidProductVersion.NotFound",),
        in_query=True,
    ),
}
