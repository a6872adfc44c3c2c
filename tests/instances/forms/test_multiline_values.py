"""Values of several lines, from the page to the plan and through an update."""

import pytest
from django.urls import reverse

from instances.models import Plan, Task
from tests.factories import (
    InstanceFactory,
)
from tests.form_fields import sent_by
from tests.instances.running import with_task

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
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.template(MAIN_TF),
]


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
