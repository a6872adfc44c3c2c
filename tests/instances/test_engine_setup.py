"""The engine's own objections to values, beside the parameter they speak of."""

import os

import pytest
from django.urls import reverse

from instances import engine_setup as checking
from instances.engine_setup import objections
from tests.factories import (
    PortfolioFactory,
    RegionFactory,
    TemplateFactory,
    VersionFactory,
)

MAIN_TF = """
variable "nodes" {
  type = number
  validation {
    condition     = var.nodes >= 2
    error_message = "A cluster has at least 2 nodes."
  }
}
variable "password" {
  type      = string
  sensitive = true
  validation {
    condition     = length(var.password) > 8
    error_message = "Too short: ${var.password}."
  }
}
"""


@pytest.fixture
def template(db):
    return TemplateFactory(files={"main.tf": MAIN_TF})


@pytest.mark.engine
def test_a_broken_validation_is_told_in_the_authors_words(terraform, template):
    found = objections(template, {"nodes": 1, "password": "long-enough"})
    assert list(found) == ["nodes"]
    assert "A cluster has at least 2 nodes." in found["nodes"][0]


@pytest.mark.engine
def test_good_values_meet_no_objection(terraform, template):
    assert objections(template, {"nodes": 2, "password": "long-enough"}) == {}


@pytest.mark.engine
def test_a_secret_is_masked_in_the_answer(terraform, template):
    found = objections(template, {"nodes": 2, "password": "short77"})
    assert "short77" not in str(found)


@pytest.mark.engine
def test_the_launch_form_shows_it_beside_the_field(terraform, template, browser, alice):
    version = VersionFactory(template=template)
    PortfolioFactory(products=[version.product], users=[alice])
    response = browser.post(
        reverse("instances:launch", args=[version.product.pk]),
        {
            "name": "x",
            "version": version.pk,
            "region": RegionFactory().pk,
            "parameters-nodes": "1",
            "parameters-password": "long-enough",
        },
    )
    assert response.status_code == 422
    errors = response.context["form"].parameters.errors["nodes"]
    assert "A cluster has at least 2 nodes." in errors[0]


def test_without_a_binary_the_preview_has_to_tell(template, settings, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    settings.TERRAFORM_BIN = "/nowhere/terraform"
    assert objections(template, {"nodes": 1, "password": "long-enough"}) == {}


def test_more_than_two_at_once_are_not_waited_for(template):
    assert checking.CHECKS.acquire(blocking=False)
    assert checking.CHECKS.acquire(blocking=False)
    try:
        assert objections(template, {"nodes": 1, "password": "long-enough"}) == {}
    finally:
        checking.CHECKS.release()
        checking.CHECKS.release()


def test_the_place_is_given_back_after_a_check(template):
    for _time in range(3):
        objections(template, {"nodes": 2, "password": "long-enough"})
    assert checking.CHECKS.acquire(blocking=False)
    checking.CHECKS.release()
