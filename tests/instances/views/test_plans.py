"""/plans/ and /plans/<pk>/: access, actions, and the wizards that create plans"""

import re
from functools import partial

import pytest
from django.test import Client
from django.urls import reverse

from instances.engines.base import Change
from instances.models import Instance, Plan, Task
from tests.factories import (
    UserFactory,
)
from tests.form_fields import Fields
from tests.instances.planning import (
    CHANGE,
    approved,
    asked,
    asked_of,
    changed_by_another,
    portfolio_of,
    previewed,
)
from tests.interleaving import just_before
from tests.markup import compact

LIST = "/plans/"
SECRET_TF = """\
variable "name" {
  type = string
}
variable "password" {
  type      = string
  sensitive = true
}
"""
pytestmark = [
    pytest.mark.template(SECRET_TF),
    pytest.mark.usefixtures("gated"),
]


def door(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def waiting(bob, gated):
    values = {"name": "one", "password": "s3cret-word"}
    return asked(bob, gated, values=values)


@pytest.fixture
def plan(waiting):
    return previewed(waiting)


@pytest.fixture
def url(plan):
    return plan.get_absolute_url()


@pytest.fixture
def bobs(bob):
    return door(bob)


@pytest.fixture
def carols(carol):
    return door(carol)


def page(client, address, **query):
    response = client.get(address, query)
    assert response.status_code == 200
    return response.content.decode()


# Access


@pytest.mark.parametrize(
    "name", ["plan-detail", "plan-execute", "plan-cancel", "plan-delete"]
)
def test_a_plan_of_another_user_is_a_404(browser, plan, name):
    there = browser.get(reverse(f"instances:{name}", args=[plan.pk]))
    missing = browser.get(reverse(f"instances:{name}", args=["plan-bp1missing00"]))
    assert there.status_code == missing.status_code == 404


@pytest.mark.parametrize("name", ["plan-decide", "plan-preview", "plan-execute"])
def test_a_plan_of_another_user_cannot_be_changed(browser, plan, name):
    assert browser.post(reverse(f"instances:{name}", args=[plan.pk])).status_code == 404


@pytest.mark.parametrize("name", ["plan-decide", "plan-preview"])
def test_actions_require_post(bobs, plan, name):
    assert bobs.get(reverse(f"instances:{name}", args=[plan.pk])).status_code == 405


def test_pages_require_login(client, url):
    for address in (LIST, url, f"{url}cancel/", "/notices/"):
        assert "/accounts/login/" in client.get(address)["Location"]


def test_owner_approver_and_administrator_see_it(bobs, carols, admin_browser, url):
    for client in (bobs, carols, admin_browser):
        assert client.get(url).status_code == 200


def test_a_former_approver_still_sees_it(carols, carol, plan, url, gated):
    approved(plan, carol)
    portfolio_of(gated).constraints.all().delete()
    assert carols.get(url).status_code == 200


def test_a_draft_has_no_page(bobs, plan, url):
    Plan.objects.update(draft=True)
    assert bobs.get(url).status_code == 404


# The list


@pytest.mark.parametrize(
    ("person", "tab", "seen"),
    [
        ("bob", "mine", True),
        ("bob", "received", False),
        ("carol", "mine", False),
        ("carol", "received", True),
        ("carol", "history", False),
        ("alice", "received", False),
        ("alice", "all", False),
        ("admin", "all", True),
        ("admin", "received", False),
    ],
)
def test_each_tab_has_its_plans(plan, person, tab, seen, request):
    client = door(request.getfixturevalue(person))
    assert (f'data-id="{plan.pk}"' in page(client, LIST, tab=tab)) is seen


def test_an_approved_plan_moves_to_the_history(carols, carol, plan):
    approved(plan, carol)
    assert plan.pk not in page(carols, LIST, tab="received")
    assert plan.pk in page(carols, LIST, tab="history")


def test_an_approvers_own_plan_is_not_received(carol, carols, gated):
    plan = previewed(asked(carol, gated))
    assert plan.pk not in page(carols, LIST, tab="received")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "ApplicationInProgress"}, True),
        ({"status": "Canceled"}, False),
        ({"status": "nonsense"}, True),
        ({"person": "BOB"}, True),
        ({"person": "nobody"}, False),
        ({"q": "pleas"}, True),
        ({"q": "prod"}, True),
        ({"q": "nothing"}, False),
    ],
)
def test_the_list_is_filtered(admin_browser, plan, query, found):
    assert (plan.pk in page(admin_browser, LIST, tab="all", **query)) is found


def test_the_list_is_filtered_by_product(admin_browser, plan):
    name = plan.version.product.name
    assert plan.pk in page(admin_browser, LIST, tab="all", product=name.upper())
    assert plan.pk not in page(admin_browser, LIST, tab="all", product="other")


def test_the_navigation_counts_received_requests(carols, bobs, plan):
    assert "nav__count" in page(carols, "/products/")
    assert "nav__count" not in page(bobs, "/products/")


def test_the_navigation_takes_no_query_without_requests(
    bobs, carols, gated, django_assert_max_num_queries
):
    with django_assert_max_num_queries(6):
        bobs.get(LIST)


@pytest.mark.parametrize("tab", ["mine", "received", "history"])
def test_the_list_takes_six_queries(
    carols, bob, gated, tab, django_assert_max_num_queries
):
    for number in range(25):
        previewed(asked(bob, gated, instance_name=f"prod-{number}"))
    carols.get(LIST)
    with django_assert_max_num_queries(6):
        carols.get(LIST, {"tab": tab})


# One plan


def test_it_shows_data_parameters_tags_and_changes(bobs, plan, url):
    html = page(bobs, url)
    for text in ("please", plan.pk, "prod", "one", "Tag team", "terraform_data.thing"):
        assert text in html
    assert "s3cret-word" not in html
    assert "******" in html


def test_replacements_and_removals_are_grouped_first(bobs, waiting, url):
    changes = [
        Change(**{**CHANGE.__dict__, "address": action.lower(), "action": action})
        for action in ("Add", "Modify", "Remove", "Replace")
    ]
    Plan.objects.update(status="PreviewInProgress", state="queued")
    previewed(waiting, changes=changes)
    response = bobs.get(url)
    actions = [group.action for group in response.context["preview"].groups]
    assert actions == ["Replace", "Remove", "Modify", "Add"]
    assert "1 resource will be replaced" in response.content.decode()


def test_a_plan_of_200_changes_renders_in_one_page(bobs, waiting):
    changes = [
        Change(
            **{
                **CHANGE.__dict__,
                "address": f"terraform_data.thing[{number}]",
                "action": ("Add", "Modify", "Remove", "Replace")[number % 4],
                "before": {f"key{n}": "old" for n in range(8)},
                "after": {f"key{n}": "new" for n in range(8)},
            }
        )
        for number in range(200)
    ]
    plan = previewed(waiting, changes=changes)
    response = bobs.get(plan.get_absolute_url())
    assert response.content.count(b"changes__resource") == 200


def test_it_takes_at_most_eight_queries(
    bobs, carols, url, django_assert_max_num_queries
):
    for client in (bobs, carols):
        client.get(url)
        with django_assert_max_num_queries(8):
            client.get(url)


def buttons(client, address):
    html = page(client, address)
    words = ("decide", "execute", "cancel", "delete", "preview")
    return {word for word in words if f"{address}{word}/" in html}


def test_the_approver_can_decide_and_the_owner_cannot(bobs, carols, url):
    assert buttons(carols, url) == {"decide"}
    assert buttons(bobs, url) == {"cancel", "preview"}


def test_the_owner_can_execute_an_approved_plan(bobs, carols, carol, plan, url):
    approved(plan, carol)
    assert buttons(bobs, url) == {"execute", "cancel", "delete", "preview"}
    assert buttons(carols, url) == set()


def test_an_administrator_can_only_view(admin_browser, url):
    assert buttons(admin_browser, url) == set()


def test_carol_approves_with_a_comment_and_bob_executes(bobs, carols, plan, url):
    answer = carols.post(
        f"{url}decide/",
        {"approve": "1", "comment": "Within budget", "seen": plan.digest},
    )
    assert answer["Location"] == url
    html = page(bobs, url)
    assert "Within budget" in html
    assert "Approved by" in html
    assert bobs.post(f"{url}execute/")["Location"] == url
    assert Instance.objects.get().name == "prod"


def test_carol_rejects(carols, plan, url):
    carols.post(f"{url}decide/", {"reject": "1", "comment": "No", "seen": plan.digest})
    assert Plan.objects.get().status == "ApplicationRejected"


def test_a_decision_about_an_older_preview_is_refused_on_the_page(carols, plan, url):
    answer = carols.post(f"{url}decide/", {"approve": "1", "seen": "f" * 64})
    assert answer.status_code == 409
    assert "previewed again" in answer.content.decode()
    assert Plan.objects.get().status == "ApplicationInProgress"


def test_the_owners_own_decision_is_refused(bobs, plan, url):
    answer = bobs.post(f"{url}decide/", {"approve": "1", "seen": plan.digest})
    assert answer.status_code == 409
    assert "You cannot approve or reject your own plan" in answer.content.decode()


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_requester_who_is_an_approver_cannot_decide(carol, carols, gated, decision):
    plan = previewed(asked(carol, gated))
    url = plan.get_absolute_url()
    assert buttons(carols, url) == {"cancel", "preview"}
    answer = carols.post(f"{url}decide/", {decision: "1", "seen": plan.digest})
    assert answer.status_code == 409
    assert Plan.objects.get().status == "ApplicationInProgress"


def test_change_of_the_instance_during_the_execution_refuses_it(
    bobs, bob, carol, gated, bobs_instance
):
    plan = approved(previewed(asked_of(bobs_instance, bob)), carol)
    with just_before(
        'UPDATE "instances_instance" SET "status"',
        partial(changed_by_another, bobs_instance),
    ):
        answer = bobs.post(f"{plan.get_absolute_url()}execute/")
    assert answer.status_code == 409
    assert "just changed by another operation" in answer.content.decode()
    assert not Task.objects.filter(plan=plan).exists()
    assert Plan.objects.get().status == "ApplicationApproved"


def test_an_out_of_date_plan_shows_why_and_can_be_previewed_again(
    bobs, bob, carol, gated, bobs_instance
):
    plan = approved(previewed(asked_of(bobs_instance, bob)), carol)
    url, other = plan.get_absolute_url(), changed_by_another(bobs_instance)
    html = page(bobs, url)
    assert "out of date" in html
    assert other.pk in html
    assert buttons(bobs, url) == {"cancel", "delete", "preview"}
    answer = bobs.post(f"{url}execute/")
    assert answer.status_code == 409
    assert "out of date" in answer.content.decode()
    bobs.post(f"{url}preview/")
    assert Plan.objects.get().status == "PreviewInProgress"


def test_a_failed_preview_shows_reason_and_log_and_can_be_edited(bobs, waiting):
    previewed(waiting, ok=False, message="Invalid CIDR")
    Plan.objects.update(log=[["", "error", "Error: Invalid CIDR block"]])
    html = page(bobs, waiting.get_absolute_url())
    assert "Invalid CIDR block" in html
    assert f"?plan={waiting.pk}" in html


def test_a_destructive_plan_requires_confirmation(bobs, carol, waiting):
    removal = Change(**{**CHANGE.__dict__, "action": "Remove"})
    plan = approved(previewed(waiting, changes=[removal]), carol)
    address = f"{plan.get_absolute_url()}execute/"
    assert bobs.post(address).status_code == 200
    assert not Task.objects.exists()
    bobs.post(address, {"sure": "1"})
    assert Task.objects.exists()


@pytest.mark.parametrize(("step", "status"), [("cancel", "Canceled"), ("delete", None)])
def test_cancel_and_delete_require_confirmation(bobs, carol, plan, url, step, status):
    approved(plan, carol)
    assert bobs.get(f"{url}{step}/").status_code == 200
    assert Plan.objects.get().status == "ApplicationApproved"
    bobs.post(f"{url}{step}/")
    left = Plan.objects.first()
    assert (left and left.status) == status


def test_it_polls_only_while_it_runs(bobs, waiting, htmx):
    url = waiting.get_absolute_url()
    first = bobs.get(url)
    assert "tick from:body" in compact(first)
    seen = {"seen": first.context["page"].poll_token}
    assert bobs.get(url, seen, headers=htmx).status_code == 204
    previewed(waiting)
    after = compact(bobs.get(url, seen, headers=htmx))
    assert after.lstrip().startswith('<div class="stack" id="plan-detail"')
    assert "tick from:body" not in after


# The wizards


@pytest.fixture
def draft(bob, waiting):
    Plan.objects.update(draft=True, name="")
    return previewed(waiting)


def review(draft):
    product = draft.version.product
    return f"{reverse('instances:launch-review', args=[product.pk])}?plan={draft.pk}"


def test_a_review_that_needs_approval_only_offers_a_plan(bobs, draft):
    html = page(bobs, review(draft))
    assert 'name="create_plan"' in html
    assert "</svg>Launch</button>" not in html


def test_a_review_without_approval_offers_plan_and_launch(bobs, draft, gated):
    portfolio_of(gated).constraints.all().delete()
    html = page(bobs, review(draft))
    assert 'name="create_plan"' in html
    assert re.search(r"</svg>Launch\s*</button>", html)


def test_create_plan_submits_the_draft_for_approval(bobs, draft):
    sent = {"create_plan": "1", "name": "Bigger", "description": "For spring"}
    answer = bobs.post(review(draft), sent)
    plan = Plan.objects.get()
    assert answer["Location"] == plan.get_absolute_url()
    assert (plan.name, plan.description, plan.status) == (
        "Bigger",
        "For spring",
        "ApplicationInProgress",
    )
    assert bobs.get(review(draft))["Location"] == plan.get_absolute_url()


def test_a_plan_without_a_name_is_reported(bobs, draft):
    answer = bobs.post(review(draft), {"create_plan": "1", "name": ""})
    assert answer.status_code == 422
    assert "Enter a name for the plan" in answer.content.decode()


def test_a_direct_launch_that_needs_approval_changes_nothing(bobs, draft):
    assert bobs.post(review(draft)).status_code == 409
    assert not Instance.objects.exists()
    assert Plan.objects.get().status == "PreviewSuccess"


def test_edit_returns_through_the_wizard_to_the_plan(bobs, carols, carol, plan, url):
    approved(plan, carol)
    edit = bobs.get(url).context["page"].edit_url
    page = bobs.get(edit)
    form = page.context["form"]
    sent = {
        "plan": plan.pk,
        "seen": Fields(page.content.decode()).sent["seen"],
        "shown": form.choices_key,
        "version": plan.version_id,
        "portfolio": plan.portfolio_id,
        "name": "prod-2",
        "region": plan.region_id,
        "parameters-name": "changed",
        "parameters-password": "",
    }
    answer = bobs.post(edit.partition("?")[0], sent)
    fresh = Plan.objects.get()
    assert answer["Location"] == url, answer.content.decode()
    assert (fresh.status, fresh.instance_name) == ("PreviewInProgress", "prod-2")
    assert fresh.values == {"name": "changed", "password": "s3cret-word"}


def test_a_plan_that_was_edited_since_is_not_overwritten(
    bobs, bob, carol, carols, plan, url
):
    """The owner edits it in two browser tabs; the second edit shows the first."""
    approved(plan, carol)
    edit = bobs.get(url).context["page"].edit_url
    page = bobs.get(edit)
    first = {
        "plan": plan.pk,
        "seen": Fields(page.content.decode()).sent["seen"],
        "shown": page.context["form"].choices_key,
        "version": plan.version_id,
        "portfolio": plan.portfolio_id,
        "name": "prod-2",
        "region": plan.region_id,
        "parameters-name": "theirs",
        "parameters-password": "theirs-secret",
    }
    second = first | {"name": "prod-3", "parameters-name": "mine"}
    second["parameters-password"] = "mine-secret"
    address = edit.partition("?")[0]
    assert bobs.post(address, first).status_code == 302
    Plan.objects.filter(pk=plan.pk).update(status=Plan.Status.PREVIEW_SUCCESS)
    answer = bobs.post(address, second)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Changed by bob at " in text
    rows = {(str(row.mine), row.stored) for row in answer.context["form"].conflict.rows}
    assert {("mine", "theirs"), ("prod-3", "prod-2")} <= rows
    assert "-secret" not in text
    fresh = Plan.objects.get(pk=plan.pk)
    assert (fresh.status, fresh.values["name"]) == ("PreviewSuccess", "theirs")
    second["seen"] = Fields(text).sent["seen"]
    assert bobs.post(address, second).status_code == 302
    assert Plan.objects.get(pk=plan.pk).values["name"] == "mine"


def test_an_edit_without_its_stamp_is_refused(bobs, carol, plan, url):
    approved(plan, carol)
    edit = bobs.get(url).context["page"].edit_url
    form = bobs.get(edit).context["form"]
    sent = {
        "plan": plan.pk,
        "shown": form.choices_key,
        "version": plan.version_id,
        "portfolio": plan.portfolio_id,
        "name": "prod-2",
        "region": plan.region_id,
        "parameters-name": "mine",
        "parameters-password": "",
    }
    assert bobs.post(edit.partition("?")[0], sent).status_code == 409


def test_a_plan_that_waits_for_approval_cannot_be_edited(bobs, plan):
    product = plan.version.product.pk
    address = reverse("instances:launch", args=[product])
    assert bobs.get(address, {"plan": plan.pk}).status_code == 409


def test_a_termination_that_needs_approval_only_offers_a_plan(bobs, bobs_instance):
    html = page(bobs, f"/instances/{bobs_instance.pk}/terminate/")
    assert "terminate/plan/" in html
    assert "Terminate Instance" not in html


def test_a_direct_termination_that_needs_approval_is_refused(bobs, bobs_instance):
    address = f"/instances/{bobs_instance.pk}/terminate/"
    assert bobs.post(address, {"confirm": "terminate"}).status_code == 400
    assert not Task.objects.filter(kind=Task.Kind.TERMINATE).exists()


def test_a_termination_is_planned(bobs, bobs_instance):
    address = f"/instances/{bobs_instance.pk}/terminate/plan/"
    assert "Terminate" in page(bobs, address)
    bobs.post(address, {"name": "No longer needed"})
    plan = Plan.objects.get()
    assert (plan.operation, plan.instance) == (Task.Kind.TERMINATE, bobs_instance)


def test_a_planned_update_takes_at_most_nine_queries(
    bobs, bob, gated, bobs_instance, django_assert_max_num_queries
):
    """One more than a launch, for the state that the preview is based on."""
    plan = previewed(asked_of(bobs_instance, bob))
    bobs.get(plan.get_absolute_url())
    with django_assert_max_num_queries(9):
        html = page(bobs, plan.get_absolute_url())
    assert "<del>one</del>" in html


def test_the_plans_tab_links_only_viewable_plans(bob, bobs, bobs_instance, carol):
    mine = asked_of(bobs_instance, bob, kind=Task.Kind.TERMINATE)
    stranger = UserFactory()
    theirs = asked_of(bobs_instance, stranger, kind=Task.Kind.TERMINATE)
    html = page(bobs, f"/instances/{bobs_instance.pk}/plans/")
    assert f'href="{mine.get_absolute_url()}"' in html
    assert theirs.pk in html
    assert f'href="{theirs.get_absolute_url()}"' not in html
