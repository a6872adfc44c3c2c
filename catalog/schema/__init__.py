"""The parameters of a template, and the validation of values that are given for them."""

from catalog.schema.conditions import visible
from catalog.schema.errors import InvalidParametersError, Problem, TemplateError
from catalog.schema.parameter import Group, Parameter, Rule, text_in
from catalog.schema.validation import Schema

__all__ = [
    "Group",
    "InvalidParametersError",
    "Parameter",
    "Problem",
    "Rule",
    "Schema",
    "TemplateError",
    "text_in",
    "visible",
]
