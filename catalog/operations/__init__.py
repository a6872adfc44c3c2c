"""Operations of the API on the catalog: each maps parameters to a verb and an answer.

The API's names are used only in this package.
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
