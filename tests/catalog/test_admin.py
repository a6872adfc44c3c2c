"""Django admin for data fixes: it opens, shows no secret, and leaves history alone."""

import pytest
from django.contrib import admin as site
from django.test import Client
from django.urls import reverse

from catalog.models import LaunchRole, Product, Template
from console.lib.audit import AuditEntry
from console.lib.people import Role, User
from tests.factories import (
    AdministratorFactory,
    PortfolioFactory,
    RegionFactory,
    VersionFactory,
)

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


def test_a_product_is_not_deleted_behind_the_back_of_its_history(fixer, world):
    url = reverse("admin:catalog_product_delete", args=[world.product_id])
    assert fixer.post(url, {"post": "yes"}).status_code == 403
    assert Product.objects.filter(pk=world.product_id).exists()


def test_the_principal_id_of_a_person_stays(fixer, bob):
    page = fixer.get(reverse("admin:console_user_change", args=[bob.pk]))
    assert bob.principal_id.encode() in page.content
    assert b'name="principal_id"' not in page.content
