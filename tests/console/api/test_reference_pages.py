"""/docs/api/ and /openapi.json: made from the tables that validate input."""

import pytest

from console.api.dispatch import OPERATIONS
from console.api.openapi import document


@pytest.fixture
def described():
    return document("http://127.0.0.1:8000")


def test_every_operation_has_a_docstring():
    assert [name for name, each in OPERATIONS.items() if not each.summary] == []


def test_every_parameter_is_explained():
    lacking = [
        f"{name}.{parameter.name}"
        for name, operation in OPERATIONS.items()
        for parameter in operation.parameters
        if not parameter.help
    ]
    assert lacking == []


def test_the_document_has_every_operation(described):
    found = {
        operation["operationId"]
        for path in described["paths"].values()
        for operation in path.values()
    }
    assert found == set(OPERATIONS)


def test_the_document_is_served_to_anybody(client, db):
    response = client.get("/openapi.json")
    assert response.status_code == 200
    assert response.json()["openapi"].startswith("3.")


def test_required_parameters_are_said_to_be(described):
    launch = described["paths"]["/?Action=LaunchProduct"]["post"]
    schema = launch["requestBody"]["content"]["application/x-www-form-urlencoded"]
    assert set(schema["schema"]["required"]) == {
        "ProductId",
        "ProductVersionId",
        "ProvisionedProductName",
        "StackRegionId",
    }


def test_references_in_the_document_resolve(described):
    def references(node):
        if isinstance(node, dict):
            yield from [node["$ref"]] if "$ref" in node else []
            node = list(node.values())
        if isinstance(node, list):
            for each in node:
                yield from references(each)

    for reference in set(references(described)):
        target = described
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_the_reference_lists_every_operation(browser):
    page = browser.get("/docs/api/").content.decode()
    assert all(name in page for name in OPERATIONS)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_has_a_page(browser, name):
    response = browser.get(f"/docs/api/{name}/")
    assert response.status_code == 200
    assert response.context["name"] == name


def test_an_unknown_operation_has_none(browser):
    assert browser.get("/docs/api/DropTables/").status_code == 404


def test_the_reference_requires_login(client, db):
    assert client.get("/docs/api/").status_code == 302
