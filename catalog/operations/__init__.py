"""The API's operations on the catalogue: parameters, one verb, an answer.

The wire's names live here and nowhere else in this app.
"""

from collections.abc import Mapping

from catalog.operations import (
    constraints,
    portfolios,
    principals,
    products,
    regions,
    tag_options,
    templates,
    versions,
)
from console.lib.operation import Operation

OPERATIONS: Mapping[str, Operation] = {
    **products.OPERATIONS,
    **versions.OPERATIONS,
    **templates.OPERATIONS,
    **portfolios.OPERATIONS,
    **principals.OPERATIONS,
    **constraints.OPERATIONS,
    **tag_options.OPERATIONS,
    **regions.OPERATIONS,
}
