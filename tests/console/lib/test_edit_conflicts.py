"""Forms that were opened before another user's change."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.models import (
    Constraint,
    LaunchRole,
    Portfolio,
    Product,
    Region,
    TagOption,
    Version,
)
from console.api.endpoint import OPERATIONS
from console.lib.edit_conflicts import EditConflictError
from console.lib.errors import ConflictError, NotFoundError
from instances.models import Instance, KnownError
from tests.access_table import BOTH, TABLE
from tests.factories import AdministratorFactory, ProductFactory, VersionFactory
from tests.form_fields import save, sent_of
from tests.markup import compact

pytestmark = pytest.mark.django_db
SECRET = "hunter2-hunter2"


def renamed(model, name="name", **others):
    """Change the record of this model as another administrator while a form is open."""

    def behind(everything, by):
        row = model.objects.get(pk=target(everything, model).pk)
        row.edit(**{name: "Theirs", **others}, by=by)

    return behind


def target(everything, model):
    return {
        Product: everything.product,
        Version: everything.version,
        Portfolio: everything.portfolio,
        TagOption: everything.option,
        Region: everything.region,
        LaunchRole: everything.launch_role,
        Constraint: everything.constraint,
        KnownError: KnownError.objects.first(),
    }[model]


def described(everything, by):
    row = Constraint.objects.get(pk=everything.constraint.pk)
    row.edit(config=row.config, description="Theirs", by=by)


def replaced(everything, by):
    role = LaunchRole.objects.get(pk=everything.launch_role.pk)
    role.edit(environment={"KEY": f"{SECRET}-theirs"}, by=by)


def transferred(everything, by):
    Instance.objects.get(pk=everything.instance.pk).transfer(to=by, by=by)


# Each form that edits: what another person does behind it, and what is typed meanwhile.
EDITS = {
    "manage/products/<str:pk>/edit/": (renamed(Product), {"name": "Mine"}),
    "manage/products/<str:pk>/versions/<str:version_pk>/edit/": (
        renamed(Version),
        {"name": "Mine"},
    ),
    "manage/portfolios/<str:pk>/edit/": (renamed(Portfolio), {"name": "Mine"}),
    "manage/portfolios/<str:pk>/constraints/<str:constraint_pk>/": (
        described,
        {"description": "Mine"},
    ),
    "manage/tag-options/<str:pk>/": (renamed(TagOption, "value"), {"value": "Mine"}),
    "manage/regions/<str:pk>/": (renamed(Region), {"name": "Mine"}),
    "manage/launch-roles/<str:pk>/": (
        replaced,
        {"environment": f"KEY={SECRET}-mine"},
    ),
    "instances/<str:pk>/transfer/": (transferred, {"to": "bob"}),
    "manage/known-errors/<str:pk>/": (renamed(KnownError, "title"), {"title": "Mine"}),
}
OWN = "only its owner changes it"
MAKES = "makes something and edits nothing"
ASKS = "asks before one step, which its verb checks"
# Why the others need no stamp.
OTHERS = {
    "products/<str:pk>/launch/": "carries a plan's stamp: test_plan_pages.py",
    "products/<str:pk>/launch/review/": MAKES,
    "instances/<str:pk>/terminate/": ASKS,
    "instances/<str:pk>/terminate/plan/": MAKES,
    "instances/<str:pk>/update/": (
        "carries the last task, and a plan's stamp: test_update_wizard.py, test_plan_pages.py"
    ),
    "instances/<str:pk>/update/review/": "carries the last task: test_update_wizard.py",
    "instances/<str:pk>/tasks/<str:task>/cancel/": ASKS,
    "instances/<str:pk>/tasks/<str:task>/reconcile/": ASKS,
    "instances/<str:pk>/reconcile/": ASKS,
    "plans/<str:pk>/execute/": ASKS,
    "plans/<str:pk>/cancel/": ASKS,
    "plans/<str:pk>/delete/": ASKS,
    "access-keys/<str:pk>/delete/": ASKS,
    "manage/products/new/": MAKES,
    "manage/products/<str:pk>/copy/": MAKES,
    "manage/products/<str:pk>/delete/": ASKS,
    "manage/products/<str:pk>/versions/new/": MAKES,
    "manage/products/<str:pk>/versions/<str:version_pk>/try/": MAKES,
    "manage/products/<str:pk>/versions/<str:version_pk>/delete/": ASKS,
    "manage/portfolios/new/": MAKES,
    "manage/portfolios/<str:pk>/delete/": ASKS,
    "manage/portfolios/<str:pk>/products/<str:product_pk>/remove/": ASKS,
    "manage/portfolios/<str:pk>/access/": MAKES,
    "manage/portfolios/<str:pk>/access/<int:grant_pk>/remove/": ASKS,
    "manage/portfolios/<str:pk>/constraints/new/": MAKES,
    "manage/portfolios/<str:pk>/constraints/<str:constraint_pk>/delete/": ASKS,
    "manage/tag-options/new/": MAKES,
    "manage/tag-options/<str:pk>/delete/": ASKS,
    "manage/regions/new/": MAKES,
    "manage/regions/<str:pk>/delete/": ASKS,
    "manage/regions/<str:pk>/test/": ASKS,
    "manage/known-errors/new/": MAKES,
    "manage/known-errors/<str:pk>/delete/": ASKS,
    "manage/launch-roles/new/": MAKES,
    "manage/launch-roles/<str:pk>/delete/": ASKS,
    "manage/people/<str:name>/": ASKS,
    "manage/people/<str:name>/second-factors/remove/": ASKS,
}


@pytest.fixture
def rival(db):
    return AdministratorFactory(username="rival")


def form_data(page):
    fields = sent_of(page, page.context["form"])
    fields.pop("try", None)
    return fields


def opened(client, url):
    """Open the page of a form; return the data that a browser would submit."""
    page = client.get(url)
    assert page.status_code == 200
    return page.context["form"], form_data(page)


def test_every_form_is_listed_as_editing_or_not():
    forms = {route for route, (_who, methods) in TABLE.items() if methods == BOTH}
    ours = {route for route in forms if not route.startswith("accounts/")}
    assert ours == set(EDITS) | set(OTHERS)


@pytest.mark.parametrize("route", EDITS)
def test_the_second_editor_sees_what_the_first_has_saved(
    everything, admin_browser, rival, route
):
    behind, typed = EDITS[route]
    url = everything.address(route)
    _form, fields = opened(admin_browser, url)
    behind(everything, rival)
    answer = admin_browser.post(url, fields | typed)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Changed by rival at " in text
    assert SECRET not in text
    if "environment" in typed:
        assert text.count("****** (new value)") == 2
    else:
        [(name, mine)] = typed.items()
        [row] = answer.context["form"].conflict.rows
        stored = "user/rival" if name == "to" else "Theirs"
        assert (row.mine, row.stored) == (mine, stored)
        assert form_data(answer)[name] == mine
    # To save all the same is a decision that is made after looking.
    again = form_data(answer) | {k: v for k, v in typed.items() if k == "environment"}
    assert admin_browser.post(url, again).status_code == 302


@pytest.mark.parametrize("route", EDITS)
def test_a_form_without_its_stamp_saves_nothing(everything, admin_browser, route):
    url = everything.address(route)
    _form, fields = opened(admin_browser, url)
    del fields["seen"]
    _behind, typed = EDITS[route]
    assert admin_browser.post(url, fields | typed).status_code == 409


@pytest.mark.parametrize("route", EDITS)
def test_a_form_without_concurrent_changes_is_saved(everything, admin_browser, route):
    url = everything.address(route)
    _form, fields = opened(admin_browser, url)
    _behind, typed = EDITS[route]
    assert admin_browser.post(url, fields | typed).status_code == 302


def test_a_deactivated_version_stays_inactive(everything, admin_browser, rival):
    """The whole form is submitted, including the unchanged check box *Active*."""
    version = everything.version
    url = everything.address("manage/products/<str:pk>/versions/<str:version_pk>/edit/")
    _form, fields = opened(admin_browser, url)
    assert fields["active"] == "on"
    Version.objects.get(pk=version.pk).edit(active=False, by=rival)
    answer = admin_browser.post(url, fields | {"description": "Mine"})
    [described, active] = answer.context["form"].conflict.rows
    assert (described.mine, described.stored, described.kept) == ("Mine", "–", False)
    assert (active.mine, active.stored, active.kept) == ("Yes", "No", True)
    assert admin_browser.post(url, form_data(answer)).status_code == 302
    version.refresh_from_db()
    assert (version.active, version.description) == (False, "Mine")


def test_the_activate_button_does_not_undo_a_deactivation(
    everything, admin_browser, rival
):
    version = VersionFactory(product=everything.product, active=False)
    seen = version.stamp
    version.edit(active=True, by=rival)
    version.edit(active=False, description="Withdrawn.", by=rival)
    url = f"/manage/products/{version.product_id}/versions/{version.pk}/activate/"
    assert admin_browser.post(url, {"seen": seen}).status_code == 409
    version.refresh_from_db()
    assert not version.active


def test_rules_that_another_user_has_changed_are_kept(everything, admin_browser, rival):
    rules = [{"ParameterKey": "name", "AllowedPattern": "[a]"}]
    constraint = Constraint.objects.impose(
        kind="Template",
        portfolio=everything.portfolio,
        product=everything.product,
        config={"Rules": rules},
        by=rival,
    )
    url = f"/manage/portfolios/{everything.portfolio.pk}/constraints/{constraint.pk}/"
    _form, fields = opened(admin_browser, url)
    rules = [{"ParameterKey": "name", "AllowedPattern": "[b]"}]
    constraint.edit(config={"Rules": rules}, by=rival)
    answer = admin_browser.post(url, fields | {"description": "Mine"})
    rows = {str(row.label): row for row in answer.context["form"].conflict.rows}
    assert "[a]" in rows["Rules"].mine
    assert "[b]" in rows["Rules"].stored
    assert admin_browser.post(url, form_data(answer)).status_code == 302
    constraint.refresh_from_db()
    assert constraint.config["Rules"][0]["AllowedPattern"] == "[b]"
    assert constraint.description == "Mine"


def test_a_deleted_record_is_not_created_again(admin):
    product = ProductFactory()
    Product.objects.get(pk=product.pk).remove(by=admin)
    with pytest.raises(NotFoundError):
        product.edit(name="New", by=admin)


def test_a_change_between_read_and_write_is_detected(admin, rival, monkeypatch):
    """The UPDATE matches only the row as it was read."""
    product = ProductFactory(name="Old")
    seen, writes = product.stamp, []

    def clean(self):
        if not writes:
            writes.append(Product.objects.filter(pk=self.pk).update(name="Theirs"))

    monkeypatch.setattr(Product, "clean", clean)
    with pytest.raises(EditConflictError):
        product.edit(name="Mine", by=admin, seen=seen)
    product.refresh_from_db()
    assert product.name != "Mine"


def test_without_a_stamp_the_second_attempt_writes_the_given_columns(
    admin, monkeypatch
):
    product = ProductFactory(name="Old", description="")
    writes = []

    def clean(self):
        if not writes:
            row = Product.objects.filter(pk=self.pk)
            writes.append(row.update(description="Theirs"))

    monkeypatch.setattr(Product, "clean", clean)
    product.edit(name="Mine", by=admin)
    product.refresh_from_db()
    assert (product.name, product.description) == ("Mine", "Theirs")


def test_an_old_object_does_not_write_old_values(admin):
    product = ProductFactory(name="Old", description="Old")
    one, two = (Product.objects.get(pk=product.pk) for _ in range(2))
    one.edit(description="New", by=admin)
    two.edit(name="New", by=admin)
    product.refresh_from_db()
    assert (product.name, product.description) == ("New", "New")


# What each call that changes something must name, and the columns that may be written.
CALLS = {
    "UpdateProduct": (
        lambda w: {
            "ProductId": w.product.pk,
            "ProductName": "N",
            "ProviderName": "P",
        },
        {"name", "provider"},
    ),
    "UpdateProductVersion": (
        lambda w: {"ProductVersionId": w.version.pk, "ProductVersionName": "9"},
        {"name"},
    ),
    "UpdatePortfolio": (
        lambda w: {
            "PortfolioId": w.portfolio.pk,
            "PortfolioName": "N",
            "ProviderName": "P",
        },
        {"name", "provider"},
    ),
    "UpdateConstraint": (
        lambda w: {
            "ConstraintId": w.constraint.pk,
            "Config": '{"StackRegions": ["cn-hangzhou"]}',
        },
        {"config"},
    ),
    "UpdateTagOption": (
        lambda w: {"TagOptionId": w.option.pk, "Active": False},
        {"active"},
    ),
}
# These queue a task or a new preview of everything that is asked for.
WHOLE = {"UpdateProvisionedProduct", "UpdateProvisionedProductPlan"}


def test_every_operation_that_changes_a_record_is_listed():
    named = {name for name in OPERATIONS if name.startswith("Update")}
    assert named == set(CALLS) | WHOLE


@pytest.mark.parametrize("name", CALLS)
def test_an_operation_writes_only_the_given_fields(everything, admin, name):
    params, columns = CALLS[name]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        OPERATIONS[name].run(params(everything), admin)
    [update] = [
        each["sql"] for each in queries if each["sql"].startswith('UPDATE "catalog_')
    ]
    assignments = update.partition(" SET ")[2].partition(" WHERE ")[0]
    # The folded columns follow the name.
    written = set(re.findall(r'"(\w+)" = ', assignments))
    assert written - {"name_key", "search_text"} == columns


def test_a_duplicate_name_is_reported(admin):
    version = VersionFactory(name="1.0")
    other = VersionFactory(product=version.product, name="2.0")
    with pytest.raises(ConflictError, match=r"already has a version 1\.0"):
        other.edit(name="1.0", by=admin)


def test_another_session_of_the_same_user_sees_the_conflict(everything, admin):
    first, second = Client(), Client()
    for each in (first, second):
        each.force_login(admin)
    url = everything.address("manage/products/<str:pk>/edit/")
    _form, fields = opened(first, url)
    save(second, url, {"name": "Second", "provider": "P"})
    answer = first.post(url, fields | {"name": "First"})
    assert "Changed by admin at " in compact(answer)
