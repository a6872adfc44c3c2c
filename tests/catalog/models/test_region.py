"""Regions: their engines and credentials."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from catalog.models import Region
from console.lib.audit import AuditEntry
from console.lib.errors import InvalidInputError
from tests.factories import (
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    VersionFactory,
)
from tests.form_fields import save

pytestmark = pytest.mark.django_db

KEYS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "id-of-the-key",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret-of-the-key",
}
LINES = "\n".join(f"{key}={value}" for key, value in KEYS.items())
SENTENCE = "Nothing is created on Alibaba Cloud."


@pytest.fixture
def ros_product(alice):
    product = ProductFactory(template_kind="RosStandardTemplate")
    VersionFactory(product=product)
    PortfolioFactory(products=[product], users=[alice])
    return product


def values(**changed):
    return {
        "id": "cn-beijing",
        "name": "Beijing",
        "active": "on",
        "engine": "ros",
        "credentials": LINES,
        **changed,
    }


def test_a_region_is_put_on_alibaba_cloud_by_its_form(admin_browser):
    answer = admin_browser.post(reverse("manage:region-create"), values())
    assert answer.status_code == 302, answer.content.decode()
    region = Region.objects.get(pk="cn-beijing")
    assert region.in_cloud
    assert AuditEntry.objects.filter(action="CreateRegion").latest("pk").after[
        "engine"
    ] == ("ros")
    assert "On Alibaba Cloud" in _page(admin_browser, "manage:region-list")


def test_cloud_region_without_credentials_is_refused_at_the_field(admin_browser):
    answer = admin_browser.post(
        reverse("manage:region-create"), values(credentials="AWS_REGION=x")
    )
    html = answer.content.decode()
    assert "ALIBABA_CLOUD_ACCESS_KEY_SECRET" in html
    assert not Region.objects.filter(pk="cn-beijing").exists()


def test_stored_credentials_are_sufficient(admin_browser):
    region = RegionFactory(credentials=KEYS)
    url = reverse("manage:region-edit", args=[region.pk])
    save(admin_browser, url, values(credentials=""))
    region.refresh_from_db()
    assert region.in_cloud
    assert region.credentials == KEYS


def test_credentials_of_a_cloud_region_cannot_be_removed(admin):
    region = RegionFactory(engine="ros", credentials=KEYS)
    with pytest.raises(InvalidInputError):
        region.edit(name="Beijing", credentials={}, by=admin)


def test_admin_site_applies_the_same_rule():
    region = RegionFactory()
    region.engine = "ros"
    with pytest.raises(ValidationError):
        region.full_clean()


def test_endpoint_of_a_region_is_never_called(settings):
    """Where calls go is decided by the environment alone."""
    region = RegionFactory(engine="ros", credentials=KEYS, endpoint="evil.example")
    from instances.engine_setup import engine_settings

    assert region.endpoint not in repr(engine_settings())
    assert engine_settings().ros_endpoint == settings.ROS_ENDPOINT


def test_a_product_is_simulated_where_no_region_is_in_the_cloud(browser, ros_product):
    RegionFactory()
    assert SENTENCE in _page(browser, ros_product)


def test_a_product_is_not_simulated_where_all_regions_are_in_the_cloud(
    browser, ros_product
):
    RegionFactory(engine="ros", credentials=KEYS)
    assert "data-simulated" not in _page(browser, ros_product)


def test_a_product_names_the_regions_in_which_it_is_simulated(browser, ros_product):
    RegionFactory(engine="ros", credentials=KEYS)
    RegionFactory(id="lab-1", name="Laboratory")
    RegionFactory(id="lab-2", name="Old laboratory", active=False)
    html = _page(browser, ros_product)
    assert "In Laboratory, resources are simulated" in html
    assert "Old laboratory" not in html


def _page(browser, target):
    url = reverse(target) if isinstance(target, str) else target.get_absolute_url()
    return browser.get(url).content.decode()
