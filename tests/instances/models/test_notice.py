"""Notices and mail: who hears of which step, and that a mail server stops nobody."""

import pytest
from django.core import mail
from django.test import Client

from instances.models import Notice, Plan
from tests.factories import PortfolioFactory, RoleFactory, UserFactory, VersionFactory
from tests.instances.planning import approved, asked, constrain, previewed

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob(db):
    return UserFactory(username="bob", email="bob@example.test")


@pytest.fixture
def carol(db):
    return UserFactory(username="carol", email="carol@example.test")


@pytest.fixture
def version(bob, carol):
    version = VersionFactory()
    PortfolioFactory(products=[version.product], users=[bob, carol])
    return version


@pytest.fixture
def plan(bob, version):
    constrain(version, "carol", "bob")
    return previewed(asked(bob, version, name="Bigger disks"))


def told():
    return list(
        Notice.objects.order_by("pk").values_list("recipient__username", "kind")
    )


def test_approvers_hear_of_a_request_but_not_the_requester(plan):
    assert told() == [("carol", "requested")]


def test_the_members_of_an_approving_group_hear_of_it(bob, carol, version):
    role = RoleFactory(name="Approvers")
    for person in (carol, bob, UserFactory(username="gone", is_active=False)):
        person.groups.add(role)
    constrain(version, "Approvers", kind="RamRole")
    previewed(asked(bob, version))
    assert told() == [("carol", "requested")]


@pytest.mark.parametrize(
    ("steps", "last"),
    [
        (lambda plan, bob, carol: plan.approve(by=carol), ("bob", "approved")),
        (lambda plan, bob, carol: plan.reject(by=carol), ("bob", "rejected")),
        (lambda plan, bob, carol: plan.cancel(by=bob), ("carol", "canceled")),
    ],
)
def test_each_step_is_told(plan, bob, carol, steps, last):
    steps(plan, bob, carol)
    assert told()[-1] == last


def test_requester_and_approver_hear_how_the_execution_ended(plan, bob, carol):
    task = approved(plan, carol).execute(by=bob)
    task.cancel(by=bob)
    assert sorted(told()[-2:]) == [
        ("bob", "execution-failed"),
        ("carol", "execution-failed"),
    ]


def test_without_an_approval_the_requester_hears_of_the_preview(bob, version):
    previewed(asked(bob, version))
    previewed(asked(bob, version, instance_name="two"), ok=False)
    assert told() == [("bob", "ready"), ("bob", "failed")]


def test_a_draft_tells_nobody(bob, version):
    draft = asked(bob, version)
    Plan.objects.update(draft=True)
    previewed(draft)
    assert told() == []


def test_the_mail_names_the_plan_and_where_it_is(
    bob, version, settings, django_capture_on_commit_callbacks
):
    settings.PUBLIC_URL = "https://catalog.example.test"
    constrain(version, "carol")
    with django_capture_on_commit_callbacks(execute=True):
        plan = asked(bob, version)
        # As an earlier release took it.
        Plan.objects.update(name="Bigger\r\ndisks")
        plan = previewed(plan)
    (letter,) = mail.outbox
    assert letter.to == ["carol@example.test"]
    assert letter.subject == "The plan Bigger disks is waiting for your approval."
    assert f"https://catalog.example.test/plans/{plan.pk}/" in letter.body


def test_a_comment_travels_in_the_mail(plan, carol, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        plan.reject(by=carol, comment="Too large")
    assert "Too large" in mail.outbox[-1].body


def test_a_mail_server_that_fails_stops_nobody(
    plan, carol, settings, caplog, django_capture_on_commit_callbacks
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    with django_capture_on_commit_callbacks(execute=True):
        plan.approve(by=carol)
    assert Plan.objects.get().status == "ApplicationApproved"
    assert "could not be sent" in caplog.text


# The pages


def door(user):
    client = Client()
    client.force_login(user)
    return client


def test_the_bell_counts_what_is_unread(plan, carol, bob):
    assert "Notices, 1 unread" in door(carol).get("/products/").content.decode()
    assert "Notices, 0 unread" in door(bob).get("/products/").content.decode()


def test_opening_a_notice_marks_it_read_and_leads_to_the_plan(plan, carol):
    notice, client = Notice.objects.get(), door(carol)
    assert "Bigger disks" in client.get("/notices/").content.decode()
    answer = client.post(f"/notices/{notice.pk}/open/")
    assert answer["Location"] == plan.get_absolute_url()
    assert Notice.objects.get().read_at


def test_a_foreign_notice_is_a_missing_one(plan, bob):
    notice = Notice.objects.get()
    assert door(bob).post(f"/notices/{notice.pk}/open/").status_code == 404
    assert Notice.objects.get().read_at is None


def test_all_are_marked_as_read_and_only_mine(plan, bob, carol):
    door(bob).post("/notices/read/")
    assert Notice.objects.unread().count() == 1
    door(carol).post("/notices/read/")
    assert Notice.objects.unread().count() == 0


def test_looking_at_the_list_changes_nothing(plan, carol):
    door(carol).get("/notices/")
    assert Notice.objects.unread().count() == 1


def test_a_decision_settles_the_requests_of_the_other_approvers(bob, carol, version):
    constrain(version, "carol", "dave")
    UserFactory(username="dave")
    plan = previewed(asked(bob, version))
    plan.approve(by=carol)
    assert not Notice.objects.unread().filter(kind="requested").exists()


def test_the_list_takes_six_queries(plan, carol, django_assert_max_num_queries):
    client = door(carol)
    client.get("/notices/")
    with django_assert_max_num_queries(6):
        client.get("/notices/")
