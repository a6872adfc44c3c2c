"""The engine check of values, with its messages by parameter."""

import os

import pytest
from django.urls import reverse

from instances.engine_setup import ENGINE_CHECKS, run_engine_check
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
def test_failed_validation_returns_the_templates_message(terraform, template):
    found = run_engine_check(template, {"nodes": 1, "password": "long-enough"})
    assert list(found) == ["nodes"]
    assert "A cluster has at least 2 nodes." in found["nodes"][0]


@pytest.mark.engine
def test_valid_values_return_no_messages(terraform, template):
    assert run_engine_check(template, {"nodes": 2, "password": "long-enough"}) == {}


@pytest.mark.engine
def test_secret_values_are_masked_in_messages(terraform, template):
    found = run_engine_check(template, {"nodes": 2, "password": "short77"})
    assert "short77" not in str(found)


@pytest.mark.engine
def test_launch_form_shows_the_message_at_its_field(
    terraform, template, browser, alice
):
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


def test_without_terraform_no_values_are_checked(template, settings, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    settings.TERRAFORM_BIN = "/nowhere/terraform"
    assert run_engine_check(template, {"nodes": 1, "password": "long-enough"}) == {}


def test_third_check_at_the_same_time_is_skipped(template):
    assert ENGINE_CHECKS.acquire(blocking=False)
    assert ENGINE_CHECKS.acquire(blocking=False)
    try:
        assert run_engine_check(template, {"nodes": 1, "password": "long-enough"}) == {}
    finally:
        ENGINE_CHECKS.release()
        ENGINE_CHECKS.release()


def test_checks_release_their_semaphore(template):
    for _time in range(3):
        run_engine_check(template, {"nodes": 2, "password": "long-enough"})
    assert ENGINE_CHECKS.acquire(blocking=False)
    ENGINE_CHECKS.release()
