"""Notices and mail: who hears of which step, and that a mail server stops nobody."""

import pytest
from django.core import mail
from django.test import Client

from instances.models import Notice, Plan
from tests.factories import (
    RoleFactory,
    UserFactory,
)
from tests.instances.planning import approved, asked, constrain, previewed

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob(db):
    return UserFactory(username="bob", email="bob@example.test")


@pytest.fixture
def carol(db):
    return UserFactory(username="carol", email="carol@example.test")


@pytest.fixture
def disks(bob, offered):
    constrain(offered, "carol", "bob")
    return previewed(asked(bob, offered, name="Bigger disks"))


def told():
    return list(
        Notice.objects.order_by("pk").values_list("recipient__username", "kind")
    )


def test_approvers_hear_of_a_request_but_not_the_requester(disks):
    assert told() == [("carol", "requested")]


def test_the_members_of_an_approving_group_hear_of_it(bob, carol, offered):
    role = RoleFactory(name="Approvers")
    for person in (carol, bob, UserFactory(username="gone", is_active=False)):
        person.groups.add(role)
    constrain(offered, "Approvers", kind="RamRole")
    previewed(asked(bob, offered))
    assert told() == [("carol", "requested")]


@pytest.mark.parametrize(
    ("steps", "last"),
    [
        (lambda disks, bob, carol: disks.approve(by=carol), ("bob", "approved")),
        (lambda disks, bob, carol: disks.reject(by=carol), ("bob", "rejected")),
        (lambda disks, bob, carol: disks.cancel(by=bob), ("carol", "canceled")),
    ],
)
def test_each_step_is_told(disks, bob, carol, steps, last):
    steps(disks, bob, carol)
    assert told()[-1] == last


def test_requester_and_approver_hear_how_the_execution_ended(disks, bob, carol):
    task = approved(disks, carol).execute(by=bob)
    task.cancel(by=bob)
    assert sorted(told()[-2:]) == [
        ("bob", "execution-failed"),
        ("carol", "execution-failed"),
    ]


def test_without_an_approval_the_requester_hears_of_the_preview(bob, offered):
    previewed(asked(bob, offered))
    previewed(asked(bob, offered, instance_name="two"), ok=False)
    assert told() == [("bob", "ready"), ("bob", "failed")]


def test_a_draft_tells_nobody(bob, offered):
    draft = asked(bob, offered)
    Plan.objects.update(draft=True)
    previewed(draft)
    assert told() == []


def test_the_mail_names_the_plan_and_where_it_is(
    bob, offered, settings, django_capture_on_commit_callbacks
):
    settings.PUBLIC_URL = "https://catalog.example.test"
    constrain(offered, "carol")
    with django_capture_on_commit_callbacks(execute=True):
        plan = asked(bob, offered)
        # As an earlier release took it.
        Plan.objects.update(name="Bigger\r\ndisks")
        plan = previewed(plan)
    (letter,) = mail.outbox
    assert letter.to == ["carol@example.test"]
    assert letter.subject == "The plan Bigger disks is waiting for your approval."
    assert f"https://catalog.example.test/plans/{plan.pk}/" in letter.body


def test_a_comment_travels_in_the_mail(
    disks, carol, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        disks.reject(by=carol, comment="Too large")
    assert "Too large" in mail.outbox[-1].body


def test_a_mail_server_that_fails_stops_nobody(
    disks, carol, settings, caplog, django_capture_on_commit_callbacks
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    with django_capture_on_commit_callbacks(execute=True):
        disks.approve(by=carol)
    assert Plan.objects.get().status == "ApplicationApproved"
    assert "could not be sent" in caplog.text


# The pages


def door(user):
    client = Client()
    client.force_login(user)
    return client


def test_the_bell_counts_what_is_unread(disks, carol, bob):
    assert "Notices, 1 unread" in door(carol).get("/products/").content.decode()
    assert "Notices, 0 unread" in door(bob).get("/products/").content.decode()


def test_opening_a_notice_marks_it_read_and_leads_to_the_plan(disks, carol):
    notice, client = Notice.objects.get(), door(carol)
    assert "Bigger disks" in client.get("/notices/").content.decode()
    answer = client.post(f"/notices/{notice.pk}/open/")
    assert answer["Location"] == disks.get_absolute_url()
    assert Notice.objects.get().read_at


def test_a_foreign_notice_is_a_missing_one(disks, bob):
    notice = Notice.objects.get()
    assert door(bob).post(f"/notices/{notice.pk}/open/").status_code == 404
    assert Notice.objects.get().read_at is None


def test_all_are_marked_as_read_and_only_mine(disks, bob, carol):
    door(bob).post("/notices/read/")
    assert Notice.objects.unread().count() == 1
    door(carol).post("/notices/read/")
    assert Notice.objects.unread().count() == 0


def test_looking_at_the_list_changes_nothing(disks, carol):
    door(carol).get("/notices/")
    assert Notice.objects.unread().count() == 1


def test_a_decision_settles_the_requests_of_the_other_approvers(bob, carol, offered):
    constrain(offered, "carol", "dave")
    UserFactory(username="dave")
    plan = previewed(asked(bob, offered))
    plan.approve(by=carol)
    assert not Notice.objects.unread().filter(kind="requested").exists()


def test_the_list_takes_six_queries(disks, carol, django_assert_max_num_queries):
    client = door(carol)
    client.get("/notices/")
    with django_assert_max_num_queries(6):
        client.get("/notices/")
