"""The models of the catalog."""

from catalog.models.constraint import Constraint
from catalog.models.grant import Grant
from catalog.models.launch_role import LaunchRole
from catalog.models.portfolio import Portfolio
from catalog.models.product import Product
from catalog.models.region import Region
from catalog.models.tag_option import TagOption
from catalog.models.template import Template
from catalog.models.version import Version

__all__ = [
    "Constraint",
    "Grant",
    "LaunchRole",
    "Portfolio",
    "Product",
    "Region",
    "TagOption",
    "Template",
    "Version",
]
