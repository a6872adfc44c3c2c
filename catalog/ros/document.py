"""Reader of ROS documents: standard templates, and workspaces of Terraform.

Format: https://www.alibabacloud.com/help/en/ros/user-guide/template-structure
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from catalog.schema.constants import Evaluate, evaluate_nothing
from catalog.schema.declaration import parameter_of, texts
from catalog.schema.errors import Problem, TemplateError, template_error
from catalog.schema.interface import INTERFACE, arrange, output_of, rules_of
from catalog.schema.parameter import Texts
from catalog.schema.safe_parsing import read_json, read_yaml
from catalog.schema.size_limits import MAX_PARAMETERS
from catalog.schema.validation import Schema
from catalog.terraform.parameters import read_terraform

# The sections of a document by name; the reader checks that each is a mapping.
Body = dict[str, Any]

_FORMAT = "2015-09-01"
_TERRAFORM = re.compile(r"Aliyun::Terraform-v\d+\.\d+")
_SECTIONS = ("Parameters", "Outputs", "Metadata", "Rules", "Resources", "Workspace")


@dataclass(frozen=True)
class Document:
    """A ROS document. `kind` is "terraform" (then `files` is the workspace) or "standard".

    `body` is the whole document, with the long forms of short YAML tags.
    """

    kind: str
    schema: Schema
    body: Body
    files: dict[str, str] = field(default_factory=dict)
    description: Texts = field(default_factory=dict)


def read_document(
    text: str,
    *,
    descriptions: Mapping[str, str] | None = None,
    evaluate: Evaluate = evaluate_nothing,
) -> Document:
    """Read a document in YAML or JSON. Raises TemplateError with file and line.

    `descriptions` replace those of Terraform variables, by name; `evaluate` evaluates
    their defaults that are constant expressions.
    """
    body = _body(text)
    transform = body.get("Transform")
    terraform = isinstance(transform, str) and bool(_TERRAFORM.fullmatch(transform))
    if terraform:
        files = _files(body)
        schema = _terraform_schema(body, files, descriptions, evaluate)
        kind = "terraform"
    else:
        files = {}
        schema = _standard_schema(body)
        kind = "standard"
    return Document(kind, schema, body, files, texts(body.get("Description")))


def _body(text: str) -> Body:
    is_json = text.lstrip("\ufeff \t\r\n").startswith("{")
    body = read_json(text.lstrip("\ufeff")) if is_json else read_yaml(text)
    if not isinstance(body, dict):
        raise template_error(
            _("A template must consist of named sections, such as Parameters.")
        )
    version = body.get("ROSTemplateFormatVersion")
    if version != _FORMAT:
        raise template_error(
            _("The template must begin with ROSTemplateFormatVersion: '%(version)s'.")
            % {"version": _FORMAT}
        )
    for name in _SECTIONS:
        if body.get(name) is not None and not isinstance(body[name], dict):
            raise template_error(
                _("The section %(name)s must contain key-value pairs.") % {"name": name}
            )
    return body


def _files(body: Body) -> dict[str, str]:
    files = body.get("Workspace")
    if not files:
        raise template_error(
            _(
                "A Terraform template must have a Workspace that contains its files, such "
                "as main.tf."
            )
        )
    unreadable = [
        str(path) for path, text in files.items() if not isinstance(text, str)
    ]
    if unreadable:
        raise TemplateError(
            *(Problem(_("The content of a file must be text."), p) for p in unreadable)
        )
    return dict(files)


def _interface(body: Body) -> Mapping[str, object] | None:
    interface = (body.get("Metadata") or {}).get(INTERFACE)
    return interface if isinstance(interface, dict) else None


def _terraform_schema(
    body: Body,
    files: Mapping[str, str],
    descriptions: Mapping[str, str] | None,
    evaluate: Evaluate,
) -> Schema:
    schema = read_terraform(
        files,
        interface=_interface(body),
        parameters=body.get("Parameters"),
        outputs=body.get("Outputs"),
        descriptions=descriptions,
        evaluate=evaluate,
    )
    return replace(schema, rules=rules_of(body.get("Rules")))


def _standard_schema(body: Body) -> Schema:
    if not body.get("Resources"):
        raise template_error(
            _(
                "The template has neither Resources nor a Workspace with Transform: "
                "Aliyun::Terraform-v1.5. Add one of these."
            )
        )
    declared = body.get("Parameters") or {}
    if len(declared) > MAX_PARAMETERS:
        raise template_error(
            _("The template has %(count)d parameters. The maximum is %(limit)d.")
            % {"count": len(declared), "limit": MAX_PARAMETERS}
        )
    found = [parameter_of(key, item) for key, item in declared.items()]
    ordered, groups = arrange(found, _interface(body))
    outputs = [
        output_of(name, item) for name, item in (body.get("Outputs") or {}).items()
    ]
    return Schema(ordered, groups, rules_of(body.get("Rules")), outputs)
