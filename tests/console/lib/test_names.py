"""Names: normalization, invisible characters, uniqueness and search ignoring case."""

import unicodedata

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse

from catalog.models import LaunchRole, Portfolio, Product, Version
from console.lib.errors import ConflictError, InvalidInputError
from console.lib.names import check_name, fill, find_by_name, folded, normalized
from console.lib.users import Role, User
from instances.models import Instance, Plan
from tests.console.accounts.sign_in import sign_in, signed_in, with_password
from tests.factories import (
    InstanceFactory,
    PlanFactory,
    PortfolioFactory,
    ProductFactory,
    RoleFactory,
    UserFactory,
    VersionFactory,
)
from tests.form_fields import Fields
from tests.signing import Caller

COMPOSED = "Z\u00fcrich \u0416\u0423\u041a"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
BAD = {
    "control": "a\x07b",
    "line break": "a\nb",
    "tab": "a\tb",
    "bidirectional": "a\u202eb",
    "isolate": "a\u2066b",
    "zero width": "a\u200bb",
    "byte order mark": "\ufeffa",
    "soft hyphen": "a\u00adb",
    "filler": "\u3164",
    "braille blank": "\u2800",
    "only a mark": "\u0301",
    "dot": ".",
    "dots": "..",
}
bad_names = pytest.mark.parametrize("name", BAD.values(), ids=BAD)


@bad_names
def test_invisible_characters_are_refused(name):
    with pytest.raises(ValidationError):
        check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "web",
        "Größe 5",
        "\u6570\u636e\u5e93",
        "\u2764\ufe0f team",
        "a.b",
        "...",
        "\u0645\u0644\u0641",
    ],
)
def test_visible_characters_are_accepted(name):
    check_name(name)


def test_names_are_normalized():
    assert normalized(f"  {DECOMPOSED}\u00a0\u3000 x ") == f"{COMPOSED} x"
    assert normalized("a   b") == "a b"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u0416\u0423\u041a", "\u0436\u0443\u043a"),
        ("STRASSE", "stra\u00dfe"),
        (COMPOSED, DECOMPOSED.upper()),
        ("a  b", " A b "),
        (
            "\u03a3\u039f\u03a6\u039f\u03a3",
            "\u03c3\u03bf\u03c6\u03cc\u03c2".replace("\u03cc", "\u03bf"),
        ),
    ],
)
def test_names_are_compared_ignoring_case_in_any_alphabet(one, other):
    assert folded(one) == folded(other)


# Every verb that takes a name


def made_product(name, by):
    return Product.objects.publish(name=name, provider="IT", by=by)


def made_portfolio(name, by):
    return Portfolio.objects.open(name=name, provider="IT", by=by)


def made_role(name, by):
    return LaunchRole.objects.add(name=name, environment={"A": "b"}, by=by)


MAKERS = {"product": made_product, "portfolio": made_portfolio, "role": made_role}
every_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@every_maker
@bad_names
def test_the_verbs_refuse_invisible_characters(admin, make, name):
    with pytest.raises(InvalidInputError):
        make(name, admin)


@every_maker
def test_the_verbs_store_normalized_names(admin, make):
    record = make(f" {DECOMPOSED}  x", admin)
    record.refresh_from_db()
    assert record.name == f"{COMPOSED} x"


@every_maker
def test_names_are_unique_ignoring_case(admin, make):
    make(COMPOSED, admin)
    with pytest.raises(ConflictError) as refusal:
        make(DECOMPOSED.lower(), admin)
    assert refusal.value.code.startswith("DuplicateName.")


@pytest.mark.parametrize("make", [made_product, made_portfolio])
def test_a_name_cannot_be_changed_to_one_in_use(admin, make):
    make(COMPOSED, admin)
    other = make("other", admin)
    with pytest.raises(ConflictError) as refusal:
        other.edit(name=COMPOSED.upper(), by=admin)
    assert refusal.value.code.startswith("DuplicateName.")
    other.refresh_from_db()
    assert other.name == "other"
    other.edit(name="OTHER", by=admin)
    assert find_by_name(type(other).objects.all(), "other").pk == other.pk


def test_the_name_of_a_removed_product_can_be_reused(admin):
    made_product("web", admin).remove(by=admin)
    made_product("Web", admin)


def test_copies_get_a_free_name(admin):
    product = made_product("web", admin)
    names = [product.copy(by=admin).name for _ in range(3)]
    assert names == ["web (copy)", "web (copy 2)", "web (copy 3)"]


@bad_names
def test_version_names_are_checked(admin, name):
    version = VersionFactory()
    with pytest.raises(InvalidInputError):
        Version.objects.publish(
            product=version.product, template=version.template, name=name, by=admin
        )


@pytest.fixture
def launchable(alice):
    version = VersionFactory()
    InstanceFactory(version=version, owner=alice, name=COMPOSED)
    PortfolioFactory(products=[version.product], users=[alice])
    return version


def launch_params(version, name):
    return {
        "ProductId": version.product_id,
        "ProductVersionId": version.pk,
        "ProvisionedProductName": name,
        "StackRegionId": "cn-hangzhou",
    }


@bad_names
def test_instance_names_are_checked(alice, launchable, name):
    refusal = Caller.of(alice).refusal(
        "LaunchProduct", **launch_params(launchable, name)
    )
    assert refusal[1] in (
        "InvalidProvisionedProductName",
        "MissingProvisionedProductName",
    )


def test_instance_names_are_unique_in_any_alphabet(alice, launchable):
    refusal = Caller.of(alice).refusal(
        "LaunchProduct", **launch_params(launchable, DECOMPOSED.lower())
    )
    assert refusal == (400, "DuplicateName.ProvisionedProduct")


def test_the_database_enforces_unique_instance_names(alice, launchable):
    with pytest.raises(IntegrityError), transaction.atomic():
        InstanceFactory(name=COMPOSED.lower(), version=launchable)
    Instance.objects.update(terminated_at="2026-01-01T00:00:00Z")
    InstanceFactory(name=COMPOSED.lower(), version=launchable)


def new_plan(version, name, instance="prod"):
    return {**launch_params(version, instance), "PlanName": name, "PlanType": "Ros"}


def test_plan_names_are_checked_and_unique(alice, launchable):
    api = Caller.of(alice)
    for name in BAD.values():
        refusal = api.refusal(
            "CreateProvisionedProductPlan", **new_plan(launchable, name)
        )
        assert refusal[0] == 400, name
    api.call("CreateProvisionedProductPlan", **new_plan(launchable, DECOMPOSED))
    plan = Plan.objects.get()
    assert plan.name == COMPOSED
    again = new_plan(launchable, COMPOSED.lower(), "other")
    refusal = api.refusal("CreateProvisionedProductPlan", **again)
    assert refusal == (400, "DuplicateName.Plan")
    plan.cancel(by=alice)
    api.call("CreateProvisionedProductPlan", **again)


def test_the_wizard_suggests_a_free_name_for_a_plan(alice):
    PlanFactory(owner=alice, name="Shop")
    draft = PlanFactory(owner=alice, name="", draft=True, instance_name="shop")
    assert draft.free_name() == "shop 2"


# People and groups, in Django admin


@pytest.fixture
def superuser(admin):
    admin.is_staff = admin.is_superuser = True
    admin.save()
    return admin


def test_admin_refuses_duplicate_logins_and_groups(superuser, admin_browser):
    UserFactory(username="\u0416\u0443\u043a")
    RoleFactory(name="\u0416\u0443\u043a")
    word = {"password1": "a-long-enough-secret", "password2": "a-long-enough-secret"}
    for model, field in (("user", "username"), ("role", "name")):
        url = reverse(f"admin:console_{model}_add")
        for name in ("\u0436\u0443\u043a", ".", ".."):
            page = admin_browser.post(
                url, {field: name, "usable_password": "true"} | word
            )
            assert page.status_code == 200, (model, name)
    assert User.objects.filter(username="\u0436\u0443\u043a").count() == 0
    assert Role.objects.filter(name__in=("\u0436\u0443\u043a", ".", "..")).count() == 0


def test_admin_refuses_a_duplicate_product(superuser, admin_browser):
    product, other = ProductFactory(name="Web"), ProductFactory(name="Other")
    url = reverse("admin:catalog_product_change", args=[other.pk])
    fields = Fields(admin_browser.get(url).content.decode()).sent | {"reason": "so"}
    page = admin_browser.post(url, fields | {"name": "WEB"})
    assert "This name is already in use. Enter another name." in page.content.decode()
    assert admin_browser.post(url, fields | {"name": "Shop"}).status_code == 302
    other.refresh_from_db()
    assert (other.name, other.name_key) == ("Shop", "shop")
    assert product.name == "Web"


def test_a_login_is_found_ignoring_case_and_unicode_form(db):
    with_password(UserFactory(username="J\u00fcrgen"))
    for typed in ("j\u00fcrgen", unicodedata.normalize("NFD", "J\u00dcRGEN")):
        client, _ = sign_in(typed)
        assert signed_in(client), typed


# Search


@pytest.mark.parametrize(
    "typed",
    ["\u0436\u0443\u043a", "\u0416\u0423\u041a  z", " \u0416\u0443\u043a\u00a0Z"],
)
def test_searches_ignore_case_in_any_alphabet(
    alice, admin, browser, admin_browser, typed
):
    name = "My \u0416\u0443\u043a Zoo"
    version = VersionFactory(product=ProductFactory(name=name))
    PortfolioFactory(name=name, products=[version.product], users=[alice])
    InstanceFactory(version=version, owner=alice, name=name)
    PlanFactory(owner=alice, version=version, name=name)
    UserFactory(username="zoo", first_name="My \u0416\u0443\u043a", last_name="Zoo")
    for client, url in (
        (browser, "/products/"),
        (browser, "/instances/"),
        (browser, "/plans/"),
        (admin_browser, "/manage/products/"),
        (admin_browser, "/manage/portfolios/"),
    ):
        page = client.get(url, {"q": typed})
        found = page.content.decode().count("My \u0416\u0443\u043a")
        other = client.get(url, {"q": "nothing of it"}).content.decode()
        assert found > other.count("My \u0416\u0443\u043a"), url
    people = admin_browser.get("/manage/people/", {"q": typed})
    assert people.context["count"] == 1
    api, admin_api = Caller.of(alice), Caller.of(admin)
    for caller, action in (
        (api, "ListProvisionedProducts"),
        (api, "ListProductsAsEndUser"),
        (api, "ListProvisionedProductPlans"),
        (admin_api, "ListPortfolios"),
    ):
        condition = {"Key": "FullTextSearch", "Value": typed}
        answer = caller.call(action, Filters=[condition])
        assert answer["TotalCount"] == 1, action


def test_name_filters_ignore_case(alice):
    InstanceFactory(owner=alice, name="\u0416\u0443\u043a")
    answer = Caller.of(alice).call(
        "ListProvisionedProducts",
        Filters=[{"Key": "ProvisionedProductName", "Value": "\u0416\u0423\u041a"}],
    )
    assert answer["TotalCount"] == 1


# What an earlier release has stored


def test_duplicate_names_of_an_earlier_release_keep_working(admin):
    first, second = ProductFactory(name="\u0416\u0443\u043a"), ProductFactory(name="x")
    Product.objects.filter(pk=second.pk).update(
        name="\u0436\u0443\u043a", name_key="old"
    )
    Product.objects.update(search_text="", name_key=F("pk"))
    fill(
        apps.get_model("catalog", "Product"),
        lambda row: None if row.removed_at else "",
        reads=["removed_at"],
    )
    assert Product.objects.values("name_key").distinct().count() == 2
    assert (
        Product.objects.filter(search_text__contains="\u0436\u0443\u043a").count() == 2
    )
    for pk, name in (
        (first.pk, "\u0416\u0443\u043a"),
        (second.pk, "\u0436\u0443\u043a"),
    ):
        product = Product.objects.get(pk=pk)
        product.edit(description="changed", by=admin)
        product.save()
        product.refresh_from_db()
        assert (product.name, product.description) == (name, "changed")
        assert find_by_name(Product.objects.all(), name).pk == pk


def test_users_with_duplicate_logins_of_an_earlier_release_sign_in(db):
    one, other = UserFactory(username="Emil"), UserFactory(username="x")
    User.objects.filter(pk=other.pk).update(username="emil", name_key="emil\n9")
    with_password(one, "the-first-one-s-word")
    with_password(User.objects.get(pk=other.pk), "the-other-one-s-word")
    for name, word in (
        ("Emil", "the-first-one-s-word"),
        ("emil", "the-other-one-s-word"),
    ):
        client, _ = sign_in(name, word)
        assert signed_in(client), name


def test_update_of_a_name_updates_the_folded_columns(db):
    product = ProductFactory(name="one", description="about")
    Product.objects.filter(name="one").update(name="\u0416\u0443\u043a")
    product.refresh_from_db()
    assert product.name_key == "\u0436\u0443\u043a"
    assert product.search_text == "\u0436\u0443\u043a platform team about"
