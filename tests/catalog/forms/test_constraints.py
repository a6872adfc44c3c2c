"""The form for template constraints: allowed values as check boxes."""

import pytest
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from catalog.models import Constraint
from tests.factories import version_of
from tests.markup import compact

MAIN_TF = """\
variable "size" {
  type        = number
  default     = 1
  description = "{\\"AllowedValues\\": [1, 2, 4]}"
}
variable "open" {
  type    = bool
  default = true
}
variable "name" {
  default = "web"
}
"""
FREE_TF = 'variable "size" {\n  type = number\n}\n'
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.template(MAIN_TF),
]


@pytest.fixture
def editor(portfolio, version):
    create = reverse("manage:constraint-create", args=[portfolio.pk])
    return f"{create}?product={version.product_id}&kind=Template"


def rule_fields(**rule):
    return {
        "rules-TOTAL_FORMS": "2",
        "rules-INITIAL_FORMS": "0",
        **{f"rules-0-{name}": value for name, value in rule.items()},
    }


def row(page, number=0):
    return page.context["form"].rules[number]


def ticks(page):
    return row(page)["values"].field.widget.listed


@pytest.mark.parametrize(
    ("parameter", "offered"),
    [("size", ["1", "2", "4"]), ("open", ["true", "false"]), ("name", None)],
)
def test_values_listed_by_the_template_are_check_boxes(
    admin_browser, editor, parameter, offered
):
    page = admin_browser.post(
        editor, rule_fields(parameter=parameter) | {"change": "parameter"}
    )
    assert page.status_code == 200
    assert ticks(page) == offered
    assert row(page)["parameter"].value() == parameter
    assert not Constraint.objects.exists()


def test_change_of_parameter_clears_values_and_keeps_descriptions(
    admin_browser, editor
):
    typed = rule_fields(parameter="open", values=["1"], name="mine", description="Why")
    page = admin_browser.post(
        editor, typed | {"change": "parameter", "description": "All"}
    )
    assert row(page)["values"].value() == []
    assert row(page)["name"].value() == "mine"
    assert page.context["form"]["description"].value() == "All"


def test_selected_values_are_stored(admin_browser, editor):
    admin_browser.post(editor, rule_fields(parameter="size", values=["1", "4"]))
    [rule] = Constraint.objects.get().config["Rules"]
    assert rule["AllowedValues"] == ["1", "4"]


def test_lines_are_stored_for_a_free_parameter(admin_browser, editor):
    admin_browser.post(editor, rule_fields(parameter="name", values="web\r\nsite"))
    [rule] = Constraint.objects.get().config["Rules"]
    assert rule["AllowedValues"] == ["web", "site"]


def test_rule_without_values_and_pattern_is_refused(admin_browser, editor):
    page = admin_browser.post(editor, rule_fields(parameter="size"))
    assert page.status_code == 422
    assert "size" in page.content.decode()


def test_listed_values_depend_on_the_version(admin_browser, editor, version):
    free = version_of(FREE_TF, product=version.product, name="2.0")
    asked = {"change": "parameter"}
    every = admin_browser.post(editor, rule_fields(parameter="size") | asked)
    assert ticks(every) is None
    first = admin_browser.post(
        editor, rule_fields(parameter="size", version=version.pk) | asked
    )
    assert ticks(first) == ["1", "2", "4"]
    other = admin_browser.post(
        editor, rule_fields(parameter="size", version=free.pk) | asked
    )
    assert ticks(other) is None


def test_stored_values_are_selected_and_keep_their_types(
    admin_browser, portfolio, version
):
    rule = {"ParameterKey": "size", "AllowedValues": [2, 8]}
    constraint = portfolio.constraints.create(
        product=version.product, kind="Template", config={"Rules": [rule]}
    )
    edit = reverse("manage:constraint-edit", args=[portfolio.pk, constraint.pk])
    page = admin_browser.get(edit)
    assert ticks(page) == ["1", "2", "4", "8"]
    html = page.content.decode()
    assert html.count("checked") == 2
    data = MultiValueDict(
        {
            "seen": [page.context["form"].initial["seen"]],
            "rules-TOTAL_FORMS": ["3"],
            "rules-INITIAL_FORMS": ["1"],
            "rules-0-parameter": ["size"],
            "rules-0-name": ["rule-1"],
            "rules-0-values": ["2", "8"],
        }
    )
    admin_browser.post(edit, dict(data.lists()))
    constraint.refresh_from_db()
    assert constraint.config["Rules"][0]["AllowedValues"] == [2, 8]


def test_new_check_boxes_do_not_replace_other_fields(admin_browser, editor):
    html = compact(admin_browser.get(editor))
    assert html.count('hx-target="#rule-0-limits"') == 1
    before, limits = html.split('id="rule-0-limits"')
    limits = limits.split("</fieldset>")[0]
    assert 'name="rules-0-values"' in limits
    for name in ("name", "description", "parameter", "version"):
        assert f'name="rules-0-{name}"' in before
        assert f'name="rules-0-{name}"' not in limits
