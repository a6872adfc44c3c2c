"""Template constraints with allowed values limit the choices in both wizards."""

import re

import pytest
from django.urls import reverse

from catalog.models import Constraint
from instances.models import Plan, Task
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    RegionFactory,
    version_of,
)
from tests.form_fields import Fields
from tests.instances.running import with_task
from tests.markup import compact

pytestmark = pytest.mark.django_db
MAIN_TF = """\
variable "size" {
  default     = "m"
  description = "{\\"AllowedValues\\": [\\"s\\", \\"m\\", \\"l\\"]}"
}
variable "name" {
  default = "web"
}
"""


@pytest.fixture
def narrowed(alice):
    RegionFactory()
    version = version_of(MAIN_TF)
    small = PortfolioFactory(name="Small", products=[version.product], users=[alice])
    PortfolioFactory(name="All", products=[version.product], users=[alice])
    rule = {"ParameterKey": "size", "AllowedValues": ["s", "m"]}
    small.constraints.create(
        product=version.product,
        kind=Constraint.Kind.TEMPLATE,
        config={"Rules": [rule]},
    )
    return version


def portfolio_named(narrowed, name):
    return narrowed.product.portfolios.get(name=name).pk


def offered(page):
    html = compact(page)
    control = re.search(r'<select[^>]*name="parameters-size".*?</select>', html, re.S)
    return re.findall(r'<option value="([^"]*)"', control[0])


@pytest.mark.parametrize(
    ("name", "sizes"), [("Small", ["s", "m"]), ("All", ["s", "m", "l"])]
)
def test_a_launch_offers_the_values_of_its_launch_option(
    browser, narrowed, name, sizes
):
    wizard = reverse("instances:launch", args=[narrowed.product_id])
    page = browser.get(wizard, {"portfolio": portfolio_named(narrowed, name)})
    assert offered(page) == sizes


def test_an_update_offers_the_values_of_its_launch_option(alice, browser, narrowed):
    small = narrowed.product.portfolios.get(name="Small")
    instance = InstanceFactory(version=narrowed, owner=alice, portfolio=small)
    with_task(
        instance,
        portfolio=small,
        parameters={"size": "l", "name": "web"},
        status=Task.Status.SUCCEEDED,
        state="ended",
    )
    update = reverse("instances:update", args=[instance.pk])
    page = browser.get(update)
    assert offered(page) == ["", "s", "m"]
    assert "l is no longer available" in page.content.decode()
    data = Fields(page.content.decode()).sent | {"parameters-name": "site"}
    assert browser.post(update, data).status_code == 422
    browser.post(update, data | {"parameters-size": "s"})
    assert Plan.objects.get().values["size"] == "s"
