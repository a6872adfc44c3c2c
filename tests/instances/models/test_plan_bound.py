"""What was approved is what runs: the fingerprint, its expiry, and the saved file."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils.timezone import now

from catalog.models import Template
from console.lib.audit import AuditEntry
from instances.models import Instance, Plan, PlanOutOfDateError, StateVersion
from tests.factories import (
    InstanceFactory,
    TemplateFactory,
)
from tests.instances.doors import work
from tests.instances.planning import (
    approved,
    asked,
    asked_of,
    portfolio_of,
    previewed,
)

SECRET_TF = """\
variable "name" {
  type = string
}
variable "password" {
  type      = string
  sensitive = true
}
resource "terraform_data" "thing" {
  input = var.name
}
"""
pytestmark = pytest.mark.template(SECRET_TF)


@pytest.fixture
def accepted(bob, carol, gated):
    values = {"name": "one", "password": "s3cret-word"}
    return approved(previewed(asked(bob, gated, values=values)), carol)


def other_template(plan):
    digest = TemplateFactory(files={"main.tf": "# another"}).digest
    Template.objects.filter(pk=plan.version.template_id).update(digest=digest)


def other_secret(plan):
    plan.secrets = {"password": "another"}
    plan.save(update_fields=["secrets"])


def other_file(plan):
    plan.file = b"another plan"
    plan.save(update_fields=["file"])


def other_file_with_its_digest(plan):
    plan.file = b"another plan"
    plan.file_digest = "0" * 64
    plan.save(update_fields=["file", "file_digest"])


def everything_forged(plan):
    """A whole new record of a preview, which nobody has approved."""
    plan.parameters = {"name": "forged"}
    found = plan.seal(b"another plan")
    plan.save()
    Plan.objects.filter(pk=plan.pk).update(**found)


def longer_life(plan):
    Plan.objects.filter(pk=plan.pk).update(expires_at=now() + timedelta(days=900))


@pytest.mark.parametrize(
    ("move", "told"),
    [
        (other_template, "template"),
        (
            lambda accepted: Plan.objects.update(parameters={"name": "two"}),
            "parameters",
        ),
        (other_secret, "parameters"),
        (lambda accepted: Plan.objects.update(tags={"team": "b"}), "tags"),
        (
            lambda accepted: Plan.objects.update(instance_name="other"),
            "launch option, or region",
        ),
        (
            lambda accepted: Plan.objects.update(portfolio=None),
            "launch option, or region",
        ),
        (other_file, "saved plan"),
        (other_file_with_its_digest, "saved plan"),
        (everything_forged, "different preview"),
        (longer_life, "has been changed"),
    ],
)
def test_whatever_moves_makes_the_plan_stale_and_is_named(accepted, bob, move, told):
    move(Plan.objects.get())
    with pytest.raises(PlanOutOfDateError, match=told):
        Plan.objects.get().execute(by=bob)
    assert not Instance.objects.exists()


def test_an_expired_plan_is_stale(accepted, bob, monkeypatch):
    later = now() + timedelta(hours=25)
    monkeypatch.setattr("instances.models.preview.now", lambda: later)
    with pytest.raises(PlanOutOfDateError, match="expired at"):
        accepted.execute(by=bob)


def test_how_long_a_plan_is_good_is_a_setting(bob, gated, settings):
    settings.PLAN_HOURS = 2
    plan = previewed(asked(bob, gated, values={"name": "x", "password": "secret"}))
    assert timedelta(minutes=119) < plan.expires_at - now() < timedelta(hours=2)


def test_the_fingerprint_holds_no_secret_and_no_plain_hash_of_it(accepted, settings):
    stored = str(accepted.fingerprint)
    assert "s3cret-word" not in stored
    was = accepted.fingerprint["parameters"]
    settings.SECRET_KEY = "another site's key, which gives another hash"
    assert accepted.seal(b"saved plan")["fingerprint"]["parameters"] != was


def test_another_state_of_the_instance_makes_the_plan_stale(
    bob, carol, gated, bobs_instance
):
    values = {"name": "two", "password": "secret"}
    approved(previewed(asked_of(bobs_instance, bob, values=values)), carol)
    StateVersion.objects.create(
        instance=bobs_instance, lineage="l", serial=7, digest="d", body=b"{}"
    )
    with pytest.raises(PlanOutOfDateError, match="resources of the instance"):
        Plan.objects.get().execute(by=bob)


# With the real engine


@pytest.fixture
def real_plan(bob, carol, gated, terraform):
    """Approved by carol, made by a real Terraform."""
    plan = asked(bob, gated, values={"name": "one", "password": "s3cret-word"})
    work()
    plan.refresh_from_db()
    assert plan.status == "ApplicationInProgress", plan.status_message
    return approved(plan, carol)


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_what_was_approved_runs_and_the_trail_says_so(real_plan, bob):
    real_plan.execute(by=bob)
    work()
    plan = Plan.objects.get()
    assert plan.status == "ExecuteSuccess", plan.status_message
    assert Instance.objects.get().status == "Available"
    said = AuditEntry.objects.get(action="ApprovePlan").after
    ran = AuditEntry.objects.get(action="ApplyPlan")
    assert ran.before["digest"] == said["digest"]
    assert ran.after["digest"] == said["digest"]
    assert ran.after["file_digest"] == said["file_digest"]


def swap(plan):
    plan.file = b"another plan"
    plan.save(update_fields=["file"])


def lose(plan):
    plan.file = None
    plan.save(update_fields=["file"])


def age(plan):
    Plan.objects.update(engine_version="terraform 0.1")


def expire(plan):
    Plan.objects.update(expires_at=now() - timedelta(seconds=1))


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("happens", "told"),
    [
        (swap, "does not match the preview"),
        (lose, "missing"),
        (age, "terraform 0.1"),
        (expire, "expired at"),
    ],
)
def test_nothing_is_computed_anew_for_a_plan_that_cannot_run(
    real_plan, bob, happens, told
):
    real_plan.execute(by=bob)
    with transaction.atomic():
        happens(Plan.objects.get())
    work()
    plan = Plan.objects.get()
    assert plan.status == "ExecuteFailed"
    assert told in plan.status_message
    assert not plan.instance.resources.exists()
    assert not AuditEntry.objects.filter(action="ApplyPlan").exists()


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_a_termination_is_previewed_approved_and_run(real_plan, bob, carol):
    real_plan.execute(by=bob)
    work()
    plan = asked_of(Instance.objects.get(), bob, kind="TerminateProvisionedProduct")
    work()
    plan = approved(Plan.objects.get(pk=plan.pk), carol)
    assert [change["action"] for change in plan.changes] == ["Remove"]
    plan.execute(by=bob)
    work()
    assert Instance.objects.get().terminated_at


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
@pytest.mark.template('variable "name" {}\nlocals { x = var.missing }\n')
def test_the_end_of_an_instance_without_resources_needs_no_template(bob, carol, gated):
    instance = InstanceFactory(
        version=gated, owner=bob, portfolio=portfolio_of(gated), status="Error"
    )
    plan = asked_of(instance, bob, kind="TerminateProvisionedProduct")
    work()
    approved(Plan.objects.get(pk=plan.pk), carol).execute(by=bob)
    work()
    assert Instance.objects.get().terminated_at
