"""Pages of administrators for portfolios, grants, constraints and tag options."""

import pytest
from django.urls import reverse

from catalog.models import Constraint, LaunchRole, Portfolio, Product, Region, TagOption
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    RoleFactory,
)
from tests.form_fields import save

pytestmark = pytest.mark.django_db


def manage_url(name, *objects):
    return reverse(f"manage:{name}", args=[each.pk for each in objects])


def constraint_url(portfolio, product, kind):
    url = manage_url("constraint-create", portfolio)
    return f"{url}?product={product.pk}&kind={kind}"


def test_a_portfolio_is_created(admin_browser):
    url = reverse("manage:portfolio-create")
    answer = admin_browser.post(url, {"name": "Cloud", "provider": "Team"})
    portfolio = Portfolio.objects.get()
    assert answer.url == manage_url("portfolio-detail", portfolio)


def test_portfolio_without_a_provider_is_refused(admin_browser):
    url = reverse("manage:portfolio-create")
    assert admin_browser.post(url, {"name": "Cloud"}).status_code == 422
    assert not Portfolio.objects.exists()


def test_a_portfolio_is_edited(admin_browser, portfolio):
    data = {"name": "New", "provider": "Team"}
    save(admin_browser, manage_url("portfolio-edit", portfolio), data)
    portfolio.refresh_from_db()
    assert portfolio.name == "New"


def test_deleting_a_portfolio_with_products_names_them(
    admin_browser, portfolio, version
):
    answer = admin_browser.post(manage_url("portfolio-delete", portfolio))
    assert answer.status_code == 422
    assert version.product.name.encode() in answer.content


def test_other_products_are_found_and_added(admin_browser, portfolio):
    wanted = ProductFactory(name="Database")
    url = manage_url("portfolio-detail", portfolio)
    found = admin_browser.get(url, {"find": "datab"}).context["candidates"]
    assert list(found) == [wanted]
    admin_browser.post(manage_url("portfolio-add-product", portfolio, wanted))
    assert wanted in portfolio.products.all()


def test_removing_a_product_needs_confirmation(admin_browser, portfolio, version):
    url = manage_url("portfolio-remove-product", portfolio, version.product)
    admin_browser.get(url)
    assert portfolio.products.exists()
    admin_browser.post(url)
    assert not portfolio.products.exists()


@pytest.mark.parametrize(
    ("field", "value"), [("user", "bob"), ("role", "Ops"), ("pattern", "user/*")]
)
def test_access_is_granted_to_a_person_a_group_or_a_pattern(
    admin_browser, portfolio, bob, field, value
):
    RoleFactory(name="Ops")
    admin_browser.post(manage_url("portfolio-access", portfolio), {field: value})
    assert value in map(str, portfolio.grants.all())


def test_access_for_an_unknown_user_is_refused(admin_browser, portfolio):
    answer = admin_browser.post(
        manage_url("portfolio-access", portfolio), {"user": "x"}
    )
    assert answer.status_code == 422
    assert [str(grant) for grant in portfolio.grants.all()] == ["alice"]


def test_removing_access_leaves_the_instances(admin_browser, portfolio, version, bob):
    grant = portfolio.grant(user=bob, by=bob)
    instance = InstanceFactory(version=version, owner=bob, portfolio=portfolio)
    url = manage_url("grant-remove", portfolio, grant)
    assert b"Running instances are kept" in admin_browser.get(url).content
    admin_browser.post(url)
    assert not Product.objects.visible_to(bob).exists()
    instance.refresh_from_db()
    assert instance.terminated_at is None


def test_a_grant_of_another_portfolio_is_not_found(admin_browser, portfolio, bob):
    grant = PortfolioFactory().grant(user=bob, by=bob)
    url = manage_url("grant-remove", portfolio, grant)
    assert admin_browser.post(url).status_code == 404


def test_a_launch_constraint_is_created(admin_browser, portfolio, version):
    url = constraint_url(portfolio, version.product, "Launch")
    admin_browser.post(url, {"role": "deployer", "description": "d"})
    constraint = Constraint.objects.get()
    assert constraint.config == {"LocalRoleName": "deployer"}


def test_a_second_launch_constraint_is_refused_on_the_page(
    admin_browser, portfolio, version
):
    url = constraint_url(portfolio, version.product, "Launch")
    admin_browser.post(url, {"role": "one"})
    assert admin_browser.post(url, {"role": "two"}).status_code == 422


def test_a_region_constraint_is_created(admin_browser, portfolio, version):
    RegionFactory(id="cn-hangzhou")
    url = constraint_url(portfolio, version.product, "StackRegion")
    admin_browser.post(url, {"regions": ["cn-hangzhou"]})
    assert Constraint.objects.get().config == {"StackRegions": ["cn-hangzhou"]}


def test_an_approval_constraint_is_created(admin_browser, portfolio, version, bob):
    url = constraint_url(portfolio, version.product, "Approval")
    data = {"operations": ["LaunchProduct"], "approvers": "user/bob\n"}
    admin_browser.post(url, data)
    assert Constraint.objects.get().config == {
        "OperationTypes": ["LaunchProduct"],
        "Approvers": [{"PrincipalType": "RamUser", "PrincipalName": "bob"}],
    }


@pytest.mark.parametrize("approvers", ["bob", "user/nobody", "group/bob", ""])
def test_unknown_approver_is_refused(admin_browser, portfolio, version, bob, approvers):
    url = constraint_url(portfolio, version.product, "Approval")
    data = {"operations": ["LaunchProduct"], "approvers": approvers}
    assert admin_browser.post(url, data).status_code == 422


def rules(*rows):
    data = {"rules-TOTAL_FORMS": len(rows) + 1, "rules-INITIAL_FORMS": 0}
    for number, row in enumerate(rows):
        data |= {f"rules-{number}-{key}": value for key, value in row.items()}
    return data


def test_empty_rows_of_template_rules_are_ignored(admin_browser, portfolio, version):
    url = constraint_url(portfolio, version.product, "Template")
    data = rules(
        {"parameter": "name", "values": "a\nb", "description": "a or b"},
        {"parameter": "name", "version": version.pk, "pattern": "[ab]"},
    )
    admin_browser.post(url, data)
    first, second = Constraint.objects.get().config["Rules"]
    assert (first["AllowedValues"], first["Description"]) == (["a", "b"], "a or b")
    assert (second["AllowedPattern"], second["RuleName"]) == ("[ab]", "rule-2")


@pytest.mark.parametrize(
    "row",
    [
        {"parameter": "name"},
        {"parameter": "name", "pattern": "x", "values": "x"},
        {"parameter": "nosuch", "pattern": "x"},
        {"parameter": "name", "pattern": "("},
    ],
)
def test_incomplete_rule_is_refused(admin_browser, portfolio, version, row):
    url = constraint_url(portfolio, version.product, "Template")
    answer = admin_browser.post(url, rules(row))
    assert answer.status_code == 422
    assert not Constraint.objects.exists()


def test_a_stored_constraint_is_shown_to_edit(admin_browser, portfolio, version):
    url = constraint_url(portfolio, version.product, "Template")
    admin_browser.post(url, rules({"parameter": "name", "pattern": "[ab]"}))
    constraint = Constraint.objects.get()
    url = manage_url("constraint-edit", portfolio, constraint)
    form = admin_browser.get(url).context["form"]
    assert form.rules[0]["pattern"].value() == "[ab]"
    data = rules({"parameter": "name", "pattern": "[abc]"})
    save(admin_browser, url, data | {"description": "wider"})
    constraint.refresh_from_db()
    assert constraint.config["Rules"][0]["AllowedPattern"] == "[abc]"
    assert constraint.description == "wider"


def test_a_constraint_on_a_product_elsewhere_is_not_found(admin_browser, portfolio):
    url = constraint_url(portfolio, ProductFactory(), "Launch")
    assert admin_browser.get(url).status_code == 404


def test_a_type_that_does_not_exist_is_not_found(admin_browser, portfolio, version):
    url = constraint_url(portfolio, version.product, "Quota")
    assert admin_browser.get(url).status_code == 404


def test_a_constraint_is_deleted(admin_browser, admin, portfolio, version):
    constraint = Constraint.objects.impose(
        kind="Launch",
        portfolio=portfolio,
        product=version.product,
        config={"LocalRoleName": "x"},
        by=admin,
    )
    admin_browser.post(manage_url("constraint-delete", portfolio, constraint))
    assert not Constraint.objects.exists()


def test_a_tag_option_is_created_edited_and_deleted(admin_browser):
    url = reverse("manage:tag-option-create")
    admin_browser.post(url, {"key": "team", "value": "web"})
    option = TagOption.objects.get()
    save(admin_browser, manage_url("tag-option-edit", option), {"value": "data"})
    option.refresh_from_db()
    assert (option.key, option.value, option.active) == ("team", "data", False)
    admin_browser.post(manage_url("tag-option-delete", option))
    assert not TagOption.objects.exists()


def test_a_tag_option_twice_is_refused(admin_browser):
    url = reverse("manage:tag-option-create")
    admin_browser.post(url, {"key": "team", "value": "web"})
    answer = admin_browser.post(url, {"key": "team", "value": "web"})
    assert answer.status_code == 422


@pytest.mark.parametrize("kind", ["product", "portfolio"])
def test_a_tag_option_is_attached_and_detached(
    admin, admin_browser, portfolio, version, kind
):
    resource = {"product": version.product, "portfolio": portfolio}[kind]
    option = TagOption.objects.offer(key="team", value="web", by=admin)
    admin_browser.post(manage_url(f"{kind}-tag-option-attach", resource, option))
    assert list(resource.tag_options.all()) == [option]
    admin_browser.post(manage_url(f"{kind}-tag-option-detach", resource, option))
    assert not resource.tag_options.exists()


def test_a_region_is_created_and_its_credentials_never_shown(admin_browser):
    url = reverse("manage:region-create")
    data = {"id": "eu-1", "name": "EU", "active": "on", "credentials": "KEY=s3cret"}
    admin_browser.post(url, data)
    region = Region.objects.get()
    assert region.credentials == {"KEY": "s3cret"}
    for url in (reverse("manage:region-list"), manage_url("region-edit", region)):
        content = admin_browser.get(url).content
        assert b"KEY" in content
        assert b"s3cret" not in content


def test_empty_credentials_keep_the_stored_ones(admin_browser):
    region = RegionFactory(credentials={"KEY": "v"})
    save(admin_browser, manage_url("region-edit", region), {"name": "New"})
    region = Region.objects.get()
    assert (region.name, region.active) == ("New", False)
    assert region.credentials == {"KEY": "v"}


def test_a_region_in_use_is_not_deleted(admin_browser):
    instance = InstanceFactory(name="orders")
    answer = admin_browser.post(manage_url("region-delete", instance.region))
    assert answer.status_code == 422
    assert b"orders" in answer.content


def test_a_launch_role_is_created_replaced_and_deleted(admin_browser):
    url = reverse("manage:launch-role-create")
    admin_browser.post(url, {"name": "deployer", "environment": "KEY=one"})
    role = LaunchRole.objects.get()
    save(
        admin_browser, manage_url("launch-role-edit", role), {"environment": "KEY=two"}
    )
    assert LaunchRole.objects.get().environment == {"KEY": "two"}
    admin_browser.post(manage_url("launch-role-delete", role))
    assert not LaunchRole.objects.exists()
