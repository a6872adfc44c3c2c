"""The admin site of the catalog: data fixes without secrets, with reasons."""

import pytest
from django.contrib import admin as site
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import (
    Constraint,
    LaunchRole,
    Portfolio,
    Product,
    TagOption,
    Template,
)
from console.lib.audit import AuditEntry
from console.lib.users import Role, User
from instances.models import Instance, KnownError
from tests.factories import (
    AdministratorFactory,
    InstanceFactory,
    PortfolioFactory,
    RegionFactory,
    VersionFactory,
)
from tests.form_fields import sent_of
from tests.markup import compact

pytestmark = pytest.mark.django_db
MODELS = [m for m in site.site._registry if m._meta.app_label in ("catalog", "console")]


@pytest.fixture
def fixer():
    client = Client()
    client.force_login(AdministratorFactory(is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def world(admin):
    version = VersionFactory()
    PortfolioFactory(products=[version.product])
    RegionFactory(credentials={"KEY": "s3cret-value"})
    LaunchRole.objects.add(name="r", environment={"KEY": "s3cret-value"}, by=admin)
    return version


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_list_and_rows_open_without_a_secret(fixer, world, model):
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    pages = [fixer.get(reverse(f"{name}_changelist"))]
    for row in model._default_manager.all()[:1]:
        pages.append(fixer.get(reverse(f"{name}_change", args=[row.pk])))
    assert {page.status_code for page in pages} == {200}
    assert not any(b"s3cret" in page.content for page in pages)


def test_groups_are_shown_as_roles_only():
    assert {User, Role} <= set(MODELS)
    assert "Group" not in {model.__name__ for model in site.site._registry}


@pytest.mark.parametrize("model", [AuditEntry, Template])
def test_some_rows_are_only_shown(fixer, world, admin, model):
    row = model._default_manager.first()
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    for action in ("change", "delete"):
        url = reverse(f"{name}_{action}", args=[row.pk])
        assert fixer.post(url, {"post": "yes"}).status_code == 403


def test_product_with_history_cannot_be_deleted(fixer, world):
    url = reverse("admin:catalog_product_delete", args=[world.product_id])
    assert fixer.post(url, {"post": "yes"}).status_code == 403
    assert Product.objects.filter(pk=world.product_id).exists()


def test_principal_id_is_read_only(fixer, bob):
    page = fixer.get(reverse("admin:console_user_change", args=[bob.pk]))
    assert bob.principal_id.encode() in page.content
    assert b'name="principal_id"' not in page.content


CHANGED = [m for m in site.site._registry if m._meta.app_label != "admin"]


@pytest.fixture
def page_of(fixer, world, admin, rf):
    """Open the change page of one row; None for a table that is only shown."""
    KnownError.objects.add(title="T", pattern="p+", explanation="E", by=admin)
    InstanceFactory(version=world)
    TagOption.objects.offer(key="team", value="shop", by=admin)
    portfolio = Portfolio.objects.get()
    portfolio.grant(user=admin, by=admin)
    Constraint.objects.impose(
        kind="Launch",
        portfolio=portfolio,
        product=world.product,
        config={"LocalRoleName": "r"},
        by=admin,
    )

    def open_page(model):
        row = model._default_manager.first()
        request = rf.get("/")
        request.user = User.objects.filter(is_superuser=True).get()
        if row is None or not site.site._registry[model].has_change_permission(
            request, row
        ):
            return None, None, None
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        url = reverse(name, args=[row.pk])
        return row, url, fixer.get(url)

    return open_page


def test_editable_tables_are_known(page_of):
    found = {model.__name__ for model in CHANGED if page_of(model)[0] is not None}
    assert found == {
        "Constraint",
        "Instance",
        "KnownError",
        "Portfolio",
        "Product",
        "Region",
        "Role",
        "TagOption",
        "User",
        "Version",
    }


def admin_fields(page):
    fields = sent_of(page, page.context["adminform"].form)
    return {name: fields[name] for name in fields if not name.startswith("_")}


@pytest.mark.parametrize("model", CHANGED, ids=lambda model: model.__name__)
def test_correction_needs_a_reason_and_detects_concurrent_changes(
    fixer, page_of, model
):
    row, url, page = page_of(model)
    if row is None:
        return
    assert {"reason", "seen"} <= set(page.context["adminform"].form.fields)
    sent = admin_fields(page) | {"reason": "so"}
    if model is Instance:
        row.tags.create(key="behind", value="b")
    else:
        names = {"Constraint": "description", "KnownError": "title", "TagOption": "key"}
        name = names.get(model.__name__, "first_name" if model is User else "name")
        model._base_manager.filter(pk=row.pk).update(**{name: "Behind"})
    last = AuditEntry.objects.count()
    answer = fixer.post(url, sent)
    assert "Another change was saved first" in answer.content.decode()
    assert AuditEntry.objects.count() == last
    # The stored value is kept, because nothing was entered instead of it.
    again = fixer.post(url, admin_fields(answer))
    assert again.status_code == 302, again.context["adminform"].form.errors
    fresh = model._base_manager.get(pk=row.pk)
    if model is Instance:
        assert fresh.tags.filter(key="behind").exists()
    else:
        assert getattr(fresh, name) == "Behind"


def test_concurrent_grant_is_detected(fixer, page_of, bob, admin):
    portfolio, url, page = page_of(Portfolio)
    sent = admin_fields(page) | {"reason": "so", "name": "Mine"}
    portfolio.grant(user=bob, by=admin)
    assert "Another change was saved first" in fixer.post(url, sent).content.decode()


def test_correction_writes_only_changed_columns(fixer, page_of):
    _product, url, page = page_of(Product)
    with CaptureQueriesContext(connection) as queries:
        fixer.post(url, admin_fields(page) | {"reason": "so", "name": "Mine"})
    [update] = [q["sql"] for q in queries if 'UPDATE "catalog_product"' in q["sql"]]
    assert '"name" = ' in update
    assert "provider" not in update
    entry = AuditEntry.objects.get(action="UpdateProduct")
    assert (entry.after, entry.reason) == ({"name": "Mine"}, "so")


def test_deletion_needs_a_reason_and_is_audited(fixer, page_of):
    option, _url, _page = page_of(TagOption)
    url = reverse("admin:catalog_tagoption_delete", args=[option.pk])
    assert 'name="reason"' in compact(fixer.get(url))
    asked = compact(fixer.post(url, {"post": "yes"}))
    assert "Enter a reason" in asked
    assert TagOption.objects.exists()
    fixer.post(url, {"post": "yes", "reason": "a test"})
    entry = AuditEntry.objects.get(action="DeleteTagOption")
    assert (entry.before["key"], entry.before["value"]) == ("team", "shop")
    assert entry.reason == "a test"


def test_many_are_deleted_with_a_reason(fixer, page_of):
    option, _url, _page = page_of(TagOption)
    url = reverse("admin:catalog_tagoption_changelist")
    sent = {"action": "delete_selected", "_selected_action": [option.pk]}
    assert 'name="reason"' in compact(fixer.post(url, sent))
    assert "Enter a reason" in compact(fixer.post(url, sent | {"post": "yes"}))
    assert TagOption.objects.exists()
    fixer.post(url, sent | {"post": "yes", "reason": "tests"})
    assert not TagOption.objects.exists()
    assert AuditEntry.objects.get(action="DeleteTagOption").reason == "tests"
