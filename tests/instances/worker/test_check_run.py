"""A version made in the pages becomes active when `init` and `validate` have passed."""

import pytest

from catalog.models import Version
from instances.models import Check
from tests.factories import MAIN_TF, ProductFactory, TemplateFactory, VersionFactory
from tests.form_fields import Fields
from tests.instances.doors import work

pytestmark = [
    pytest.mark.engine,
    pytest.mark.usefixtures("terraform"),
    pytest.mark.django_db(transaction=True),
]
BROKEN_TF = MAIN_TF + 'resource "terraform_data" "more" {\n  input = var.missing\n}\n'


def publish(admin, source=MAIN_TF, **kwargs):
    return Version.objects.publish(
        product=ProductFactory(),
        template=TemplateFactory(files={"main.tf": source}),
        name="1.0",
        by=admin,
        **kwargs,
    )


def page_of(version):
    return f"/manage/products/{version.product_id}/versions/{version.pk}/"


def test_a_good_version_becomes_active_by_itself(admin):
    version = publish(admin, checked_first=True)
    assert not version.active
    work()
    version.refresh_from_db()
    assert version.active
    assert version.checks.get().status == "Succeeded"


def test_a_bad_version_stays_inactive_and_names_file_and_line(admin, admin_browser):
    version = publish(admin, BROKEN_TF, checked_first=True)
    work()
    version.refresh_from_db()
    assert not version.active
    problem = version.checks.get().problems[0]
    assert (problem["file"], problem["line"]) == ("main.tf", 14)
    page = admin_browser.get(page_of(version)).content.decode()
    assert "main.tf:14" in page
    assert "Activate anyway" in page


def test_it_can_be_activated_in_spite_of_a_failure(admin, admin_browser):
    version = publish(admin, BROKEN_TF, checked_first=True)
    work()
    shown = Fields(admin_browser.get(page_of(version)).content.decode()).sent
    admin_browser.post(f"{page_of(version)}activate/", {"seen": shown["seen"]})
    version.refresh_from_db()
    assert version.active


def test_a_version_of_the_api_is_usable_at_once_and_flagged_later(admin):
    version = publish(admin, BROKEN_TF)
    assert version.active
    work()
    version.refresh_from_db()
    assert version.active
    assert version.checks.get().status == "Failed"


def test_the_page_polls_until_the_check_has_ended(admin, admin_browser):
    version = publish(admin, checked_first=True)
    assert b'hx-trigger="tick' in admin_browser.get(page_of(version)).content
    assert admin_browser.get(f"{page_of(version)}check/").status_code == 204
    work()
    ended = admin_browser.get(f"{page_of(version)}check/")
    assert ended["HX-Refresh"] == "true"
    assert b'hx-trigger="tick' not in admin_browser.get(page_of(version)).content


def test_a_version_never_checked_can_be_checked_now(admin_browser):
    version = VersionFactory()
    page = f"/manage/products/{version.product_id}/versions/{version.pk}/"
    assert b"Check now" in admin_browser.get(page).content
    admin_browser.post(f"{page}recheck/")
    assert version.checks.get().running
    assert b"Check now" not in admin_browser.get(page).content


def test_it_can_be_checked_again(admin, admin_browser):
    version = publish(admin)
    work()
    admin_browser.post(f"{page_of(version)}recheck/")
    assert Check.objects.get().running


def test_end_users_do_not_see_it(admin, browser):
    version = publish(admin)
    for part in ("", "check/"):
        assert browser.get(f"{page_of(version)}{part}").status_code == 404
    for part in ("recheck/", "activate/"):
        assert browser.post(f"{page_of(version)}{part}").status_code == 404


def test_the_product_page_flags_a_version_whose_check_failed(admin, admin_browser):
    version = publish(admin, BROKEN_TF)
    product = f"/manage/products/{version.product_id}/"
    assert b"Checking" in admin_browser.get(product).content
    work()
    assert b"Check failed" in admin_browser.get(product).content
