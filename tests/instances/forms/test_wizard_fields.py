"""The parameter fields of the wizards: conditions, tables, and what they send."""

import pytest
from django.urls import reverse

from instances.models import Plan, Task
from tests.factories import (
    InstanceFactory,
)
from tests.form_fields import sent_by
from tests.instances.running import with_task

FIELDS_TF = """\
variable "mode" {
  default     = "plain"
  description = "{\\"AllowedValues\\": [\\"plain\\", \\"own\\"]}"
}

variable "own" {
  description = "{\\"AssociationPropertyMetadata\\": {\\"Visible\\": {\\"Condition\\": {\\"Fn::Equals\\": [\\"$${mode}\\", \\"own\\"]}}}}"
  default     = null
}

variable "rules" {
  type    = list(object({ port = number, note = optional(string, "none") }))
  default = [{ port = 22 }]
}
"""
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.template(FIELDS_TF),
]


@pytest.fixture
def wizard(version):
    return reverse("instances:launch", args=[version.product_id])


def html(answer):
    return answer.content.decode()


def test_a_field_whose_condition_fails_is_hidden(browser, wizard):
    assert 'name="parameters-own"' not in html(browser.get(wizard))


def test_a_choice_shows_the_fields_that_depend_on_it(browser, wizard, htmx):
    data = {"change": "visible", "parameters-mode": "own", "name": "shop"}
    shown = browser.get(wizard).context["form"].choices_key
    fragment = html(browser.post(wizard, data | {"shown": shown}, headers=htmx))
    assert 'name="parameters-own"' in fragment
    assert '<option value="own" selected>' in fragment
    assert "<html" not in fragment


def filled_in(page):
    """Return the fields that a browser sends with Next."""
    return sent_by(page) | {"name": "shop", "region": "cn-hangzhou"}


def test_a_row_is_added_to_the_input(browser, wizard):
    data = filled_in(browser.get(wizard)) | {"change": "add:rules"}
    page = html(browser.post(wizard, data | {"parameters-rules:0.port": "many"}))
    assert 'name="parameters-rules:1.port"' in page
    assert 'value="many"' in page
    assert 'value="shop"' in page


def test_the_rows_of_a_form_are_previewed(browser, wizard):
    data = filled_in(browser.get(wizard)) | {
        "parameters-rules:0.port": "80",
        "parameters-rules:1.port": "443",
        "parameters-rules:1.note": "tls",
    }
    browser.post(wizard, {k: v for k, v in data.items() if k != "change"})
    assert Plan.objects.get().parameters["rules"] == [
        {"port": 80},
        {"port": 443, "note": "tls"},
    ]


def test_rows_are_restored_from_the_draft(browser, wizard):
    data = filled_in(browser.get(wizard)) | {"parameters-rules:0.port": "80"}
    browser.post(wizard, data)
    assert 'value="80"' in html(browser.get(wizard))


def test_cells_of_an_unknown_parameter_are_refused(browser, wizard):
    data = filled_in(browser.get(wizard)) | {"parameters-nosuch:0.port": "80"}
    page = browser.post(wizard, data)
    assert page.status_code == 422
    assert "nosuch" in html(page)


def test_an_unchanged_update_is_no_change(alice, browser, version):
    instance = InstanceFactory(
        version=version, owner=alice, portfolio=version.product.portfolios.get()
    )
    rules = [{"port": 80, "note": "web"}, {"port": 443, "note": "none"}]
    values = {"mode": "own", "own": "mine", "rules": rules}
    with_task(instance, parameters=values, status=Task.Status.SUCCEEDED, state="ended")
    update = reverse("instances:update", args=[instance.pk])
    page = browser.get(update)
    assert 'value="443"' in html(page)
    answer = browser.post(update, filled_in(page))
    assert answer.url == update
    assert not Plan.objects.exists()
