"""The operation that lists regions."""

from django.utils.translation import gettext_lazy as _

from catalog.models import Region
from console.lib.operation import Answer, Field, Operation, Values
from console.lib.users import User


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
        (
            Field(
                "Regions",
                _("The regions."),
                several=True,
                fields=(
                    Field("RegionId", _("The ID of the region."), "cn-hangzhou"),
                    Field(
                        "LocalName", _("The name of the region."), "China (Hangzhou)"
                    ),
                    Field(
                        "RegionEndpoint",
                        _("The endpoint of the region."),
                        "servicecatalog.cn-hangzhou.aliyuncs.com",
                    ),
                ),
            ),
        ),
        summary=_("Queries the regions in which products can be launched."),
        scoped=False,
    )
}
