"""The verbs of products."""

import pytest
from django.utils.timezone import now

from catalog.models import Product, Version
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, InvalidInputError
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    ProductFactory,
    TaskFactory,
    VersionFactory,
)

pytestmark = pytest.mark.django_db
TERRAFORM = "RosTerraformTemplate"


def test_publish_creates_a_product_with_audit(admin):
    product = Product.objects.publish(
        name="Database", provider="Data team", description="One", by=admin
    )
    entry = AuditEntry.objects.get(target_id=product.pk)
    assert (entry.action, entry.actor) == ("CreateProduct", admin)
    assert entry.after == {
        "name": "Database",
        "provider": "Data team",
        "description": "One",
        "template_kind": TERRAFORM,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "x" * 129), ("provider", ""), ("description", "x" * 129)],
)
def test_text_of_invalid_length_is_refused_with_its_field(admin, field, value):
    texts = {"name": "n", "provider": "p", "description": ""} | {field: value}
    with pytest.raises(InvalidInputError) as refused:
        Product.objects.publish(**texts, by=admin)
    assert list(refused.value.errors) == [field]
    assert not Product.objects.exists()


def test_edit_replaces_given_texts_and_audits_both(admin):
    product = ProductFactory(name="Old", provider="A", description="d")
    product.edit(name="New", provider="B", by=admin)
    product.refresh_from_db()
    assert (product.name, product.provider, product.description) == ("New", "B", "d")
    entry = AuditEntry.objects.get(action="UpdateProduct")
    assert (entry.before["name"], entry.after["name"]) == ("Old", "New")


def test_a_copy_has_the_versions_in_their_order_and_no_portfolio(admin):
    product = ProductFactory(name="Web")
    PortfolioFactory(products=[product])
    first = VersionFactory(product=product, name="1.0", guidance="Deprecated")
    VersionFactory(product=product, name="2.0", active=False)
    twin = product.copy(name="Web 2", by=admin)
    copied = list(twin.versions.order_by("created_at"))
    assert [(v.name, v.guidance, v.active) for v in copied] == [
        ("1.0", "Deprecated", True),
        ("2.0", "Default", False),
    ]
    assert copied[0].template_id == first.template_id
    assert not twin.portfolios.exists()


def test_copy_without_a_name_gets_a_generated_name(admin):
    assert ProductFactory(name="Web").copy(by=admin).name == "Web (copy)"


def test_product_in_a_portfolio_is_not_removed(admin):
    product = ProductFactory()
    PortfolioFactory(name="Everyday", products=[product])
    with pytest.raises(ConflictError, match="Everyday") as refused:
        product.remove(by=admin)
    assert refused.value.code == "ResourceInUse.Product"
    assert Product.objects.filter(pk=product.pk).exists()


def test_product_with_instances_is_not_removed(admin):
    version = VersionFactory()
    for number in range(7):
        InstanceFactory(version=version, name=f"shop-{number}")
    with pytest.raises(ConflictError, match="and 2 more"):
        version.product.remove(by=admin)


def test_removed_product_is_only_in_the_history(admin):
    version = VersionFactory()
    gone = InstanceFactory(version=version, terminated_at=now())
    task = TaskFactory(instance=gone, ended=True)
    version.product.remove(by=admin)
    assert not Product.objects.filter(pk=version.product_id).exists()
    assert not Version.objects.filter(pk=version.pk).exists()
    task.refresh_from_db()
    assert task.version.name == version.name
    assert task.instance.product.name == version.product.name
    entry = AuditEntry.objects.get(action="DeleteProduct")
    assert entry.before["name"] == version.product.name
