"""*Preview form*: the preview of a version, which can never be executed."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from catalog.models import Region
from console.lib.errors import ConflictError
from instances.models import Instance, Plan, ProvisioningSpec
from instances.worker.loop import Worker
from tests.factories import (
    AdministratorFactory,
    PortfolioFactory,
    VersionFactory,
    version_of,
)
from tests.markup import compact

pytestmark = pytest.mark.django_db
FIELDS_TF = """\
variable "mode" {
  default     = "plain"
  description = "{\\"AllowedValues\\": [\\"plain\\", \\"own\\"]}"
}

variable "own" {
  default     = ""
  description = "{\\"AssociationPropertyMetadata\\": {\\"Visible\\": {\\"Condition\\": {\\"Fn::Equals\\": [\\"$${mode}\\", \\"own\\"]}}}}"
}

variable "rules" {
  type    = list(object({ port = number }))
  default = []
}

variable "password" {
  sensitive = true
}
"""


def trial_url(version):
    return reverse("instances:version-try", args=[version.product_id, version.pk])


def try_it(admin_browser, version, region, **values):
    data = {f"parameters-{key}": value for key, value in values.items()}
    return admin_browser.post(trial_url(version), data | {"region": region.pk})


@pytest.fixture
def trial(admin, version, region):
    spec = ProvisioningSpec(version, None, {"name": "shop"}, {})
    return Plan.objects.draft_for(
        "LaunchProduct",
        spec,
        by=admin,
        region=region,
        instance_name="trial",
        trial=True,
    )


def test_valid_values_are_previewed(admin_browser, version, region):
    answer = try_it(admin_browser, version, region, name="shop")
    plan = Plan.objects.get()
    assert answer.url == f"{trial_url(version)}?plan={plan.pk}"
    assert (plan.trial, plan.parameters) == (True, {"name": "shop"})


def test_htmx_is_redirected_to_the_preview(admin_browser, version, region, htmx):
    data = {"region": region.pk, "parameters-name": "shop"}
    answer = admin_browser.post(trial_url(version), data, headers=htmx)
    assert answer["HX-Redirect"].endswith(Plan.objects.get().pk)


def test_invalid_values_are_not_previewed(admin_browser, region):
    version = version_of(FIELDS_TF)
    page = try_it(admin_browser, version, region, password="")
    assert page.status_code == 422
    assert b"This field is required." in page.content
    assert not Plan.objects.exists()


def test_without_a_region_only_the_values_are_validated(admin_browser, version):
    Region.objects.all().delete()
    page = admin_browser.post(trial_url(version), {"parameters-name": "shop"})
    assert page.context["values"] == [("name", "shop")]
    assert not Plan.objects.exists()


@pytest.mark.engine
@pytest.mark.usefixtures("terraform")
@pytest.mark.django_db(transaction=True)
def test_the_resource_changes_are_shown_without_an_instance(
    admin_browser, version, region
):
    try_it(admin_browser, version, region, name="shop")
    Worker().work(once=True)
    page = admin_browser.get(trial_url(version), {"plan": Plan.objects.get().pk})
    assert b"terraform_data.thing" in page.content
    assert b">Launch</button>" not in page.content
    assert not Instance.objects.exists()


def test_the_page_polls_while_the_preview_runs(admin_browser, trial, htmx):
    address = f"{trial_url(trial.version)}?plan={trial.pk}"
    assert b'hx-trigger="tick' in admin_browser.get(address).content
    assert admin_browser.get(address, headers=htmx).status_code == 204
    Plan.objects.update(status="PreviewSuccess")
    fragment = compact(admin_browser.get(address, headers=htmx))
    assert fragment.startswith('<div class="stack" id="plan-preview"')


def test_a_trial_cannot_be_executed(admin, trial):
    with pytest.raises(ConflictError, match="cannot be executed"):
        trial.execute(by=admin)


def test_a_trial_cannot_become_a_plan(admin, trial):
    with pytest.raises(ConflictError, match="cannot be executed"):
        trial.submit(name="real", by=admin)


def test_the_database_refuses_to_execute_a_trial(trial):
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.filter(pk=trial.pk).update(status="ExecuteInProgress")


def test_the_launch_wizard_does_not_continue_a_trial(admin, admin_browser, trial):
    product = trial.version.product
    PortfolioFactory(products=[product], users=[admin])
    launch = reverse("instances:launch", args=[product.pk])
    assert admin_browser.get(launch).context["draft"] is None
    review = reverse("instances:launch-review", args=[product.pk])
    for method in (admin_browser.get, admin_browser.post):
        assert method(f"{review}?plan={trial.pk}").status_code == 404
    assert not Instance.objects.exists()


def test_another_administrators_trial_is_not_found(client, trial):
    from_elsewhere = f"{trial_url(trial.version)}?plan={trial.pk}"
    client.force_login(AdministratorFactory())
    assert client.get(from_elsewhere).status_code == 404


def test_the_plan_of_another_version_is_not_found(admin_browser, trial):
    other = VersionFactory()
    assert admin_browser.get(trial_url(other), {"plan": trial.pk}).status_code == 404


# The form of end users


@pytest.fixture
def fields(region):
    return version_of(FIELDS_TF)


def test_a_secret_is_kept_from_one_trial_to_the_next(admin_browser, fields, region):
    try_it(admin_browser, fields, region, password="hunter2", mode="plain")
    first = Plan.objects.get()
    page = admin_browser.get(trial_url(fields), {"plan": first.pk}).content
    assert b"hunter2" not in page
    data = {"region": region.pk, "plan": first.pk, "parameters-password": ""}
    admin_browser.post(trial_url(fields), data)
    assert Plan.objects.exclude(pk=first.pk).get().secrets == {"password": "hunter2"}


def test_a_field_is_shown_when_its_condition_holds(admin_browser, fields):
    hidden = compact(admin_browser.get(trial_url(fields)))
    assert 'name="parameters-own"' not in hidden
    data = {"change": "visible", "parameters-mode": "own"}
    shown = compact(admin_browser.post(trial_url(fields), data))
    assert 'name="parameters-own"' in shown


def test_only_fields_that_others_depend_on_reload_the_form(admin_browser, fields):
    page = admin_browser.get(trial_url(fields)).content.decode()
    assert (
        page.count("&quot;change&quot;: &quot;visible&quot;")
        + page.count('{"change": "visible"}')
        == 1
    )


def test_a_row_is_added_without_validation(admin_browser, fields, region):
    data = {"change": "add:rules", "parameters-rules:0.port": "many"}
    page = admin_browser.post(trial_url(fields), data)
    assert page.status_code == 200
    text = compact(page)
    assert 'name="parameters-rules:1.port"' in text
    assert 'value="many"' in text


def test_an_entered_secret_is_not_sent_back(admin_browser, fields):
    data = {"change": "visible", "parameters-password": "hunter2"}
    page = compact(admin_browser.post(trial_url(fields), data))
    assert "hunter2" not in page
    assert 'hx-preserve="true"' in page
