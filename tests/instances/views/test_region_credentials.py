"""*Test credentials*: an empty plan with the credentials of a region"""

import pytest
from django.urls import reverse

from instances.models import Check
from instances.worker.check_run import ALIBABA_CLOUD, AWS, NO_CLOUD, PROBES, probe_for
from instances.worker.loop import Worker
from tests.factories import RegionFactory
from tests.markup import compact

pytestmark = pytest.mark.django_db


@pytest.fixture
def region():
    return RegionFactory(credentials={"SOME_TOKEN": "s3cret-token"})


def credentials_url(region):
    return reverse("instances:region-test", args=[region.pk])


@pytest.mark.parametrize(
    ("name", "probe"),
    [
        ("AWS_ACCESS_KEY_ID", AWS),
        ("ALICLOUD_ACCESS_KEY", ALIBABA_CLOUD),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", ALIBABA_CLOUD),
        ("TF_VAR_token", NO_CLOUD),
    ],
)
def test_the_names_of_the_credentials_identify_the_cloud(name, probe):
    assert probe_for(RegionFactory(id="r-1", credentials={name: "x"})) == probe


def test_the_test_is_queued_once(admin_browser, region):
    admin_browser.post(credentials_url(region))
    admin_browser.post(credentials_url(region))
    assert Check.objects.get().region == region


def test_the_page_polls_while_it_runs(admin_browser, region, htmx):
    admin_browser.post(credentials_url(region))
    assert b'hx-trigger="tick' in admin_browser.get(credentials_url(region)).content
    assert admin_browser.get(credentials_url(region), headers=htmx).status_code == 204


@pytest.mark.engine
@pytest.mark.usefixtures("terraform")
@pytest.mark.django_db(transaction=True)
def test_the_result_is_shown(admin_browser, region):
    admin_browser.post(credentials_url(region))
    Worker().work(once=True)
    page = compact(admin_browser.get(credentials_url(region)))
    assert 'data-status="Succeeded"' in page
    assert "The credentials were not tested" in page
    assert "s3cret-token" not in page


@pytest.mark.engine
@pytest.mark.usefixtures("terraform")
@pytest.mark.django_db(transaction=True)
def test_a_failure_shows_its_reason(admin_browser, monkeypatch, region):
    broken = 'output "broken" {\n  value = tonumber("x")\n}\n'
    monkeypatch.setitem(PROBES, "SOME_", broken)
    admin_browser.post(credentials_url(region))
    Worker().work(once=True)
    page = admin_browser.get(credentials_url(region)).content.decode()
    assert "The test failed" in page
    assert "Invalid function argument" in page


def test_a_tested_region_can_be_deleted(admin, region):
    Check.objects.ask(region, by=admin)
    region.remove(by=admin)
    assert not Check.objects.exists()
