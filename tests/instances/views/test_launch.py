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
def web(db, alice):
    return PortfolioFactory(name="Web", users=[alice])


@pytest.fixture
def product(web):
    product = ProductFactory(name="Web service")
    web.products.add(product)
    return product


@pytest.fixture
def first(product):
    template = TemplateFactory(files={"main.tf": MAIN_TF})
    return VersionFactory(product=product, template=template, name="1.0")


@pytest.fixture
def wizard(product):
    return reverse("instances:launch", args=[product.pk])


@pytest.fixture
def filled(first, region):
    return {
        "name": "my-web",
        "version": first.pk,
        "region": region.pk,
        "parameters-size": "small",
        "parameters-count_of": "3",
        "parameters-password": "s3cret-word",
    }


def field(response, name):
    """Return a field of the page by its name."""
    form = response.context["form"]
    return next(f for f in form.visible_fields() if f.html_name == name)


def test_it_shows_the_choices_and_the_parameters_of_the_version(browser, wizard, first):
    response = browser.get(wizard)
    assert response.status_code == 200
    shown = {f.html_name for f in response.context["form"].visible_fields()}
    assert {"name", "automatic", "version", "region"} <= shown
    assert {"parameters-size", "parameters-count_of", "parameters-password"} <= shown


def test_it_requires_login(client, wizard, first):
    assert client.get(wizard).url.startswith(reverse("account_login"))


def test_a_foreign_and_a_missing_product_are_the_same_404(browser, bob):
    foreign = VersionFactory().product
    PortfolioFactory(products=[foreign], users=[bob])
    for pk in (foreign.pk, "prod-bp1nowhere0000"):
        assert browser.get(reverse("instances:launch", args=[pk])).status_code == 404


def test_it_rejects_other_methods(browser, wizard, first):
    assert browser.delete(wizard).status_code == 405


def test_a_product_without_an_active_version_cannot_be_launched(
    browser, wizard, product
):
    VersionFactory(product=product, active=False)
    response = browser.get(wizard)
    assert response.status_code == 409
    assert "no active version" in response.content.decode()


def test_next_creates_a_draft_and_redirects_to_the_review(
    browser, wizard, filled, alice, first, web
):
    response = browser.post(wizard, filled)
    plan = Plan.objects.get()
    assert response.status_code == 302
    assert response.url == f"{wizard}review/?plan={plan.pk}"
    assert plan.draft
    assert plan.owner == alice
    assert plan.operation == Task.Kind.LAUNCH
    assert plan.instance_name == "my-web"
    assert plan.portfolio == web
    assert plan.parameters == {"size": "small", "count_of": 3}
    assert plan.secrets == {"password": "s3cret-word"}


def test_next_launches_nothing(browser, wizard, filled):
    browser.post(wizard, filled)
    assert not Instance.objects.exists()
    assert not Task.objects.exists()


def test_a_name_can_be_generated(browser, wizard, filled):
    browser.post(wizard, filled | {"name": "", "automatic": "on"})
    name = Plan.objects.get().instance_name
    assert name.startswith("Web service-")
    assert name.removeprefix("Web service-").isdecimal()


@pytest.mark.parametrize("name", ["", "   ", "x" * 129, "a\tb"])
def test_an_invalid_name_is_reported_at_the_field(browser, wizard, filled, name):
    response = browser.post(wizard, filled | {"name": name})
    assert response.status_code == 422
    assert field(response, "name").errors
    assert not Plan.objects.exists()


def test_a_taken_name_in_another_case_is_refused(browser, wizard, filled):
    InstanceFactory(name="My-Web")
    response = browser.post(wizard, filled)
    assert response.status_code == 422
    assert "already exists" in str(field(response, "name").errors)


def test_the_name_of_a_terminated_instance_is_free(browser, wizard, filled):
    InstanceFactory(name="my-web", terminated_at=now())
    assert browser.post(wizard, filled).status_code == 302


def test_errors_keep_the_input_but_never_a_secret(browser, wizard, filled):
    typed = filled | {"name": "", "tags-key_0": "team", "tags-value_0": "web"}
    response = browser.post(wizard, typed)
    html = compact(response)
    assert Fields(html).sent["parameters-size"] == "small"
    assert 'value="team"' in html
    assert "s3cret-word" not in html


def test_errors_are_in_a_summary_and_in_the_title(browser, wizard, filled):
    html = compact(browser.post(wizard, filled | {"name": ""}))
    assert "<title>Error: " in html
    assert "data-error-summary" in html
    assert 'href="#id_name"' in html


def test_htmx_swaps_the_form_in_place_with_its_errors(browser, wizard, filled, htmx):
    response = browser.post(wizard, filled | {"name": ""}, headers=htmx)
    html = compact(response)
    assert response.status_code == 422
    assert html.lstrip().startswith('<form class="wizard" id="launch-form"')
    assert "<title>Error: " in html


def test_htmx_is_told_to_load_the_review(browser, wizard, filled, htmx):
    response = browser.post(wizard, filled, headers=htmx)
    assert response.headers["HX-Redirect"] == (
        f"{wizard}review/?plan={Plan.objects.get().pk}"
    )


def test_all_errors_are_reported_at_once(browser, wizard, first, region):
    response = browser.post(
        wizard, {"version": first.pk, "region": "mars", "parameters-count_of": "many"}
    )
    wrong = {f.html_name for f in response.context["form"].visible_fields() if f.errors}
    assert {
        "name",
        "region",
        "parameters-size",
        "parameters-count_of",
        "parameters-password",
    } == wrong


def test_a_value_of_a_megabyte_is_refused_and_kept(browser, wizard, filled):
    response = browser.post(wizard, filled | {"parameters-size": "x" * 1_000_000})
    assert response.status_code == 422
    assert field(response, "parameters-size").errors


def test_a_parameter_the_version_does_not_know_is_refused(browser, wizard, filled):
    response = browser.post(wizard, filled | {"parameters-nonsense": "x"})
    assert response.status_code == 422
    assert "nonsense" in str(response.context["form"].non_field_errors())


def test_twenty_one_tags_are_refused(browser, wizard, filled):
    tags = {f"tags-key_{n}": f"k{n}" for n in range(21)}
    response = browser.post(wizard, filled | tags)
    assert response.status_code == 422
    assert response.context["form"].tags.non_field_errors()
    assert not Plan.objects.exists()


def test_tags_are_stored_with_the_draft(browser, wizard, filled):
    browser.post(wizard, filled | {"tags-key_1": "team", "tags-value_1": "web"})
    assert Plan.objects.get().tags == {"team": "web"}


def test_a_required_tag_is_reported_once_by_name(browser, wizard, filled, product):
    for value in ("dev", "prod"):
        product.tag_options.create(key="env", value=value)
    response = browser.post(wizard, filled)
    tags = response.context["form"].tags
    assert tags.errors == {"choice_0": ["Choose a value for the tag env."]}


def test_an_invalid_tag_is_reported_at_its_row(browser, wizard, filled):
    response = browser.post(wizard, filled | {"tags-key_1": "acs:mine"})
    assert field(response, "tags-key_1").errors


def test_an_inactive_version_cannot_be_chosen(browser, wizard, filled, product):
    hidden = VersionFactory(product=product, active=False)
    response = browser.post(wizard, filled | {"version": hidden.pk})
    assert response.status_code == 422
    assert field(response, "version").errors


def test_a_version_of_another_product_cannot_be_chosen(browser, wizard, filled):
    response = browser.post(wizard, filled | {"version": VersionFactory().pk})
    assert response.status_code == 422


def test_an_inactive_region_cannot_be_chosen(browser, wizard, filled):
    RegionFactory(id="cn-beijing", active=False)
    response = browser.post(wizard, filled | {"region": "cn-beijing"})
    assert field(response, "region").errors


def test_versions_are_ordered_by_guidance(browser, wizard, first, product):
    VersionFactory(product=product, name="0.9", guidance="Deprecated")
    VersionFactory(product=product, name="2.0", guidance="Recommended")
    labels = [
        label for _pk, label in field(browser.get(wizard), "version").field.choices
    ]
    assert labels == ["2.0 — Recommended", "1.0", "0.9 — Deprecated"]


# Launch options


def test_a_single_launch_option_is_preselected_and_need_not_be_sent(
    browser, wizard, filled, web
):
    option = field(browser.get(wizard), "portfolio")
    assert option.field.choices == [(web.pk, web.name)]
    assert option.value() == web.pk
    browser.post(wizard, filled)
    assert Plan.objects.get().portfolio == web


def test_one_of_several_launch_options_must_be_chosen(
    browser, wizard, filled, product, alice
):
    other = PortfolioFactory(products=[product], users=[alice])
    response = browser.post(wizard, filled)
    assert field(response, "portfolio").errors
    browser.post(wizard, filled | {"portfolio": other.pk})
    assert Plan.objects.get().portfolio == other


def test_the_constraints_of_the_launch_option_are_shown(browser, wizard, first, web):
    rule = {
        "ParameterKey": "size",
        "AllowedValues": ["small"],
        "Description": "Only small ones here.",
    }
    web.constraints.create(
        product=first.product, kind="Template", config={"Rules": [rule]}
    )
    page = browser.get(wizard).content.decode()
    assert "size must be one of small. Only small ones here." in page


def test_a_portfolio_without_a_grant_is_not_a_launch_option(
    browser, wizard, filled, product
):
    foreign = PortfolioFactory(products=[product])
    response = browser.post(wizard, filled | {"portfolio": foreign.pk})
    assert response.status_code == 422
    assert not Plan.objects.exists()


def test_a_region_constraint_limits_the_choices_and_is_enforced(
    browser, wizard, filled, product, web
):
    RegionFactory(id="cn-beijing", name="Beijing")
    web.constraints.create(
        product=product, kind="StackRegion", config={"StackRegions": ["cn-beijing"]}
    )
    offered = [pk for pk, _label in field(browser.get(wizard), "region").field.choices]
    assert offered == ["cn-beijing"]
    assert browser.post(wizard, filled).status_code == 422


def test_a_violated_rule_is_reported_at_the_parameter(
    browser, wizard, filled, product, web
):
    rule = {"ParameterKey": "size", "AllowedPattern": "medium|large"}
    web.constraints.create(product=product, kind="Template", config={"Rules": [rule]})
    response = browser.post(wizard, filled)
    assert "medium|large" in str(field(response, "parameters-size").errors)


def test_an_approval_constraint_refuses_a_direct_launch(
    browser, wizard, filled, product, web
):
    web.constraints.create(
        product=product, kind="Approval", config={"OperationTypes": ["LaunchProduct"]}
    )
    assert "Approval required" in browser.get(wizard).content.decode()
    review = browser.post(wizard, filled)["Location"]
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
    browser, wizard, filled, first, newer, htmx
):
    typed = filled | {
        "version": newer.pk,
        "shown": f"{first.pk}/",
        "change": "choice",
    }
    response = browser.post(wizard, typed, headers=htmx)
    html = compact(response)
    assert response.status_code == 200
    assert html.lstrip().startswith('<form class="wizard" id="launch-form"')
    assert field(response, "parameters-zone")
    assert field(response, "parameters-size").value() == "small"
    assert "s3cret-word" not in html
    assert not response.context["form"].errors


def test_without_javascript_a_button_does_the_same(browser, wizard, filled, newer):
    typed = filled | {"name": "", "version": newer.pk, "change": "choice"}
    response = browser.post(wizard, typed)
    assert response.status_code == 200
    assert b"<html" in response.content
    assert field(response, "parameters-zone")


def test_next_with_fields_of_another_version_shows_the_right_ones_first(
    browser, wizard, filled, first, newer, web
):
    shown = f"{first.pk}/{web.pk}"
    response = browser.post(wizard, filled | {"version": newer.pk, "shown": shown})
    assert response.status_code == 200
    assert response.context["form"].outdated
    assert not Plan.objects.exists()


def test_the_address_can_name_the_version(browser, wizard, first, newer):
    response = browser.get(wizard, {"version": newer.pk})
    assert response.context["form"].version == newer


def test_adding_tag_rows_keeps_the_entered_ones(browser, wizard, filled):
    typed = filled | {"tags-key_0": "team", "shown": "", "change": "tag"}
    response = browser.post(wizard, typed)
    rows = response.context["form"].tags.row_fields
    assert len(rows) > 3
    assert rows[0][0].value() == "team"


def test_an_entered_secret_is_not_shown_by_a_version_where_it_is_not_secret(
    browser, wizard, filled, first, product
):
    open_template = MAIN_TF.replace("  sensitive = true\n", "")
    plain = VersionFactory(
        product=product, template=TemplateFactory(files={"main.tf": open_template})
    )
    for shown in (f"{first.pk}/", "", "pv-nothing/"):
        typed = filled | {"version": plain.pk, "shown": shown, "change": "choice"}
        assert "s3cret-word" not in browser.post(wizard, typed).content.decode()


# Back from the review


@pytest.fixture
def draft(browser, wizard, filled):
    browser.post(wizard, filled | {"tags-key_0": "team", "tags-value_0": "web"})
    return Plan.objects.get()


def test_going_back_shows_the_input(browser, wizard, draft):
    response = browser.get(wizard, {"plan": draft.pk})
    assert field(response, "name").value() == "my-web"
    assert field(response, "parameters-count_of").value() in (3, "3")
    assert field(response, "tags-key_0").value() == "team"
    assert "s3cret-word" not in response.content.decode()


def test_the_browsers_back_button_shows_the_input(browser, wizard, draft):
    response = browser.get(wizard)
    assert response.context["draft"] == draft
    assert "Start over" in response.content.decode()


def test_starting_over_clears_the_input(browser, wizard, draft):
    assert not field(browser.get(wizard, {"new": 1}), "name").value()


def test_an_unchanged_secret_is_kept_from_the_draft(browser, wizard, filled, draft):
    typed = filled | {"plan": draft.pk, "parameters-password": "", "name": "other"}
    assert browser.post(wizard, typed).status_code == 302
    newest = Plan.objects.get(instance_name="other")
    assert newest.secrets == {"password": "s3cret-word"}


def test_a_new_draft_cancels_the_old_one(browser, wizard, filled, draft):
    browser.post(wizard, filled | {"plan": draft.pk, "name": "other"})
    draft.refresh_from_db()
    assert draft.status == Plan.Status.CANCELED


def test_a_foreign_draft_is_a_404(client, bob, wizard, draft, web):
    web.grants.create(user=bob)
    client.force_login(bob)
    assert client.get(wizard, {"plan": draft.pk}).status_code == 404


def test_a_stored_secret_is_not_shown_by_a_version_where_it_is_not_secret(
    browser, wizard, filled, draft, product
):
    open_template = MAIN_TF.replace("  sensitive = true\n", "")
    plain = VersionFactory(
        product=product, template=TemplateFactory(files={"main.tf": open_template})
    )
    response = browser.get(wizard, {"plan": draft.pk, "version": plain.pk})
    assert response.context["form"].version == plain
    assert "s3cret-word" not in response.content.decode()
