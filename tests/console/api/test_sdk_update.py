"""Updates through the vendor's SDK with values that it has read."""

import pytest

from instances.models import Task
from tests.console.api.sdk_client import Hand, entry, hang_up

SOURCE = """\
variable "size" {
  type = string
}

variable "password" {
  type      = string
  sensitive = true
}
"""
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.template(SOURCE),
    pytest.mark.launched(
        parameters={"size": "small"},
        secrets={"password": "s3cret-word"},
        tags={"team": "web"},
    ),
]


@pytest.fixture(autouse=True)
def no_connection_stays_open(live_server):
    yield
    hang_up()


def update(hand, instance, **more):
    hand(
        "UpdateProvisionedProduct",
        provisioned_product_id=instance.pk,
        product_id=instance.product_id,
        product_version_id=instance.version_id,
        **more,
    )
    return Task.objects.get(state="queued")


def test_values_that_were_read_can_be_sent_back_with_one_change(
    live_server, alice, instance
):
    hand = Hand(live_server, alice, {})
    detail = hand("GetTask", task_id=instance.last_task_id).task_detail
    read = {each.parameter_key: each.parameter_value for each in detail.parameters}
    assert read == {"size": "small", "password": "******"}
    parameters = [
        entry(
            "UpdateProvisionedProduct",
            "Parameters",
            parameter_key=key,
            parameter_value="large" if key == "size" else value,
        )
        for key, value in read.items()
    ]
    task = update(hand, instance, parameters=parameters)
    assert (task.parameters, task.secrets) == (
        {"size": "large"},
        {"password": "s3cret-word"},
    )
    assert task.tags == {"team": "web"}


@pytest.mark.parametrize(("key", "value"), [("team", "data"), ("", "")])
def test_only_tags_are_updated(live_server, alice, instance, key, value):
    hand = Hand(live_server, alice, {})
    tags = [entry("UpdateProvisionedProduct", "Tags", key=key, value=value)]
    task = update(hand, instance, tags=tags)
    assert task.tags == ({key: value} if key else {})
    assert task.secrets == {"password": "s3cret-word"}
