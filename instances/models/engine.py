"""The engine of an instance: it follows from the template and the region."""

from catalog.models import Region, Template

LOCAL = {
    Template.Kind.TERRAFORM.value: "terraform",
    Template.Kind.STANDARD.value: "ros_local",
}
SIMULATION, CLOUD = "ros_local", "ros"


def local_engine(template: Template) -> str:
    """Return the engine that runs a template on this machine."""
    return LOCAL[template.kind]


def engine_in(region: Region, template: Template) -> str:
    """Return the engine that makes new instances of a template in a region."""
    return CLOUD if region.in_cloud else local_engine(template)
