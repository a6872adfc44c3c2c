"""/instances/<pp-…>/update/ and its review"""

import pytest
from django.urls import reverse

from instances.models import Instance, Plan, Task
from tests.factories import (
    PortfolioFactory,
    TaskFactory,
    version_of,
)
from tests.markup import compact

MAIN_TF = """
variable "size" {
  type = string
}
variable "password" {
  type      = string
  sensitive = true
}
"""
pytestmark = [
    pytest.mark.template(MAIN_TF),
    pytest.mark.launched(
        parameters={"size": "small"},
        secrets={"password": "s3cret-word"},
        tags={"team": "web"},
    ),
]


def changed(instance, **more):
    """Record a successful change of the instance."""
    task = TaskFactory(
        instance=instance,
        version=instance.version,
        portfolio=instance.portfolio,
        ended=True,
        **more,
    )
    instance.last_task = instance.last_successful_task = task
    instance.save()
    return task


@pytest.fixture
def url(instance):
    return reverse("instances:update", args=[instance.pk])


@pytest.fixture
def filled(version, instance):
    return {
        "version": version.pk,
        "base_task": instance.last_task.pk,
        "parameters-size": "medium",
        "parameters-password": "",
        "tags-key_0": "team",
        "tags-value_0": "web",
    }


@pytest.fixture
def review(browser, url, filled):
    return browser.post(url, filled).url


def field(response, name):
    form = response.context["form"]
    return next(f for f in form.visible_fields() if f.html_name == name)


def rows(response):
    sections = response.context["parameter_diff"].sections
    return {str(row.label): row for part in sections for row in part.rows}


# Step 1


def test_it_has_the_present_values_of_the_instance(browser, url, version):
    response = browser.get(url)
    assert field(response, "version").value() == version.pk
    assert field(response, "parameters-size").value() == "small"
    assert field(response, "tags-key_0").value() == "team"
    assert "s3cret-word" not in response.content.decode()


def test_it_requires_login(client, url):
    assert client.get(url).url.startswith(reverse("account_login"))


def test_a_foreign_instance_is_a_404(client, bob, url):
    client.force_login(bob)
    assert client.get(url).status_code == 404
    assert client.post(url, {}).status_code == 404


def test_it_rejects_other_methods(browser, url):
    assert browser.delete(url).status_code == 405


def test_next_creates_a_draft_and_changes_nothing(browser, url, filled, instance):
    response = browser.post(url, filled)
    plan = Plan.objects.get()
    assert response.url == f"{url}review/?plan={plan.pk}"
    assert plan.instance == instance
    assert plan.base_task == instance.last_task
    assert plan.parameters == {"size": "medium"}
    assert plan.secrets == {"password": "s3cret-word"}
    assert Task.objects.count() == 1


def test_an_update_without_a_change_creates_no_draft(browser, url, filled):
    response = browser.post(url, filled | {"parameters-size": "small"}, follow=True)
    assert "Nothing to update" in response.content.decode()
    assert not Plan.objects.exists()


def test_a_failed_instance_is_updated_with_its_present_values(
    browser, url, filled, instance
):
    filled["parameters-size"] = "small"
    Instance.objects.update(status=Instance.Status.ERROR)
    review = browser.post(url, filled).url
    Plan.objects.update(status="PreviewSuccess", state="ended")
    browser.post(review)
    task = Task.objects.get(state="queued")
    assert (task.kind, task.parameters) == (Task.Kind.UPDATE, {"size": "small"})


def test_a_new_secret_is_a_change(browser, url, filled):
    typed = filled | {"parameters-size": "small", "parameters-password": "an0ther-word"}
    browser.post(url, typed)
    assert Plan.objects.get().secrets == {"password": "an0ther-word"}


def test_invalid_input_is_kept(browser, url, filled):
    response = browser.post(url, filled | {"version": "pv-nothing"})
    assert response.status_code == 422
    assert field(response, "version").errors
    assert field(response, "parameters-size").value() == "medium"


def test_another_version_shows_its_parameters(browser, url, filled, instance, htmx):
    newer = version_of(MAIN_TF, product=instance.product)
    typed = filled | {"version": newer.pk, "change": "choice"}
    response = browser.post(url, typed, headers=htmx)
    assert (
        compact(response).lstrip().startswith('<form class="wizard" id="update-form"')
    )
    assert response.context["form"].version == newer


def test_the_present_version_can_be_chosen_when_inactive(browser, url, filled, version):
    type(version).objects.update(active=False)
    assert browser.post(url, filled).status_code == 302


def test_without_access_to_the_product_the_owner_cannot_update(browser, url, instance):
    instance.product.portfolios.clear()
    assert browser.get(url).status_code == 403


def test_an_administrator_updates_other_users_instances_without_a_grant(
    admin_browser, url, filled, instance
):
    extra = PortfolioFactory(name="Extra", products=[instance.product])
    response = admin_browser.get(url)
    names = [option.portfolio.name for option in response.context["form"].options]
    assert names == ["Extra", instance.portfolio.name]
    admin_browser.post(url, filled | {"portfolio": extra.pk})
    assert Plan.objects.get().portfolio == extra


def test_an_administrator_keeps_the_portfolio_the_instance_came_from(
    admin_browser, url, instance
):
    instance.portfolio.products.clear()
    (option,) = admin_browser.get(url).context["form"].options
    assert option.portfolio == instance.portfolio


def test_an_approval_constraint_refuses_a_direct_update(browser, url, filled, instance):
    instance.portfolio.constraints.create(
        product=instance.product,
        kind="Approval",
        config={"OperationTypes": ["UpdateProvisionedProduct"]},
    )
    assert "Approval required" in browser.get(url).content.decode()
    review = browser.post(url, filled)["Location"]
    assert browser.post(review).status_code in (400, 409, 422)
    assert not instance.tasks.filter(kind="UpdateProvisionedProduct").exists()


def test_an_instance_that_never_succeeded_can_be_updated(
    browser, url, filled, instance
):
    Task.objects.update(status="Failed")
    instance.last_successful_task = None
    instance.status = "Error"
    instance.save()
    assert browser.post(url, filled | {"parameters-size": "small"}).status_code == 302


def test_an_instance_under_change_shows_its_task(browser, url, filled, instance):
    task = TaskFactory(instance=instance, kind=Task.Kind.UPDATE)
    instance.last_task = task
    instance.status = "UnderChange"
    instance.save()
    assert task.pk in browser.get(url).content.decode()
    assert browser.post(url, filled).status_code == 409
    assert not Plan.objects.exists()


def test_a_concurrent_change_is_shown_with_both_values(browser, url, filled, instance):
    changed(
        instance,
        kind=Task.Kind.UPDATE,
        parameters={"size": "large"},
        secrets={"password": "s3cret-word"},
        tags={"team": "web"},
    )
    response = browser.post(url, filled)
    assert response.status_code == 409
    (row,) = response.context["since"]
    assert (row.before, row.after) == ("small", "large")
    assert field(response, "parameters-size").value() == "medium"
    assert not Plan.objects.exists()


def test_after_the_notice_the_input_can_be_sent_again(browser, url, filled, instance):
    changed(instance, parameters={"size": "large"}, secrets={"password": "s3cret-word"})
    html = compact(browser.post(url, filled))
    assert f'name="base_task" value="{instance.last_task.pk}"' in html
    response = browser.post(url, filled | {"base_task": instance.last_task.pk})
    assert response.status_code == 302


# The review


def test_it_shows_old_and_new_side_by_side(browser, review):
    size = rows(browser.get(review))["size"]
    assert (size.before, size.after, size.changed) == ("small", "medium", True)


def test_unchanged_settings_are_distinguished(browser, review):
    response = browser.get(review)
    assert not rows(response)["Version"].changed
    assert response.context["parameter_diff"].changes == 1
    assert "data-only-changes" in response.content.decode()


def test_an_unchanged_secret_is_masked(browser, review):
    password = rows(browser.get(review))["password"]
    assert (password.before, password.after) == ("******", "******")
    assert not password.changed


def test_a_new_secret_is_marked_as_new_and_never_shown(browser, url, filled):
    response = browser.post(
        url, filled | {"parameters-password": "an0ther-word"}, follow=True
    )
    assert rows(response)["password"].after == "****** (new value)"
    assert "an0ther-word" not in response.content.decode()


def test_without_a_draft_the_review_redirects_to_step_one(browser, url):
    response = browser.get(f"{url}review/", follow=True)
    assert response.redirect_chain == [(url, 302)]
    assert "Make a change first" in response.content.decode()


def test_a_foreign_draft_is_a_404(admin_browser, review):
    assert admin_browser.get(review).status_code == 404


def test_an_administrator_reviews_an_update_of_another_users_instance(
    admin, admin_browser, url, filled, instance
):
    review = admin_browser.post(url, filled).url
    assert rows(admin_browser.get(review))["size"].after == "medium"
    # Back from the review shows the draft.
    assert Plan.objects.owned_by(admin).get().draft
    Plan.objects.update(status="PreviewSuccess", state="ended")
    assert admin_browser.post(review).url == instance.get_absolute_url()


def test_update_product_queues_one_update_task(browser, review, instance):
    Plan.objects.update(status="PreviewSuccess", state="ended")
    answers = [browser.post(review), browser.post(review)]
    assert {answer.url for answer in answers} == {instance.get_absolute_url()}
    task = Task.objects.get(kind=Task.Kind.UPDATE)
    assert task.parameters == {"size": "medium"}


def test_update_product_waits_for_the_preview(browser, review, instance):
    html = compact(browser.get(review))
    assert 'type="submit" disabled aria-describedby="review-note"' in html
    response = browser.post(review)
    assert response.status_code == 409
    assert "preview is still in progress" in compact(response)
    assert not Task.objects.filter(kind=Task.Kind.UPDATE).exists()


def test_update_without_the_check_has_a_warning(browser, review, instance):
    html = browser.get(review).content.decode()
    assert "Update without preview" in html
    assert "Resources and their data might be replaced or destroyed" in html
    assert browser.post(review, {"unchecked": "1"}).url == instance.get_absolute_url()
    assert Task.objects.filter(kind=Task.Kind.UPDATE).count() == 1


def test_update_without_the_check_is_not_offered_with_approval(
    browser, review, instance
):
    instance.portfolio.constraints.create(
        product=instance.product,
        kind="Approval",
        config={"OperationTypes": ["UpdateProvisionedProduct"]},
    )
    assert "unchecked" not in browser.get(review).content.decode()
    assert browser.post(review, {"unchecked": "1"}).status_code == 409
    assert not Task.objects.filter(kind=Task.Kind.UPDATE).exists()


def test_a_failed_preview_of_an_update_can_be_repeated(browser, review):
    Plan.objects.update(status="PreviewFailed", state="ended")
    assert 'name="check_again"' in compact(browser.get(review))
    assert browser.post(review, {"check_again": "1"}).url == review
    assert Plan.objects.get().status == Plan.Status.PREVIEW_IN_PROGRESS


def test_checking_again_does_not_include_concurrent_changes(browser, review, instance):
    Plan.objects.update(status="PreviewFailed", state="ended")
    changed(instance, kind=Task.Kind.UPDATE, parameters={"size": "large"})
    assert browser.post(review, {"check_again": "1"}).status_code == 409
    assert Plan.objects.get().status == Plan.Status.PREVIEW_FAILED


def test_a_replacement_has_a_warning(browser, review):
    replace = {
        "address": "terraform_data.disk",
        "type": "terraform_data",
        "name": "disk",
        "action": "Replace",
        "reason": "replace_because_cannot_update",
        "replace_paths": [["triggers_replace"]],
        "before": {"input": "small"},
        "after": {"input": "medium"},
    }
    Plan.objects.update(status="PreviewSuccess", state="ended", changes=[replace])
    html = browser.get(review).content.decode()
    assert "1 resource will be replaced" in html
    assert "are destroyed and created again" in html
    assert "triggers_replace" in html


def test_a_superseded_review_shows_both_values_and_runs_nothing(
    browser, review, instance
):
    changed(
        instance,
        kind=Task.Kind.UPDATE,
        parameters={"size": "large"},
        secrets={"password": "s3cret-word"},
    )
    response = browser.get(review)
    row = next(r for r in response.context["since"] if r.label == "size")
    assert (row.before, row.after) == ("small", "large")
    assert not response.context["preview"].may_create_plan
    assert browser.post(review).status_code == 409
    assert not Task.objects.filter(state="queued").exists()


def test_cancel_changes_nothing(browser, review, instance):
    response = browser.post(review, {"cancel": "1"})
    assert response.url == instance.get_absolute_url()
    assert Plan.objects.get().status == Plan.Status.CANCELED
    assert Task.objects.count() == 1


def test_polling_a_running_preview_changes_nothing_on_the_page(browser, review, htmx):
    assert browser.get(review, headers=htmx).status_code == 204


def test_the_fragment_takes_at_most_six_queries(
    browser, review, htmx, django_assert_max_num_queries
):
    Plan.objects.update(status="PreviewSuccess", state="ended")
    with django_assert_max_num_queries(6):
        browser.get(review, headers=htmx)
