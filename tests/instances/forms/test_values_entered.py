"""Answers and pages show values as they were entered, and mark defaults."""

import json

import pytest
from django.db.models import TextField
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.crypto import salted_hmac

from catalog.models import Constraint
from instances.models import Instance, Plan, Task
from instances.models.fingerprint import SALT
from instances.worker.engine_input import engine_input_of
from instances.worker.run import Run
from tests.factories import InstanceFactory, PlanFactory, TaskFactory
from tests.instances.doors import PageDoor, publish, spec
from tests.markup import compact

SOURCE = """
variable "size" {
  type    = number
  default = 1
}
variable "zones" {
  type    = list(string)
  default = ["a"]
}
variable "disk" {
  type = object({ gib = number, kind = optional(string, "ssd") })
  default = { gib = 20 }
}
variable "raw" {
  type    = any
  default = null
}
variable "password" {
  type      = string
  sensitive = true
  default   = "s3cret-default"
}
"""
pytestmark = pytest.mark.template(SOURCE)


@pytest.fixture(autouse=True)
def no_engine(settings):
    """Only the template validates values; these tests do not need the engine."""
    settings.TERRAFORM_BIN = "/nowhere/terraform"


@pytest.fixture
def page(browser):
    return PageDoor(browser)


def launched(api, version, name="shop", **values):
    """Launch by the API, and mark the task as succeeded."""
    answer = api.call(
        "LaunchProduct",
        ProvisionedProductName=name,
        StackRegionId="cn-hangzhou",
        **spec(version, **values),
    )
    return done(answer["ProvisionedProductId"])


def updated(api, instance, version, **values):
    api.call(
        "UpdateProvisionedProduct",
        ProvisionedProductId=instance.pk,
        **spec(version, **values),
    )
    return done(instance.pk)


def done(pk):
    instance = Instance.objects.get(pk=pk)
    task = instance.last_task
    Task.objects.filter(pk=task.pk).update(state="ended", status="Succeeded")
    Instance.objects.filter(pk=pk).update(
        status="Available",
        last_successful_task=task,
        version=task.version,
        portfolio=task.portfolio,
    )
    return Instance.objects.get(pk=pk)


def told(api, instance, name="Parameters"):
    """Return the parameters that GetProvisionedProductForResourceSpec answers."""
    answer = api.call(
        "GetProvisionedProductForResourceSpec", ProvisionedProductId=instance.pk
    )
    rows = answer["ProvisionedProductDetail"][name]
    return {row["ParameterKey"]: row["ParameterValue"] for row in rows}


def test_entries_are_shown_as_they_were_entered(api, version):
    typed = {"size": "2.0", "zones": '["a","b"]', "disk": '{"gib":1e1}'}
    instance = launched(api, version, **typed)
    assert told(api, instance) == typed
    assert told(api, instance, "DefaultParameters") == {
        "raw": "",
        "password": "******",
    }
    answer = api.call("GetTask", TaskId=instance.last_task_id)["TaskDetail"]
    assert {
        p["ParameterKey"]: p["ParameterValue"] for p in answer["Parameters"]
    } == typed
    assert instance.last_task.parameters == {
        "size": 2,
        "zones": ["a", "b"],
        "disk": {"gib": 10},
    }


def test_a_default_that_is_sent_is_an_entry(api, version):
    assert told(api, launched(api, version, size="1")) == {"size": "1"}


def test_an_unchanged_default_is_not_sent_to_the_engine(api, version):
    task = launched(api, version, size="3").last_task
    run = Run(task, None)
    order = engine_input_of(task, run.engine, {})
    assert order.parameters == {"size": 3}
    assert order.secrets == {}
    # Its value is masked as well.
    assert "s3cret-default" in task.secret_values


def test_unchanged_fields_are_not_entries(page, version, browser):
    url = reverse("instances:launch", args=[version.product_id])
    response = page.send(url, version, {}, name="shop")
    assert response.status_code == 302
    plan = Plan.objects.get()
    assert (plan.parameters, plan.secrets, plan.entered) == ({}, {}, {})
    review = compact(browser.get(response["Location"]))
    assert review.count("Default</span>") == 5


def test_a_changed_field_is_an_entry(page, version):
    url = reverse("instances:launch", args=[version.product_id])
    page.send(url, version, {"size": "2.50", "raw": '{"x":1.0}'}, name="shop")
    plan = Plan.objects.get()
    assert plan.parameters == {"size": 2.5, "raw": {"x": 1.0}}
    assert plan.entered == {"size": "2.50", "raw": '{"x":1.0}'}


def test_the_page_of_a_task_marks_defaults(api, version, browser):
    task = launched(api, version, size="2.0").last_task
    html = compact(browser.get(f"{task.get_absolute_url()}parameters/"))
    assert ">2.0<" in html
    assert html.count("Default</span>") == 4


def test_the_same_text_is_no_change_and_another_is(api, version):
    instance = launched(api, version, size="2.0")
    for values in ({}, {"size": "2.0"}):
        refusal = api.refusal(
            "UpdateProvisionedProduct",
            ProvisionedProductId=instance.pk,
            **spec(version, **values),
        )
        assert refusal == (400, "NoChange.ProvisionedProduct")
    assert told(api, updated(api, instance, version, size="2")) == {"size": "2"}


def test_an_unchanged_update_form_is_no_change(api, page, version):
    instance = launched(
        api, version, size="2.0", zones='["a","b"]', disk='{"gib":1}', raw="[1,2]"
    )
    url = reverse("instances:update", args=[instance.pk])
    response = page.send(url, version, {})
    assert response["Location"] == url
    assert not Plan.objects.exists()


def test_a_field_reset_to_the_default_is_not_an_entry(api, page, version):
    instance = launched(api, version, size="2", zones='["b"]')
    url = reverse("instances:update", args=[instance.pk])
    page.send(url, version, {"size": "1"})
    assert Plan.objects.get().parameters == {"zones": ["b"]}


# A new version with other defaults


@pytest.fixture
def newer(alice, version):
    source = SOURCE.replace("= 1\n", "= 9\n").replace('["a"]', '["z"]')
    source = source.replace("s3cret-default", "s3cret-newer").replace("null", '"now"')
    return publish(alice, source, product=version.product, name="second")


def test_an_instance_keeps_its_default(api, version, newer):
    instance = launched(api, version, zones='["c"]')
    instance = updated(api, instance, newer)
    kept = {"size": "1", "zones": '["c"]', "raw": "", "password": "******"}
    assert told(api, instance) == kept
    assert instance.last_task.secrets == {"password": "s3cret-default"}
    assert instance.last_task.parameters["raw"] is None


def test_the_update_form_shows_that_a_default_is_kept(api, version, newer, page):
    instance = launched(api, version)
    url = reverse("instances:update", args=[instance.pk])
    html = page.browser.get(url, {"version": newer.pk, "new": ""}).content.decode()
    assert html.count("The instance keeps its current value") == 4
    assert "Use the new default value: 9" in html
    assert "s3cret" not in html
    page.send(url, newer, {})
    plan = Plan.objects.get()
    assert plan.parameters == {"size": 1, "zones": ["a"], "raw": None}
    assert plan.secrets == {"password": "s3cret-default"}


def test_the_new_default_can_be_chosen(api, version, newer, page):
    instance = launched(api, version)
    url = reverse("instances:update", args=[instance.pk])
    taken = {f"{key}:default": "on" for key in ("size", "zones", "raw", "password")}
    page.send(url, newer, taken)
    plan = Plan.objects.get()
    assert (plan.parameters, plan.secrets) == ({}, {})


def test_a_kept_default_that_is_invalid_is_replaced(api, alice, version):
    source = 'variable "zones" {\n  type = number\n  default = 4\n}'
    newer = publish(alice, source, product=version.product, name="second")
    instance = updated(api, launched(api, version), newer)
    assert told(api, instance) == {}
    assert told(api, instance, "DefaultParameters") == {"zones": "4"}


def test_another_version_shows_its_own_defaults(page, version, newer, htmx):
    url = reverse("instances:launch", args=[version.product_id])
    sent = page.fields(url, version) | {"version": newer.pk, "change": "version"}
    html = compact(page.browser.post(url, sent, headers=htmx))
    assert 'value="9"' in html


# Validation uses the effective values


def test_a_constraint_applies_to_the_default(api, version):
    portfolio = version.product.portfolios.get()
    Constraint.objects.create(
        portfolio=portfolio,
        product=version.product,
        kind=Constraint.Kind.TEMPLATE,
        config={"Rules": [{"ParameterKey": "size", "AllowedValues": ["2", "3"]}]},
    )
    call = {
        "ProvisionedProductName": "shop",
        "StackRegionId": "cn-hangzhou",
    }
    refusal = api.refusal("LaunchProduct", **call, **spec(version))
    assert refusal == (400, "ParameterNotAllowed")
    api.call("LaunchProduct", **call, **spec(version, size="2.0"))


# Rows of version 0.1.0: all values stored, texts unknown


def old_instance(version, owner):
    instance = InstanceFactory(
        version=version, owner=owner, portfolio=version.product.portfolios.get()
    )
    task = TaskFactory(
        instance=instance,
        portfolio=instance.portfolio,
        ended=True,
        parameters={
            "size": 5,
            "zones": ["a"],
            "disk": {"gib": 20, "kind": "ssd"},
            "raw": None,
        },
        secrets={"password": "s3cret-default"},
    )
    instance.last_task = instance.last_successful_task = task
    instance.save()
    return instance


def test_values_of_an_earlier_release_are_kept(api, alice, version, page):
    instance = old_instance(version, alice)
    assert told(api, instance) == {"size": "5", "disk": '{"gib": 20, "kind": "ssd"}'}
    refusal = api.refusal(
        "UpdateProvisionedProduct",
        ProvisionedProductId=instance.pk,
        **spec(version),
    )
    assert refusal == (400, "NoChange.ProvisionedProduct")
    url = reverse("instances:update", args=[instance.pk])
    assert page.send(url, version, {})["Location"] == url
    instance = updated(api, instance, version, zones='["n"]')
    assert instance.last_task.parameters["size"] == 5
    assert told(api, instance)["zones"] == '["n"]'


def test_a_plan_of_an_earlier_release_keeps_its_fingerprint(alice, version):
    values = {"size": 1, "zones": ["a"], "big": 1e21, "small": 1e-05}
    plan = PlanFactory(version=version, owner=alice, parameters=values, previewed=True)
    assert plan.entered is None
    # As version 0.1.0 read it; PostgreSQL writes out the zeros of 1e21.
    raw = Cast("parameters", TextField())
    [stored] = Plan.objects.filter(pk=plan.pk).values_list(raw, flat=True)
    text = json.dumps(json.loads(stored), sort_keys=True, ensure_ascii=False)
    expected = salted_hmac(SALT, text, algorithm="sha256").hexdigest()
    plan = Plan.objects.get(pk=plan.pk)
    assert plan.current_fingerprint(state="").parameters == expected
    assert plan.changed_content() == []


# A secret stays secret


SECRET = 'variable "token" {\n  type = string\n  sensitive = true\n}\n'
FORGOTTEN = 'variable "token" {\n  type = string\n}\nvariable "n" {\n  default = 1\n}\n'


@pytest.fixture
def forgetful(alice):
    """A version with a secret, and the next one, where it is not secret."""
    version = publish(alice, SECRET)
    newer = publish(alice, FORGOTTEN, product=version.product, name="second")
    return version, newer


def clear_in(page, instance):
    """Return True if a page of the instance or its last task shows the secret."""
    task = instance.last_task
    urls = [
        instance.get_absolute_url(),
        f"{task.get_absolute_url()}parameters/",
        reverse("instances:update", args=[instance.pk]),
    ]
    return any("hunter22" in page.browser.get(url).content.decode() for url in urls)


def test_a_secret_stays_secret_in_a_version_where_it_is_not(api, page, forgetful):
    version, newer = forgetful
    instance = updated(api, launched(api, version, token="hunter22"), newer)
    assert instance.last_task.secrets == {"token": "hunter22"}
    assert told(api, instance) == {"token": "******"}
    assert not clear_in(page, instance)
    # Also in the update after that, on the page.
    url = reverse("instances:update", args=[instance.pk])
    response = page.send(url, newer, {"n": "2"})
    plan = Plan.objects.get()
    assert (plan.secrets, plan.parameters) == ({"token": "hunter22"}, {"n": 2})
    assert "hunter22" not in page.browser.get(response["Location"]).content.decode()
    order = engine_input_of(
        instance.last_task, Run(instance.last_task, None).engine, {}
    )
    assert order.secrets == {"token": "hunter22"}


def test_a_secret_entered_again_follows_the_new_version(api, forgetful):
    version, newer = forgetful
    instance = updated(api, launched(api, version, token="hunter22"), newer)
    instance = updated(api, instance, newer, token="not hidden")
    assert told(api, instance) == {"token": "not hidden"}
    assert instance.last_task.secrets == {}


def test_the_review_of_the_update_masks_both_values(api, page, forgetful):
    version, newer = forgetful
    instance = launched(api, version, token="hunter22")
    url = reverse("instances:update", args=[instance.pk])
    html = page.browser.get(url, {"version": newer.pk, "new": ""}).content.decode()
    assert "hunter22" not in html
    assert "does not mark the parameter as secret" in html
    response = page.send(url, newer, {})
    assert "hunter22" not in page.browser.get(response["Location"]).content.decode()
    assert Plan.objects.get().secrets == {"token": "hunter22"}


def test_a_secret_of_another_type_must_be_entered_again(api, alice, page, forgetful):
    version, _newer = forgetful
    source = SECRET.replace("string", "list(string)")
    listed = publish(alice, source, product=version.product, name="third")
    instance = launched(api, version, token="hunter22")
    url = reverse("instances:update", args=[instance.pk])
    response = page.send(url, listed, {})
    assert response.status_code == 422
    assert "was entered for a parameter of another type" in response.content.decode()
    call = {"ProvisionedProductId": instance.pk, **spec(listed)}
    refusal = api.refusal("UpdateProvisionedProduct", **call)
    assert refusal == (400, "InvalidParameters")
    updated(api, instance, listed, token='["new"]')
