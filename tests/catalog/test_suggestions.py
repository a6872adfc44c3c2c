"""Suggestions of a region for parameters that identify resources."""

import pytest
from django.urls import reverse

from catalog.forms.parameters import parameter_form
from catalog.models import Region
from catalog.schema import Parameter, Schema
from catalog.suggestions import SuggestionsField, suggested_in
from tests.factories import (
    RegionFactory,
    launchable,
)
from tests.form_fields import save

TYPE = "ALIYUN::ECS::Instance::InstanceType"
ZONE_TF = """\
variable "zone" {
  description = "{\\"AssociationProperty\\": \\"ALIYUN::ECS::Instance:ZoneId\\"}"
}
"""


def zone_of(suggestions, **more):
    found = Parameter("a", association="ALIYUN::ECS::Instance:ZoneId", **more)
    return str(parameter_form(Schema([found]), suggestions=suggestions)["a"])


def test_a_text_that_names_a_resource_offers_the_list():
    html = zone_of({"ALIYUN::ECS::Instance::ZoneId": ["cn-a", '<"b">']})
    assert 'list="id_parameters-a.list"' in html
    assert '<datalist id="id_parameters-a.list">' in html
    assert '<option value="cn-a">' in html
    assert '<"b">' not in html


def test_without_a_list_it_is_a_plain_text():
    assert "datalist" not in zone_of({TYPE: ["x"]})


def test_allowed_values_stay_a_choice():
    html = zone_of({"ALIYUN::ECS::Instance::ZoneId": ["z"]}, allowed_values=["y"])
    assert "<select" in html
    assert "datalist" not in html


def test_other_values_are_accepted():
    found = Parameter("a", association=TYPE)
    form = parameter_form(
        Schema([found]), data={"parameters-a": "own"}, suggestions={TYPE: ["x"]}
    )
    assert form.is_valid()


def test_lines_become_lists():
    lines = f"{TYPE}: a, b\n\nALIYUN::ECS::Instance:ZoneId: z\n{TYPE}: b, c\n"
    assert SuggestionsField().clean(lines) == {
        TYPE: ["a", "b", "c"],
        "ALIYUN::ECS::Instance::ZoneId": ["z"],
    }


def test_lists_become_lines():
    kept = {TYPE: ["a", "b"]}
    field = SuggestionsField()
    assert field.clean(field.prepare_value(kept)) == kept


@pytest.mark.parametrize("line", ["no colon", f"{TYPE}:", ": a", f"{TYPE}: ,"])
def test_invalid_line_of_suggestions_is_refused(line):
    with pytest.raises(Exception, match="Enter each line"):
        SuggestionsField().clean(line)


def test_suggestions_of_regions_are_merged():
    regions = [
        Region(suggestions={TYPE: ["a", "b"]}),
        Region(suggestions={TYPE: ["b", "c"]}),
    ]
    assert suggested_in(regions) == {TYPE: ["a", "b", "c"]}


@pytest.mark.django_db
def test_suggestions_are_edited_on_the_page_of_the_region(admin_browser):
    region = RegionFactory()
    url = reverse("manage:region-edit", args=[region.pk])
    data = {"name": region.name, "active": "on", "suggestions": f"{TYPE}: a, b"}
    save(admin_browser, url, data)
    region.refresh_from_db()
    assert region.suggestions == {TYPE: ["a", "b"]}
    assert f"{TYPE}: a, b" in admin_browser.get(url).content.decode()


@pytest.mark.django_db
def test_the_launch_form_offers_those_of_its_region(alice, browser):
    kept = {"ALIYUN::ECS::Instance::ZoneId": ["cn-hangzhou-h"]}
    RegionFactory(suggestions=kept)
    RegionFactory(id="eu-1", suggestions={"ALIYUN::ECS::Instance::ZoneId": ["eu-1-a"]})
    version = launchable(alice, source=ZONE_TF)
    url = reverse("instances:launch", args=[version.product_id])
    page = browser.get(url).content.decode()
    assert "cn-hangzhou-h" in page
    assert "eu-1-a" not in page
    elsewhere = browser.post(url, {"region": "eu-1", "change": "region"}).content
    assert b"eu-1-a" in elsewhere
