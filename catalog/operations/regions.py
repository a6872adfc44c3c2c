"""The operation that lists regions."""

from catalog.models import Region
from console.lib.operation import Answer, Operation, Values
from console.lib.people import User


def list_regions(params: Values, by: User) -> Answer:
    """List the regions in which products can be launched."""
    rows = Region.objects.active().only("pk", "name", "endpoint")
    return {
        "Regions": [
            {
                "RegionId": row.pk,
                "LocalName": row.name,
                "RegionEndpoint": row.endpoint,
            }
            for row in rows
        ]
    }


OPERATIONS = {
    "ListRegions": Operation(
        list_regions,
        "Misc",
        (),
        {"Regions": [{"RegionId": str, "LocalName": str, "RegionEndpoint": str}]},
        scoped=False,
    )
}
