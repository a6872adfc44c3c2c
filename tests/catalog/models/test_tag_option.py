"""The verbs of tag options, regions and launch roles."""

import pytest

from catalog.models import LaunchRole, Region, TagOption
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, InvalidInputError, NotFoundError
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def option(admin):
    return TagOption.objects.offer(key="team", value="web", by=admin)


def test_new_tag_option_is_active(option):
    assert option.active


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("", "x"),
        ("x", ""),
        ("aliyun-x", "x"),
        ("ACS:x", "x"),
        ("x", "acs:x"),
        ("see http://x", "x"),
        ("x", "https://x"),
        ("k" * 129, "x"),
        ("x", "v" * 129),
    ],
)
def test_reserved_prefixes_are_refused(admin, key, value):
    with pytest.raises(InvalidInputError):
        TagOption.objects.offer(key=key, value=value, by=admin)


def test_a_value_may_begin_with_aliyun(admin):
    assert TagOption.objects.offer(key="x", value="aliyun", by=admin).pk


def test_the_same_pair_twice_is_refused(admin, option):
    with pytest.raises(ConflictError, match="team=web"):
        TagOption.objects.offer(key="team", value="web", by=admin)


def test_editing_keeps_what_is_not_given(admin, option):
    option.edit(active=False, by=admin)
    assert (option.value, option.active) == ("web", False)
    option.edit(value="data", by=admin)
    assert (option.value, option.active) == ("data", False)


def test_attaching_twice_is_one_change(admin, option):
    product = ProductFactory()
    option.associate(product, by=admin)
    option.associate(product, by=admin)
    assert AuditEntry.objects.filter(action__startswith="Associate").count() == 1


def test_detaching_an_option_that_is_not_attached_is_not_found(admin, option):
    portfolio = PortfolioFactory()
    option.associate(portfolio, by=admin)
    option.dissociate(portfolio, by=admin)
    with pytest.raises(NotFoundError):
        option.dissociate(portfolio, by=admin)


def test_deletion_audits_the_attachments(admin, option):
    product = ProductFactory()
    option.associate(product, by=admin)
    option.remove(by=admin)
    entry = AuditEntry.objects.get(action="DeleteTagOption")
    assert entry.before["products"] == [product.pk]


def test_credentials_of_a_region_are_not_audited(admin):
    region = Region.objects.add(
        id="eu-1", name="Europe", credentials={"KEY": "s3cret-value"}, by=admin
    )
    region.edit(name="EU", credentials={"KEY": "other-value"}, by=admin)
    told = str(list(AuditEntry.objects.values_list("before", "after")))
    assert "KEY" in told
    assert "-value" not in told


def test_a_region_keeps_its_credentials_when_none_are_given(admin):
    region = RegionFactory(credentials={"KEY": "v"})
    region.edit(name="New", by=admin)
    assert Region.objects.get().credentials == {"KEY": "v"}


def test_a_region_twice_is_refused(admin):
    RegionFactory(id="eu-1")
    with pytest.raises(ConflictError):
        Region.objects.add(id="eu-1", name="x", by=admin)


def test_a_region_with_instances_is_not_removed(admin):
    instance = InstanceFactory()
    with pytest.raises(ConflictError, match=instance.name):
        instance.region.remove(by=admin)
    assert Region.objects.exists()
    assert not AuditEntry.objects.exists()


def test_credentials_of_a_launch_role_are_encrypted_and_not_audited(admin):
    role = LaunchRole.objects.add(name="r", environment={"KEY": "s3cret"}, by=admin)
    assert LaunchRole.objects.get(pk=role.pk).environment == {"KEY": "s3cret"}
    entry = AuditEntry.objects.get()
    assert entry.after == {"name": "r", "credentials": ["KEY"]}
