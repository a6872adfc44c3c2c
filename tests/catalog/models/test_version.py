"""The verbs of versions."""

import pytest
from django.utils.timezone import now

from catalog.models import Template, Version
from catalog.models.trusted import example_files
from catalog.schema import TemplateError
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, InvalidInputError
from tests.factories import (
    InstanceFactory,
    ProductFactory,
    TemplateFactory,
    VersionFactory,
)

pytestmark = pytest.mark.django_db

PROVISIONER = """\
resource "terraform_data" "x" {
  provisioner "local-exec" {
    command = "id"
  }
}
"""
STANDARD = """\
ROSTemplateFormatVersion: '2015-09-01'
Parameters:
  Name:
    Type: String
Resources:
  Wait:
    Type: ALIYUN::ROS::Sleep
"""


def test_publish_creates_an_active_version_with_audit(admin):
    product, template = ProductFactory(), TemplateFactory()
    version = Version.objects.publish(
        product=product, template=template, name="1.0", by=admin
    )
    assert (version.active, version.guidance) == (True, "Default")
    entry = AuditEntry.objects.get(action="CreateProductVersion")
    assert entry.after["product"] == product.pk
    assert entry.after["template"] == template.pk


def test_a_template_that_breaks_the_policy_is_refused_with_file_and_line(admin):
    template = TemplateFactory(files={"main.tf": PROVISIONER})
    with pytest.raises(TemplateError) as refused:
        Version.objects.publish(
            product=ProductFactory(), template=template, name="1.0", by=admin
        )
    assert [(p.file, p.line) for p in refused.value.problems] == [("main.tf", 2)]
    assert not Version.objects.exists()


def test_a_deployment_may_allow_provisioners(admin, settings):
    settings.ALLOW_PROVISIONERS = True
    template = TemplateFactory(files={"main.tf": PROVISIONER})
    product = ProductFactory()
    Version.objects.publish(product=product, template=template, name="1", by=admin)
    assert product.versions.exists()


@pytest.mark.parametrize("example", ["web-service", "slow-cluster", "unlucky"])
def test_the_shipped_examples_are_trusted(admin, example):
    template = Template.objects.from_files(example_files(example))
    product = ProductFactory()
    Version.objects.publish(product=product, template=template, name="1", by=admin)
    assert product.versions.exists()


def test_a_template_of_the_other_type_is_refused(admin):
    template = Template.objects.from_document(STANDARD)
    with pytest.raises(InvalidInputError, match="ROS"):
        Version.objects.publish(
            product=ProductFactory(), template=template, name="1.0", by=admin
        )


def test_a_second_version_of_the_same_name_is_refused(admin):
    version = VersionFactory(name="1.0")
    with pytest.raises(ConflictError, match=r"already has a version 1\.0"):
        Version.objects.publish(
            product=version.product, template=version.template, name="1.0", by=admin
        )


def test_the_name_of_a_removed_version_is_free_again(admin):
    version = VersionFactory(name="1.0")
    version.remove(by=admin)
    Version.objects.publish(
        product=version.product, template=version.template, name="1.0", by=admin
    )
    assert version.product.versions.count() == 1


def test_editing_changes_everything_but_the_template(admin):
    version = VersionFactory(name="1.0")
    template = version.template_id
    version.edit(name="1.1", guidance="Latest", active=False, by=admin)
    version.refresh_from_db()
    assert (version.name, version.guidance, version.active) == ("1.1", "Latest", False)
    assert version.template_id == template
    entry = AuditEntry.objects.get(action="UpdateProductVersion")
    assert (entry.before["active"], entry.after["active"]) == (True, False)


def test_an_unknown_guidance_is_refused(admin):
    with pytest.raises(InvalidInputError) as refused:
        VersionFactory().edit(name="1.0", guidance="Best", by=admin)
    assert list(refused.value.errors) == ["guidance"]


def test_version_in_use_is_not_removed(admin):
    instance = InstanceFactory(name="orders")
    with pytest.raises(ConflictError, match="orders") as refused:
        instance.version.remove(by=admin)
    assert refused.value.code == "ResourceInUse.ProductVersion"


def test_a_version_of_terminated_instances_only_is_removed(admin):
    instance = InstanceFactory(terminated_at=now())
    instance.version.remove(by=admin)
    assert not Version.objects.filter(pk=instance.version_id).exists()
