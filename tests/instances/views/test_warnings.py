"""Warnings, failed checks and imports on the pages."""

import pytest
from django.urls import reverse

from instances.models import Instance, Plan, ProvisioningSpec, Resource, TaskDiagnostics
from instances.models.warning import after_apply, merged
from tests.factories import (
    InstanceFactory,
    RegionFactory,
    VersionFactory,
    launchable,
)
from tests.instances.doors import work
from tests.instances.planning import CHANGE, asked, previewed
from tests.instances.running import with_task

CHECK_TF = """\
variable "a" {
  default = "y"
}

check "c" {
  assert {
    condition     = var.a != "y"
    error_message = "Not y."
  }
}
"""
IMPORT_TF = """\
resource "terraform_data" "one" {
  input = "x"
}

resource "terraform_data" "two" {}

import {
  to = terraform_data.one
  id = "abc"
}

import {
  to = terraform_data.two
  id = "def"
}
"""
engine = pytest.mark.engine


def warning(summary="Deprecated", stage="plan", **facts):
    return {
        "summary": summary,
        "detail": "Use another.",
        "address": "",
        "file": "main.tf",
        "line": 3,
        "stage": stage,
    } | facts


def launched_from(user, version):
    spec = ProvisioningSpec(version, version.product.portfolios.get(), {}, {})
    task = Instance.objects.launch(spec, name="shop", region=RegionFactory(), by=user)
    return task.instance


def text_of(browser, url, **headers):
    page = browser.get(url, headers=headers)
    assert page.status_code == 200
    return page.content.decode()


@engine
@pytest.mark.usefixtures("terraform")
@pytest.mark.django_db(transaction=True)
def test_a_failed_check_is_shown_on_review_task_and_instance(browser, alice):
    version = launchable(alice, source=CHECK_TF)
    plan = asked(alice, version, values={"a": "y"})
    work()
    review = text_of(browser, plan.get_absolute_url())
    assert "Check block assertion failed" in review
    assert "1 warning" in review
    instance = launched_from(alice, version)
    work()
    instance.refresh_from_db()
    assert instance.status == Instance.Status.AVAILABLE
    for url in (instance.get_absolute_url(), instance.last_task.get_absolute_url()):
        page = text_of(browser, url)
        assert "1 warning" in page
        assert page.count("Not y.") >= 1
    assert [each["stage"] for each in TaskDiagnostics.objects.get().warnings] == [
        "apply"
    ]


@engine
@pytest.mark.usefixtures("terraform")
@pytest.mark.django_db(transaction=True)
def test_an_import_is_shown_on_review_task_and_termination_dialog(browser, alice, htmx):
    version = launchable(alice, source=IMPORT_TF)
    plan = asked(alice, version, values={})
    work()
    review = text_of(browser, plan.get_absolute_url())
    assert "2 to import" in review
    assert "(<code>abc</code>)" in review
    instance = launched_from(alice, version)
    work()
    instance.refresh_from_db()
    task = text_of(browser, instance.last_task.get_absolute_url())
    assert "2 imported" in task
    assert "(<code>def</code>)" in task
    kept = Resource.objects.order_by("address").values_list("imported_id", flat=True)
    assert [*kept] == ["abc", "def"]
    url = reverse("instances:instance-terminate", args=[instance.pk])
    dialog = text_of(browser, url, **htmx)
    assert "(imported: abc)" in dialog
    assert "2 of these resources were imported" in dialog


@pytest.mark.django_db
def test_the_preview_shows_an_import_without_a_change(browser, alice):
    change = CHANGE.__class__(
        **{**CHANGE.__dict__, "action": "None", "imported": "abc"}
    )
    plan = previewed(
        asked(alice, launchable(alice, source=""), values={}), changes=[change]
    )
    page = text_of(browser, plan.get_absolute_url())
    assert "1 to import" in page


@pytest.mark.django_db
def test_a_preview_of_an_earlier_release_has_no_imports(browser, alice):
    plan = previewed(asked(alice, launchable(alice, source=""), values={}))
    changes = [{k: v for k, v in plan.changes[0].items() if k != "imported"}]
    Plan.objects.filter(pk=plan.pk).update(changes=changes)
    assert "to import" not in text_of(browser, plan.get_absolute_url())


@pytest.mark.django_db
def test_a_repeated_preview_drops_its_warnings(alice):
    plan = previewed(asked(alice, launchable(alice, source=""), values={}))
    plan.warnings = [warning()]
    plan.forget()
    assert plan.warnings == []


@pytest.mark.django_db
def test_warnings_are_escaped_and_keep_line_breaks(browser, alice):
    instance = InstanceFactory(owner=alice)
    task = with_task(instance, status="Succeeded", state="ended")
    found = [warning(detail="<b>one\ntwo", address='a.b["<i>"]')]
    TaskDiagnostics.objects.create(task=task, warnings=found)
    page = text_of(browser, instance.get_absolute_url())
    assert '<span class="prewrap">&lt;b&gt;one\ntwo</span>' in page
    assert "a.b[&quot;&lt;i&gt;&quot;]" in page
    assert "main.tf:3" in page


@pytest.mark.django_db
def test_the_warnings_of_a_valid_version_are_shown(admin_browser):
    version = VersionFactory()
    problem = {"severity": "warning", "message": "Old.", "file": "main.tf", "line": 2}
    version.checks.create(state="ended", status="Succeeded", problems=[problem])
    url = reverse("manage:version-detail", args=[version.product_id, version.pk])
    page = text_of(admin_browser, url)
    assert "1 warning" in page
    assert "Old." in page


def test_a_warning_repeated_by_apply_is_stored_once():
    repeated = warning(stage="apply")
    assert merged([warning()], [repeated]) == [repeated]


def test_after_an_apply_only_its_own_checks_are_shown():
    check = "Check block assertion known after apply"
    known = [
        warning(),
        warning(check),
        warning("Check block assertion failed", "apply"),
    ]
    assert after_apply(known) == [known[0], known[2]]
