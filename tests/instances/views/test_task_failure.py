"""The failure of a task on its pages, and POST /instances/<pk>/retry/"""

import pytest

from console.lib.audit import AuditEntry
from instances.models import KnownError, StateVersion, Task, TaskDiagnostics
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    VersionFactory,
)
from tests.instances.running import failed, log, running, with_task
from tests.markup import compact

SECRET = "hunter2-hunter2"
FILES = {
    "main.tf": """\
variable "size" {
  type        = number
  description = "{\\"Label\\":{\\"en\\":\\"Size of it\\"}}"
}

variable "secret_key" {
  type      = string
  sensitive = true
}
"""
}
VALUES = {"parameters": {"size": 3}, "secrets": {"secret_key": SECRET}}
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.template(FILES),
]


@pytest.fixture
def killed(instance):
    """A launch that was killed with one resource recorded and one in flight."""
    for name, status in (
        ("kept", "CREATE_COMPLETE"),
        ("flying", "CREATE_IN_PROGRESS"),
        ("never", "CREATE_FAILED"),
    ):
        instance.resources.create(
            address=f"a.{name}", name=name, type="a", status=status
        )
    task = fail(instance)
    TaskDiagnostics.objects.create(task=task, interrupted=True, in_flight=["a.flying"])
    return task


@pytest.fixture
def card(db):
    return KnownError.objects.create(title="Q", pattern="quota", explanation="Ask.")


def fail(instance, **values):
    return failed(instance, **{"portfolio": instance.portfolio, **VALUES, **values})


def failure_texts(browser, task):
    """Return the section about the failure, which both pages have."""
    found = []
    for url in (task.get_absolute_url(), f"/instances/{task.instance_id}/"):
        page = compact(browser.get(url))
        assert SECRET not in page
        start = page.index('id="task-failure"')
        found.append(page[start : page.index("</section>", start)])
    return found


def test_it_lists_recorded_resources_and_those_in_flight(browser, killed):
    for page in failure_texts(browser, killed):
        assert "Interrupted while changing resources" in page
        existing = page[page.index("Recorded resources") :]
        assert "a.kept" in existing
        assert "a.flying" not in existing
        assert "a.never" not in existing
        flying = page[
            page.index("Resources being changed when") : page.index(
                "Recorded resources"
            )
        ]
        assert "a.flying" in flying
        assert "These resources might exist without being recorded." in flying


def test_it_lists_ten_resources_and_counts_the_rest(browser, instance, killed):
    for number in range(25):
        instance.resources.create(
            address=f"b.n{number:02}", name="n", type="b", status="CREATE_COMPLETE"
        )
    for page in failure_texts(browser, killed):
        existing = page[page.index("Recorded resources") :]
        assert existing.count("b.n") == 9
        assert "16" in existing


def test_the_permitted_actions_are_buttons(browser, instance, killed):
    for page in failure_texts(browser, killed):
        assert f'action="/instances/{instance.pk}/retry/"' in page
        assert f'name="task" value="{killed.pk}"' in page
        assert f'href="/instances/{instance.pk}/update/?from={killed.pk}"' in page
        assert f'href="/instances/{instance.pk}/terminate/"' in page


def test_a_failed_termination_can_only_be_retried(browser, instance):
    for page in failure_texts(browser, fail(instance, kind=Task.Kind.TERMINATE)):
        assert "/retry/" in page
        assert "?from=" not in page
        assert "Clean up" not in page


@pytest.mark.parametrize(
    ("kind", "covered", "way"),
    [
        (Task.Kind.LAUNCH, "UpdateProvisionedProduct", "update/?from="),
        (Task.Kind.TERMINATE, "TerminateProvisionedProduct", "terminate/plan/"),
    ],
)
def test_a_failure_that_needs_approval_only_offers_a_plan(
    browser, instance, portfolio, kind, covered, way
):
    portfolio.constraints.create(
        kind="Approval",
        product=instance.product,
        config={"OperationTypes": [covered], "Approvers": []},
    )
    task = fail(instance, kind=kind)
    for page in failure_texts(browser, task):
        assert "The next step requires approval" in page
        assert "/retry/" not in page
        assert way in page
    answer = browser.post(
        f"/instances/{instance.pk}/retry/", {"task": task.pk}, follow=True
    )
    assert "requires approval" in answer.content.decode()
    assert Task.objects.count() == 1


def test_a_product_no_longer_shared_only_offers_clean_up(
    browser, admin_browser, portfolio, killed
):
    portfolio.grants.all().delete()
    for page in failure_texts(browser, killed):
        assert "no longer shared with you" in page
        assert "/retry/" not in page
        assert "?from=" not in page
        assert "Clean up" in page
    assert "/retry/" in admin_browser.get(killed.get_absolute_url()).content.decode()


def test_an_older_failure_has_no_actions(browser, instance):
    older = fail(instance)
    with_task(instance, ended=True)
    page = compact(browser.get(older.get_absolute_url()))
    section = page[page.index('id="task-failure"') :]
    for button in ("/retry/", "?from=", "Clean up", "Recorded resources"):
        assert button not in section


@pytest.mark.parametrize("make", [running, with_task])
def test_a_running_task_has_no_failure(browser, instance, make):
    task = make(instance)
    for url in (task.get_absolute_url(), f"/instances/{instance.pk}/"):
        assert b"task-failure" not in browser.get(url).content


# POST retry/


def test_retry_redirects_to_the_new_task(browser, instance, killed):
    response = browser.post(f"/instances/{instance.pk}/retry/", {"task": killed.pk})
    new = Task.objects.exclude(pk=killed.pk).get()
    assert response["Location"] == new.get_absolute_url()
    assert (new.kind, new.values) == (
        Task.Kind.UPDATE,
        {"size": 3, "secret_key": SECRET},
    )
    assert AuditEntry.objects.filter(action="RetryTask", actor_name="alice").exists()


def test_an_administrator_can_retry_for_the_owner(admin_browser, instance, killed):
    admin_browser.post(f"/instances/{instance.pk}/retry/", {"task": killed.pk})
    assert Task.objects.count() == 2


def test_another_user_cannot_retry(client, bob, instance, killed):
    client.force_login(bob)
    url = f"/instances/{instance.pk}/retry/"
    assert client.post(url, {"task": killed.pk}).status_code == 404
    assert Task.objects.count() == 1


def refused(browser, instance, task):
    url = f"/instances/{instance.pk}/retry/"
    page = browser.post(url, {"task": task}, follow=True).content.decode()
    assert Task.objects.count() == 1
    return page


@pytest.mark.parametrize("sent", ["", "task-bp1missing00000", "x" * 5000])
def test_only_the_failed_task_can_be_retried(browser, instance, killed, sent):
    assert "This task cannot be retried" in refused(browser, instance, sent)


def test_a_retry_of_an_inactive_version_is_refused(
    browser, instance, version, portfolio
):
    gone = VersionFactory(product=version.product, template=version.template)
    task = fail(instance, kind=Task.Kind.UPDATE, version=gone)
    gone.active = False
    gone.save()
    page = refused(browser, instance, task.pk)
    assert "This task cannot be retried as it is." in page
    assert "Choose Edit and retry" in page


def test_a_retry_without_a_grant_is_refused(browser, instance, portfolio, killed):
    portfolio.grants.all().delete()
    assert "no longer shared with you" in refused(browser, instance, killed.pk)


def test_a_new_constraint_applies_to_a_retry(browser, instance, portfolio, killed):
    portfolio.constraints.create(
        kind="Template",
        product=instance.product,
        config={"Rules": [{"ParameterKey": "size", "AllowedValues": ["1"]}]},
    )
    assert "Choose one of the allowed values" in refused(browser, instance, killed.pk)


def test_a_retry_with_a_deleted_launch_option_is_refused(
    browser, instance, portfolio, version, alice, killed
):
    PortfolioFactory(products=[version.product], users=[alice])
    portfolio.delete()
    assert "launch option of this task has been deleted" in refused(
        browser, instance, killed.pk
    )


# Edit and retry


def test_edit_and_retry_starts_with_the_failed_values_and_keeps_secrets(
    browser, instance, version
):
    with_task(instance, ended=True, parameters={"size": 1}, secrets={"secret_key": "x"})
    task = fail(instance, kind=Task.Kind.UPDATE)
    url = f"/instances/{instance.pk}/update/"
    page = browser.get(url, {"from": task.pk})
    text = compact(page)
    assert SECRET not in text
    assert f"Filled in with the values of task {task.pk}" in text
    assert f'name="from" value="{task.pk}"' in text
    form = page.context["form"]
    sent = {
        "shown": form.choices_key,
        "base_task": task.pk,
        "from": task.pk,
        "version": version.pk,
        "portfolio": instance.portfolio_id,
        "parameters-size": "5",
        "parameters-secret_key": "",
    }
    response = browser.post(url, sent)
    assert response.status_code == 302, response.context["form"].errors
    draft = instance.plans.get()
    assert draft.values == {"size": 5, "secret_key": SECRET}


def test_the_values_of_another_instances_task_are_a_404(browser, instance, bob):
    foreign = fail(InstanceFactory(owner=bob, version=instance.version))
    url = f"/instances/{instance.pk}/update/"
    assert browser.get(url, {"from": foreign.pk}).status_code == 404


# Diagnostics


def test_a_known_error_is_explained_above_the_log(browser, instance):
    KnownError.objects.create(
        title="Quota",
        pattern="quota ?exceeded",
        explanation="Ask <b>Ada</b>.\n\nShe helps.",
        link="https://wiki.example.test/q",
    )
    task = fail(instance, message="Error: it failed")
    log(task, "QuotaExceeded: no more", level="error")
    for page in failure_texts(browser, task):
        assert "data-known-error" in page
        assert "<p>Ask &lt;b&gt;Ada&lt;/b&gt;.</p>" in page
        assert 'href="https://wiki.example.test/q" rel="noopener noreferrer"' in page
    whole = compact(browser.get(task.get_absolute_url()))
    assert whole.index("data-known-error") < whole.index('id="task-log"')


@pytest.mark.parametrize("place", ["output/", "parameters/"])
def test_a_known_error_is_explained_on_each_tab(browser, instance, place):
    KnownError.objects.create(title="Q", pattern="quota", explanation="Ask.")
    task = fail(instance)
    log(task, "quota", level="error")
    page = browser.get(f"{task.get_absolute_url()}{place}").content.decode()
    assert "data-known-error" in page


def test_the_failing_resource_and_its_parameter_are_named(browser, instance):
    task = fail(instance)
    TaskDiagnostics.objects.create(
        task=task, address="a.web", file="main.tf", line=7, parameter="size"
    )
    for page in failure_texts(browser, task):
        assert "a.web" in page
        assert "main.tf:7" in page
        assert "Size of it" in page
        assert "size = 3" in page


def test_a_secret_parameter_is_named_without_its_value(browser, instance):
    task = fail(instance)
    TaskDiagnostics.objects.create(task=task, parameter="secret_key")
    for page in failure_texts(browser, task):
        assert "secret_key = ******" in page


def test_an_unknown_source_is_not_shown(browser, instance):
    for page in failure_texts(browser, fail(instance)):
        assert "Failed resource" not in page
        assert "Related parameter" not in page


def record_state(instance, serial, **values):
    return StateVersion.objects.create(
        instance=instance,
        lineage="l",
        serial=serial,
        digest=f"{serial}" * 64,
        body=b"",
        **values,
    )


def test_the_diagnostics_show_stages_states_and_digests(browser, instance, killed):
    TaskDiagnostics.objects.filter(task=killed).update(exit_code=1, ended_in="apply")
    Task.objects.filter(pk=killed.pk).update(worker="w-1", host="h-1", epoch=2)
    record_state(instance, 3, created_at=killed.started_at.replace(year=2020))
    record_state(instance, 4, task=killed)
    record_state(instance, 7, task=killed)
    log(killed, "fine")
    log(killed, "Error: broken", offset=9, level="error")
    page = compact(browser.get(killed.get_absolute_url()))
    diagnostics = page[page.index('id="task-diagnostics"') :]
    for fact in (
        "3 → 7",
        "7" * 12,
        "w-1",
        "h-1",
        "claimed 2 times",
        "Initialize providers",
    ):
        assert fact in diagnostics
    assert '1 <span class="sub">apply</span>' in diagnostics
    assert '<li id="task-event" data-level="error">' in page
    assert page.count('log/#task-event"') == 2


def test_a_success_links_to_its_log_line(browser, instance):
    task = with_task(instance, ended=True)
    log(task, "Creation complete", level="complete")
    log(task, "Apply complete!", offset=9, level="complete")
    page = compact(browser.get(task.get_absolute_url()))
    assert page.count('id="task-event"') == 1
    assert page.index("Creation complete") < page.index('id="task-event"')


@pytest.mark.parametrize("place", ["", "log/", "output/", "parameters/", "progress/"])
def test_a_failed_task_takes_eight_queries(
    browser, killed, card, place, django_assert_max_num_queries
):
    log(killed, "Error: broken", level="error")
    older = fail(InstanceFactory(owner=killed.instance.owner))
    with_task(older.instance, ended=True)
    for each in (killed, older):
        with django_assert_max_num_queries(8):
            browser.get(f"{each.get_absolute_url()}{place}")


@pytest.mark.parametrize("tab", ["", "resources/", "tags/", "plans/"])
def test_the_instance_of_a_failed_task_takes_eight_queries(
    browser, killed, card, tab, django_assert_max_num_queries
):
    log(killed, "Error: broken", level="error")
    with django_assert_max_num_queries(8):
        browser.get(f"/instances/{killed.instance_id}/{tab}")


def test_each_approval_constraint_requires_a_plan(browser, killed, portfolio, instance):
    """Constraints of another operation, portfolio or product do not apply."""

    def constrain(target, product, *operations):
        target.constraints.create(
            kind="Approval",
            product=product,
            config={"OperationTypes": [*operations], "Approvers": []},
        )

    other = PortfolioFactory(products=[instance.product])
    constrain(other, instance.product, Task.Kind.UPDATE)
    constrain(portfolio, instance.product, Task.Kind.TERMINATE)
    url = killed.get_absolute_url()
    assert browser.get(url).context["failure"].may_retry
    portfolio.constraints.all().delete()
    constrain(portfolio, instance.product, Task.Kind.LAUNCH, Task.Kind.UPDATE)
    assert not browser.get(url).context["failure"].may_retry
