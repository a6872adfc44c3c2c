"""/products/<prod-…>/launch/: step 1 of the launch wizard"""

import pytest
from django.urls import reverse
from django.utils.timezone import now

from instances.models import Instance, Plan, Task
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    TemplateFactory,
    VersionFactory,
)
from tests.form_fields import Fields
from tests.markup import compact

MAIN_TF = """
variable "size" {
  type = string
}
variable "count_of" {
  type    = number
  default = 2
}
variable "password" {
  type      = string
  sensitive = true
}
resource "terraform_data" "thing" {
  input = var.size
}
"""


@pytest.fixture
def region(db):
    return RegionFactory(id="cn-hangzhou")


@pytest.fixture
def portfolio(db, alice):
    return PortfolioFactory(name="Web", users=[alice])


@pytest.fixture
def product(portfolio):
    product = ProductFactory(name="Web service")
    portfolio.products.add(product)
    return product


@pytest.fixture
def version(product):
    template = TemplateFactory(files={"main.tf": MAIN_TF})
    return VersionFactory(product=product, template=template, name="1.0")


@pytest.fixture
def url(product):
    return reverse("instances:launch", args=[product.pk])


@pytest.fixture
def filled(version, region):
    return {
        "name": "my-web",
        "version": version.pk,
        "region": region.pk,
        "parameters-size": "small",
        "parameters-count_of": "3",
        "parameters-password": "s3cret-word",
    }


def field(response, name):
    """Return a field of the page by its name."""
    form = response.context["form"]
    return next(f for f in form.visible_fields() if f.html_name == name)


def test_it_shows_the_choices_and_the_parameters_of_the_version(browser, url, version):
    response = browser.get(url)
    assert response.status_code == 200
    shown = {f.html_name for f in response.context["form"].visible_fields()}
    assert {"name", "automatic", "version", "region"} <= shown
    assert {"parameters-size", "parameters-count_of", "parameters-password"} <= shown


def test_it_requires_login(client, url, version):
    assert client.get(url).url.startswith(reverse("account_login"))


def test_a_foreign_and_a_missing_product_are_the_same_404(browser, bob):
    foreign = VersionFactory().product
    PortfolioFactory(products=[foreign], users=[bob])
    for pk in (foreign.pk, "prod-bp1nowhere0000"):
        assert browser.get(reverse("instances:launch", args=[pk])).status_code == 404


def test_it_rejects_other_methods(browser, url, version):
    assert browser.delete(url).status_code == 405


def test_a_product_without_an_active_version_cannot_be_launched(browser, url, product):
    VersionFactory(product=product, active=False)
    response = browser.get(url)
    assert response.status_code == 409
    assert "no active version" in response.content.decode()


def test_next_creates_a_draft_and_redirects_to_the_review(
    browser, url, filled, alice, version, portfolio
):
    response = browser.post(url, filled)
    plan = Plan.objects.get()
    assert response.status_code == 302
    assert response.url == f"{url}review/?plan={plan.pk}"
    assert plan.draft
    assert plan.owner == alice
    assert plan.operation == Task.Kind.LAUNCH
    assert plan.instance_name == "my-web"
    assert plan.portfolio == portfolio
    assert plan.parameters == {"size": "small", "count_of": 3}
    assert plan.secrets == {"password": "s3cret-word"}


def test_next_launches_nothing(browser, url, filled):
    browser.post(url, filled)
    assert not Instance.objects.exists()
    assert not Task.objects.exists()


def test_a_name_can_be_generated(browser, url, filled):
    browser.post(url, filled | {"name": "", "automatic": "on"})
    name = Plan.objects.get().instance_name
    assert name.startswith("Web service-")
    assert name.removeprefix("Web service-").isdecimal()


@pytest.mark.parametrize("name", ["", "   ", "x" * 129, "a\tb"])
def test_an_invalid_name_is_reported_at_the_field(browser, url, filled, name):
    response = browser.post(url, filled | {"name": name})
    assert response.status_code == 422
    assert field(response, "name").errors
    assert not Plan.objects.exists()


def test_a_taken_name_in_another_case_is_refused(browser, url, filled):
    InstanceFactory(name="My-Web")
    response = browser.post(url, filled)
    assert response.status_code == 422
    assert "already exists" in str(field(response, "name").errors)


def test_the_name_of_a_terminated_instance_is_free(browser, url, filled):
    InstanceFactory(name="my-web", terminated_at=now())
    assert browser.post(url, filled).status_code == 302


def test_errors_keep_the_input_but_never_a_secret(browser, url, filled):
    typed = filled | {"name": "", "tags-key_0": "team", "tags-value_0": "web"}
    response = browser.post(url, typed)
    html = compact(response)
    assert Fields(html).sent["parameters-size"] == "small"
    assert 'value="team"' in html
    assert "s3cret-word" not in html


def test_errors_are_in_a_summary_and_in_the_title(browser, url, filled):
    html = compact(browser.post(url, filled | {"name": ""}))
    assert "<title>Error: " in html
    assert "data-error-summary" in html
    assert 'href="#id_name"' in html


def test_htmx_swaps_the_form_in_place_with_its_errors(browser, url, filled, htmx):
    response = browser.post(url, filled | {"name": ""}, headers=htmx)
    html = compact(response)
    assert response.status_code == 422
    assert html.lstrip().startswith('<form class="wizard" id="launch-form"')
    assert "<title>Error: " in html


def test_htmx_is_told_to_load_the_review(browser, url, filled, htmx):
    response = browser.post(url, filled, headers=htmx)
    assert response.headers["HX-Redirect"] == (
        f"{url}review/?plan={Plan.objects.get().pk}"
    )


def test_all_errors_are_reported_at_once(browser, url, version, region):
    response = browser.post(
        url, {"version": version.pk, "region": "mars", "parameters-count_of": "many"}
    )
    wrong = {f.html_name for f in response.context["form"].visible_fields() if f.errors}
    assert {
        "name",
        "region",
        "parameters-size",
        "parameters-count_of",
        "parameters-password",
    } == wrong


def test_a_value_of_a_megabyte_is_refused_and_kept(browser, url, filled):
    response = browser.post(url, filled | {"parameters-size": "x" * 1_000_000})
    assert response.status_code == 422
    assert field(response, "parameters-size").errors


def test_a_parameter_the_version_does_not_know_is_refused(browser, url, filled):
    response = browser.post(url, filled | {"parameters-nonsense": "x"})
    assert response.status_code == 422
    assert "nonsense" in str(response.context["form"].non_field_errors())


def test_twenty_one_tags_are_refused(browser, url, filled):
    tags = {f"tags-key_{n}": f"k{n}" for n in range(21)}
    response = browser.post(url, filled | tags)
    assert response.status_code == 422
    assert response.context["form"].tags.non_field_errors()
    assert not Plan.objects.exists()


def test_tags_are_stored_with_the_draft(browser, url, filled):
    browser.post(url, filled | {"tags-key_1": "team", "tags-value_1": "web"})
    assert Plan.objects.get().tags == {"team": "web"}


def test_a_required_tag_is_reported_once_by_name(browser, url, filled, product):
    for value in ("dev", "prod"):
        product.tag_options.create(key="env", value=value)
    response = browser.post(url, filled)
    tags = response.context["form"].tags
    assert tags.errors == {"choice_0": ["Choose a value for the tag env."]}


def test_an_invalid_tag_is_reported_at_its_row(browser, url, filled):
    response = browser.post(url, filled | {"tags-key_1": "acs:mine"})
    assert field(response, "tags-key_1").errors


def test_an_inactive_version_cannot_be_chosen(browser, url, filled, product):
    hidden = VersionFactory(product=product, active=False)
    response = browser.post(url, filled | {"version": hidden.pk})
    assert response.status_code == 422
    assert field(response, "version").errors


def test_a_version_of_another_product_cannot_be_chosen(browser, url, filled):
    response = browser.post(url, filled | {"version": VersionFactory().pk})
    assert response.status_code == 422


def test_an_inactive_region_cannot_be_chosen(browser, url, filled):
    RegionFactory(id="cn-beijing", active=False)
    response = browser.post(url, filled | {"region": "cn-beijing"})
    assert field(response, "region").errors


def test_versions_are_ordered_by_guidance(browser, url, version, product):
    VersionFactory(product=product, name="0.9", guidance="Deprecated")
    VersionFactory(product=product, name="2.0", guidance="Recommended")
    labels = [label for _pk, label in field(browser.get(url), "version").field.choices]
    assert labels == ["2.0 — Recommended", "1.0", "0.9 — Deprecated"]


# Launch options


def test_a_single_launch_option_is_preselected_and_need_not_be_sent(
    browser, url, filled, portfolio
):
    option = field(browser.get(url), "portfolio")
    assert option.field.choices == [(portfolio.pk, portfolio.name)]
    assert option.value() == portfolio.pk
    browser.post(url, filled)
    assert Plan.objects.get().portfolio == portfolio


def test_one_of_several_launch_options_must_be_chosen(
    browser, url, filled, product, alice
):
    other = PortfolioFactory(products=[product], users=[alice])
    response = browser.post(url, filled)
    assert field(response, "portfolio").errors
    browser.post(url, filled | {"portfolio": other.pk})
    assert Plan.objects.get().portfolio == other


def test_the_constraints_of_the_launch_option_are_shown(
    browser, url, version, portfolio
):
    rule = {
        "ParameterKey": "size",
        "AllowedValues": ["small"],
        "Description": "Only small ones here.",
    }
    portfolio.constraints.create(
        product=version.product, kind="Template", config={"Rules": [rule]}
    )
    page = browser.get(url).content.decode()
    assert "size must be one of small. Only small ones here." in page


def test_a_portfolio_without_a_grant_is_not_a_launch_option(
    browser, url, filled, product
):
    foreign = PortfolioFactory(products=[product])
    response = browser.post(url, filled | {"portfolio": foreign.pk})
    assert response.status_code == 422
    assert not Plan.objects.exists()


def test_a_region_constraint_limits_the_choices_and_is_enforced(
    browser, url, filled, product, portfolio
):
    RegionFactory(id="cn-beijing", name="Beijing")
    portfolio.constraints.create(
        product=product, kind="StackRegion", config={"StackRegions": ["cn-beijing"]}
    )
    offered = [pk for pk, _label in field(browser.get(url), "region").field.choices]
    assert offered == ["cn-beijing"]
    assert browser.post(url, filled).status_code == 422


def test_a_violated_rule_is_reported_at_the_parameter(
    browser, url, filled, product, portfolio
):
    rule = {"ParameterKey": "size", "AllowedPattern": "medium|large"}
    portfolio.constraints.create(
        product=product, kind="Template", config={"Rules": [rule]}
    )
    response = browser.post(url, filled)
    assert "medium|large" in str(field(response, "parameters-size").errors)


def test_an_approval_constraint_refuses_a_direct_launch(
    browser, url, filled, product, portfolio
):
    portfolio.constraints.create(
        product=product, kind="Approval", config={"OperationTypes": ["LaunchProduct"]}
    )
    assert "Approval required" in browser.get(url).content.decode()
    review = browser.post(url, filled)["Location"]
    Plan.objects.update(status=Plan.Status.PREVIEW_SUCCESS)
    assert b'<button class="button button--primary" type="submit">Launch' not in (
        browser.get(review).content
    )
    assert browser.post(review).status_code in (400, 409, 422)
    assert not Instance.objects.exists()


# Another version


@pytest.fixture
def newer(product):
    template = TemplateFactory(
        files={"main.tf": MAIN_TF + 'variable "zone" {\n  type = string\n}\n'}
    )
    return VersionFactory(product=product, template=template, name="2.0")


def test_another_version_shows_its_parameters_and_keeps_equal_ones(
    browser, url, filled, version, newer, htmx
):
    typed = filled | {
        "version": newer.pk,
        "shown": f"{version.pk}/",
        "change": "choice",
    }
    response = browser.post(url, typed, headers=htmx)
    html = compact(response)
    assert response.status_code == 200
    assert html.lstrip().startswith('<form class="wizard" id="launch-form"')
    assert field(response, "parameters-zone")
    assert field(response, "parameters-size").value() == "small"
    assert "s3cret-word" not in html
    assert not response.context["form"].errors


def test_without_javascript_a_button_does_the_same(browser, url, filled, newer):
    typed = filled | {"name": "", "version": newer.pk, "change": "choice"}
    response = browser.post(url, typed)
    assert response.status_code == 200
    assert b"<html" in response.content
    assert field(response, "parameters-zone")


def test_next_with_fields_of_another_version_shows_the_right_ones_first(
    browser, url, filled, version, newer, portfolio
):
    shown = f"{version.pk}/{portfolio.pk}"
    response = browser.post(url, filled | {"version": newer.pk, "shown": shown})
    assert response.status_code == 200
    assert response.context["form"].outdated
    assert not Plan.objects.exists()


def test_the_address_can_name_the_version(browser, url, version, newer):
    response = browser.get(url, {"version": newer.pk})
    assert response.context["form"].version == newer


def test_adding_tag_rows_keeps_the_entered_ones(browser, url, filled):
    typed = filled | {"tags-key_0": "team", "shown": "", "change": "tag"}
    response = browser.post(url, typed)
    rows = response.context["form"].tags.row_fields
    assert len(rows) > 3
    assert rows[0][0].value() == "team"


def test_an_entered_secret_is_not_shown_by_a_version_where_it_is_not_secret(
    browser, url, filled, version, product
):
    open_template = MAIN_TF.replace("  sensitive = true\n", "")
    plain = VersionFactory(
        product=product, template=TemplateFactory(files={"main.tf": open_template})
    )
    for shown in (f"{version.pk}/", "", "pv-nothing/"):
        typed = filled | {"version": plain.pk, "shown": shown, "change": "choice"}
        assert "s3cret-word" not in browser.post(url, typed).content.decode()


# Back from the review


@pytest.fixture
def draft(browser, url, filled):
    browser.post(url, filled | {"tags-key_0": "team", "tags-value_0": "web"})
    return Plan.objects.get()


def test_going_back_shows_the_input(browser, url, draft):
    response = browser.get(url, {"plan": draft.pk})
    assert field(response, "name").value() == "my-web"
    assert field(response, "parameters-count_of").value() in (3, "3")
    assert field(response, "tags-key_0").value() == "team"
    assert "s3cret-word" not in response.content.decode()


def test_the_browsers_back_button_shows_the_input(browser, url, draft):
    response = browser.get(url)
    assert response.context["draft"] == draft
    assert "Start over" in response.content.decode()


def test_starting_over_clears_the_input(browser, url, draft):
    assert not field(browser.get(url, {"new": 1}), "name").value()


def test_an_unchanged_secret_is_kept_from_the_draft(browser, url, filled, draft):
    typed = filled | {"plan": draft.pk, "parameters-password": "", "name": "other"}
    assert browser.post(url, typed).status_code == 302
    newest = Plan.objects.get(instance_name="other")
    assert newest.secrets == {"password": "s3cret-word"}


def test_a_new_draft_cancels_the_old_one(browser, url, filled, draft):
    browser.post(url, filled | {"plan": draft.pk, "name": "other"})
    draft.refresh_from_db()
    assert draft.status == Plan.Status.CANCELED


def test_a_foreign_draft_is_a_404(client, bob, url, draft, portfolio):
    portfolio.grants.create(user=bob)
    client.force_login(bob)
    assert client.get(url, {"plan": draft.pk}).status_code == 404


def test_a_stored_secret_is_not_shown_by_a_version_where_it_is_not_secret(
    browser, url, filled, draft, product
):
    open_template = MAIN_TF.replace("  sensitive = true\n", "")
    plain = VersionFactory(
        product=product, template=TemplateFactory(files={"main.tf": open_template})
    )
    response = browser.get(url, {"plan": draft.pk, "version": plain.pk})
    assert response.context["form"].version == plain
    assert "s3cret-word" not in response.content.decode()
