"""/products/<prod-…>/launch/review/?plan=…"""

import re

import pytest
from django.urls import reverse

from instances.launch_validation import execute_once
from instances.models import Instance, Plan, ProvisioningSpec, Task, plan_for
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    RegionFactory,
    VersionFactory,
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
pytestmark = pytest.mark.template(MAIN_TF)


def change(action, address, **more):
    return {
        "address": address,
        "type": "terraform_data",
        "name": address.split(".")[-1],
        "action": action,
        "reason": "",
        "replace_paths": [],
        "before": None,
        "after": None,
    } | more


@pytest.fixture
def draft(version, alice):
    spec = ProvisioningSpec(
        version,
        version.product.portfolios.get(),
        {"size": "small", "password": "s3cret-word"},
        {"team": "web"},
    )
    return Plan.objects.draft_for(
        Task.Kind.LAUNCH, spec, by=alice, region=RegionFactory(), instance_name="my-web"
    )


@pytest.fixture
def step1(version):
    return reverse("instances:launch", args=[version.product.pk])


@pytest.fixture
def review(draft, step1):
    return f"{step1}review/?plan={draft.pk}"


@pytest.fixture
def previewed(draft):
    draft.changes = [
        change("None", "terraform_data.same"),
        change("Add", "terraform_data.new", after={"input": "small"}),
        change("Remove", "terraform_data.old", reason="delete_because_no_module"),
        change("Replace", "terraform_data.disk", replace_paths=[["size"]]),
    ]
    draft.status = Plan.Status.PREVIEW_SUCCESS
    draft.state = Plan.State.ENDED
    draft.save()
    return draft


def texts(response):
    sections = response.context["parameter_diff"].sections
    return {str(row.label): row.after for part in sections for row in part.rows}


def test_it_shows_product_instance_parameters_and_tags(browser, review, version):
    shown = texts(browser.get(review))
    assert shown["Product"] == version.product.name
    assert shown["Version"] == version.name
    assert shown["Product instance name"] == "my-web"
    assert shown["size"] == "small"
    assert shown["Tag team"] == "web"


def test_a_secret_is_masked(browser, review):
    response = browser.get(review)
    assert texts(response)["password"] == "******"
    assert "s3cret-word" not in response.content.decode()


@pytest.mark.parametrize("secret", ["admin", "1234", "Password"])
def test_a_weak_secret_has_a_warning(browser, review, draft, secret):
    assert "Weak secret" not in browser.get(review).content.decode()
    draft.secrets = {"password": secret}
    draft.save()
    page = browser.get(review).content.decode()
    assert "Weak secret: password" in page
    assert f">{secret}<" not in page


def test_it_requires_login(client, review):
    assert client.get(review).url.startswith(reverse("account_login"))


def test_a_foreign_draft_is_a_404_even_for_an_administrator(
    client, bob, admin_browser, review, version
):
    version.product.portfolios.get().grants.create(user=bob)
    client.force_login(bob)
    assert client.get(review).status_code == 404
    assert client.post(review).status_code == 404
    assert admin_browser.get(review).status_code == 404


def test_a_draft_of_another_product_is_a_404(browser, draft, alice):
    other = VersionFactory().product
    PortfolioFactory(products=[other], users=[alice])
    address = reverse("instances:launch-review", args=[other.pk])
    assert browser.get(address, {"plan": draft.pk}).status_code == 404


def test_it_rejects_other_methods(browser, review):
    assert browser.put(review).status_code == 405


def test_without_a_draft_it_redirects_to_step_one(browser, step1):
    response = browser.get(f"{step1}review/", follow=True)
    assert response.redirect_chain == [(step1, 302)]
    assert "Configure the product first" in response.content.decode()


# The preview


PRIMARY = re.compile(
    r'<button class="button button--primary" type="submit"([^>]*)>\s*<svg.*?</svg>Launch'
)


def test_launch_waits_while_the_preview_runs(browser, review):
    html = compact(browser.get(review))
    assert 'hx-trigger="tick from:body"' in html
    assert 'data-status="PreviewInProgress"' in html
    assert PRIMARY.search(html)[1] == ' disabled aria-describedby="review-note"'
    assert f'<noscript><a class="button" href="{review}">Refresh</a></noscript>' in html
    # A page that reloads would clear the name of a plan while the user enters it.
    assert 'http-equiv="refresh"' not in html


def test_polling_a_running_preview_changes_nothing_on_the_page(browser, review, htmx):
    assert browser.get(review, headers=htmx).status_code == 204


def test_polling_ends_with_the_result(browser, review, htmx, previewed):
    html = compact(browser.get(review, headers=htmx))
    assert html.lstrip().startswith('<div class="stack" id="plan-preview"')
    assert "hx-trigger" not in html
    assert 'id="review-actions" hx-swap-oob="true"' in html
    assert PRIMARY.search(html)[1] == ""
    # The form of the plan may have input by now.
    assert 'id="plan-form"' not in html


def test_a_failed_preview_loads_the_page_again_for_its_buttons(
    browser, review, htmx, draft
):
    Plan.objects.update(status="PreviewFailed", state="ended")
    response = browser.get(review, headers=htmx)
    assert response.headers["HX-Refresh"] == "true"


def test_replacements_and_removals_are_listed_first(browser, review, previewed):
    preview = browser.get(review).context["preview"]
    assert [change.action for change in preview.changes] == ["Replace", "Remove", "Add"]
    named = [change.address for change in preview.warnings]
    assert named == ["terraform_data.disk", "terraform_data.old"]
    assert preview.warning_title == (
        "1 resource will be replaced, 1 resource will be removed"
    )


def test_changes_are_counted(browser, review, previewed):
    preview = browser.get(review).context["preview"]
    assert preview.counts == {
        "Add": 1,
        "Modify": 0,
        "Replace": 1,
        "Remove": 1,
        "None": 1,
    }
    assert preview.unchanged == 1


def test_a_failed_preview_shows_reason_and_log_without_launch(browser, review, draft):
    Plan.objects.update(
        status="PreviewFailed",
        state="ended",
        status_message="Invalid CIDR",
        log=[["", "error", "Error: Invalid CIDR block"]],
    )
    response = browser.get(review)
    html = response.content.decode()
    assert "Invalid CIDR" in html
    assert "Error: Invalid CIDR block" in html
    assert not response.context["preview"].may_create_plan


def test_the_fragment_takes_at_most_five_queries(
    browser, review, htmx, previewed, django_assert_max_num_queries
):
    with django_assert_max_num_queries(5):
        browser.get(review, headers=htmx)


def test_the_page_takes_at_most_eight_queries(
    browser, review, previewed, django_assert_max_num_queries
):
    with django_assert_max_num_queries(8):
        browser.get(review)


# Launch, previous, cancel


def test_launch_creates_the_instance_and_its_task(browser, review, previewed, alice):
    response = browser.post(review)
    instance = Instance.objects.get()
    assert response.status_code == 302
    assert response.url == instance.get_absolute_url()
    assert instance.name == "my-web"
    assert instance.owner == alice
    assert instance.last_task.plan == previewed


def test_a_launch_before_the_end_of_the_preview_is_refused(browser, review):
    response = browser.post(review)
    assert response.status_code == 409
    assert "preview is still in progress" in response.content.decode()
    assert not Instance.objects.exists()
    assert Plan.objects.get().status == "PreviewInProgress"


def test_launch_without_the_check_is_possible(browser, review, previewed):
    assert "unchecked" not in compact(browser.get(review))
    Plan.objects.update(status="PreviewInProgress", state="queued")
    html = compact(browser.get(review))
    assert 'type="submit" name="unchecked" value="1"' in html
    assert browser.post(review, {"unchecked": "1"}).status_code == 302
    assert Instance.objects.exists()


def test_a_failed_preview_can_be_repeated(browser, review, draft):
    Plan.objects.update(status="PreviewFailed", state="ended", status_message="Timeout")
    html = compact(browser.get(review))
    assert 'name="check_again"' in html
    assert PRIMARY.search(html)[1].startswith(" disabled")
    assert browser.post(review).status_code == 409
    assert browser.post(review, {"check_again": "1"}).url == review
    draft.refresh_from_db()
    assert (draft.status, draft.state) == ("PreviewInProgress", "queued")
    assert draft.status_message == ""


def test_choosing_launch_twice_creates_one_task(browser, review, previewed):
    answers = [browser.post(review).url, browser.post(review).url]
    assert answers[0] == answers[1]
    assert Task.objects.count() == 1


def test_concurrent_launches_create_one_task(previewed, alice):
    plan = previewed
    first, second = plan_for(alice, plan.pk), plan_for(alice, plan.pk)
    assert execute_once(first, by=alice) == execute_once(second, by=alice)


def test_after_the_launch_the_review_redirects_to_the_instance(
    browser, review, previewed
):
    browser.post(review)
    assert browser.get(review).url == Instance.objects.get().get_absolute_url()


def test_a_failed_preview_cannot_be_launched(browser, review, draft):
    Plan.objects.update(status="PreviewFailed", state="ended")
    assert browser.post(review).status_code == 409
    assert not Instance.objects.exists()


def test_a_name_taken_meanwhile_is_reported_on_the_review(browser, review, previewed):
    InstanceFactory(name="MY-WEB")
    response = browser.post(review)
    assert response.status_code == 409
    assert "already exists" in response.content.decode()
    assert "plan=" in response.context["preview"].edit_url
    assert Instance.objects.count() == 1


@pytest.mark.parametrize(
    "withdraw",
    [
        lambda version: version.product.portfolios.get().grants.all().delete(),
        lambda version: type(version).objects.update(active=False),
        lambda version: version.product.portfolios.get().constraints.create(
            product=version.product,
            kind="StackRegion",
            config={"StackRegions": ["cn-beijing"]},
        ),
        lambda version: version.product.portfolios.get().constraints.create(
            product=version.product,
            kind="Approval",
            config={"OperationTypes": ["LaunchProduct"]},
        ),
        lambda version: version.product.portfolios.get().constraints.create(
            product=version.product,
            kind="Template",
            config={"Rules": [{"ParameterKey": "size", "AllowedValues": ["big"]}]},
        ),
    ],
    ids=["grant", "version", "region", "approval", "rule"],
)
def test_a_launch_that_is_no_longer_allowed_is_refused(
    browser, review, previewed, version, withdraw
):
    withdraw(version)
    assert browser.post(review).status_code == 409
    assert not Instance.objects.exists()


def test_cancel_cancels_the_draft_and_launches_nothing(browser, review, previewed):
    response = browser.post(review, {"cancel": "1"})
    previewed.refresh_from_db()
    assert response.status_code == 302
    assert previewed.status == Plan.Status.CANCELED
    assert not Instance.objects.exists()


def test_a_canceled_draft_redirects_to_step_one(browser, review, step1, draft):
    browser.post(review, {"cancel": "1"})
    assert browser.get(review).url == f"{step1}?plan={draft.pk}"
    assert browser.post(review).status_code == 409
