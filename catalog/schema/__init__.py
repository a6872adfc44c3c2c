"""What a template asks for: read from its text without running anything."""

from catalog.ros.document import Document, read_document
from catalog.schema.conditions import visible
from catalog.schema.errors import InvalidParametersError, Problem, TemplateError
from catalog.schema.parameter import Group, Parameter, Rule, text_in
from catalog.schema.schema import Schema
from catalog.terraform.parameters import read_terraform
from catalog.terraform.variables import variable_types, variables_source

__all__ = [
    "Document",
    "Group",
    "InvalidParametersError",
    "Parameter",
    "Problem",
    "Rule",
    "Schema",
    "TemplateError",
    "read_document",
    "read_terraform",
    "text_in",
    "variable_types",
    "variables_source",
    "visible",
]
