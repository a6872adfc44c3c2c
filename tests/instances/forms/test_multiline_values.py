"""Values of several lines, from the page to the plan and through an update."""

import pytest
from django.urls import reverse

from instances.models import Plan, Task
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    RegionFactory,
    TemplateFactory,
    VersionFactory,
)
from tests.form_fields import Fields
from tests.instances.running import with_task

pytestmark = pytest.mark.django_db
MAIN_TF = """\
variable "private_key" {
  type      = string
  sensitive = true
}
variable "cloud_init" {
  type = string
}
variable "notes" {
  type    = list(string)
  default = []
}
"""
KEY = "-----BEGIN KEY-----\nMIIE\nAB==\n-----END KEY-----"
SCRIPT = "#!/bin/sh\n\n\techo one\necho two  \n"


@pytest.fixture
def version(alice):
    RegionFactory()
    version = VersionFactory(template=TemplateFactory(files={"main.tf": MAIN_TF}))
    PortfolioFactory(products=[version.product], users=[alice])
    return version


def sent_by(page):
    """Return the fields that a browser sends for an unchanged wizard."""
    fields = Fields(page.content.decode()).sent
    return {name: fields[name] for name in fields if name != "csrfmiddlewaretoken"}


def test_pasted_lines_are_previewed(browser, version):
    wizard = reverse("instances:launch", args=[version.product_id])
    data = sent_by(browser.get(wizard)) | {
        "name": "shop",
        "region": "cn-hangzhou",
        "parameters-private_key": KEY.replace("\n", "\r\n"),
        "parameters-cloud_init": SCRIPT.replace("\n", "\r\n"),
    }
    browser.post(wizard, data)
    values = Plan.objects.get().values
    assert (values["private_key"], values["cloud_init"]) == (KEY, SCRIPT)


@pytest.mark.parametrize(
    "script", [SCRIPT, SCRIPT.replace("\n", "\r\n"), f"\n{SCRIPT}"]
)
def test_an_update_of_another_field_keeps_the_lines(alice, browser, version, script):
    instance = InstanceFactory(version=version, owner=alice)
    task = with_task(
        instance,
        parameters={"cloud_init": script, "notes": []},
        status=Task.Status.SUCCEEDED,
        state="ended",
    )
    task.secrets = {"private_key": KEY}
    task.save()
    update = reverse("instances:update", args=[instance.pk])
    data = sent_by(browser.get(update)) | {"parameters-notes:0.=": "first\r\nsecond"}
    browser.post(update, data)
    values = Plan.objects.get().values
    assert values["cloud_init"] == script
    assert values["private_key"] == KEY
    assert values["notes"] == ["first\nsecond"]
