"""The pages of the API reference and the OpenAPI document."""

import html
import json
import re

import pytest
from django.conf import settings
from django.utils.translation import override

from console.api.endpoint import OPERATIONS
from console.api.error_codes import CODES, COMMON, errors_of
from console.api.examples import flat
from console.api.openapi import (
    GROUPS,
    document,
    groups,
    request_sample,
    response_sample,
)
from console.api.parameters import read
from console.lib.operation import Parameter
from tests.api_shape import VALIDATORS
from tests.markup import compact


@pytest.fixture
def described():
    return document("http://127.0.0.1:8000")


def rows_of(rows, path):
    for row in rows:
        yield f"{path}.{row.name}", row
        yield from rows_of(row.fields, f"{path}.{row.name}")


PARAMETERS = [
    pair
    for name, operation in OPERATIONS.items()
    for pair in rows_of(operation.parameters, name)
]
FIELDS = [
    pair
    for name, operation in OPERATIONS.items()
    for pair in rows_of(operation.answer, name)
]
TEXTS = [
    *((name, operation.summary) for name, operation in OPERATIONS.items()),
    *((name, each.description) for name, each in OPERATIONS.items()),
    *((path, row.help) for path, row in PARAMETERS + FIELDS),
    *((path, row.note) for path, row in PARAMETERS + FIELDS),
    *(
        (f"{path}={value}", meaning)
        for path, row in PARAMETERS + FIELDS
        for value, meaning in row.choices.items()
    ),
    *((code, each.meaning) for code, each in CODES.items()),
    *((code, each.remedy) for code, each in CODES.items()),
]


def test_every_operation_is_summarized():
    assert [name for name, each in OPERATIONS.items() if not each.summary] == []
    assert set(groups()) == set(GROUPS)


def test_every_parameter_and_field_has_a_meaning_and_an_example():
    lacking = [
        path
        for path, row in PARAMETERS + FIELDS
        if not row.help or (not row.fields and _example_of(row) in ("", None, []))
    ]
    # The server never gives out a token, so there is nothing to show.
    assert lacking == ["ListTagOptions.NextToken"]


def _example_of(row):
    return row.sample if isinstance(row, Parameter) else row.example


def test_every_value_of_a_choice_has_a_meaning():
    assert [path for path, text in TEXTS if "=" in path and not str(text)] == []


def test_every_text_is_a_sentence():
    """A text ends with a full stop, has several words and starts with no noun clause."""
    poor = [
        (path, str(text))
        for path, text in TEXTS
        if text
        and (
            not str(text).endswith((".", "}."))
            or str(text).startswith(("What ", "Who ", "Whether ", "Why"))
            or (" " not in str(text) and str(text) not in ONE_WORD)
        )
    ]
    assert poor == []


ONE_WORD = {"Products."}


def test_every_text_is_translated_to_chinese():
    with override("zh-hans"):
        english = {(p, str(t)) for p, t in TEXTS if t and str(t).isascii()}
    assert english == set()


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_samples_have_the_documented_shape(name):
    operation = OPERATIONS[name]
    VALIDATORS[f"{name}Response"].validate(response_sample(operation))
    if operation.parameters:
        VALIDATORS[f"{name}Request"].validate(request_sample(operation))


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_sample_request_is_read_with_its_values(name):
    operation = OPERATIONS[name]
    sample = request_sample(operation)
    values = read(operation.parameters, dict(flat(sample)))
    assert {key: values[key] for key in sample} == sample


def test_every_code_in_the_sources_is_explained():
    """All codes except those that only pages return are in the table."""
    found = set()
    for folder in ("console/api", "console/lib", "catalog", "instances"):
        for path in (settings.BASE_DIR / folder).rglob("*.py"):
            found |= set(CODE.findall(path.read_text()))
    assert found - {"OK"} - set(CODES) - set(of_parameters()) <= PAGES_ONLY


CODE = re.compile(r'\bcode(?:: str)? ?= ?"([A-Z][A-Za-z]+(?:\.[A-Za-z]+)?)"')
PAGES_ONLY = {
    "DuplicateName.KnownError",
    "DuplicateName.LaunchRole",
    "DuplicateName.Region",
    "IncorrectStatus.Task",
    "InvalidRegion",
    "InvalidTags",
    "LimitExceeded.AccessKey",
    "ResourceInUse.LaunchRole",
    "ResourceInUse.Region",
}


def of_parameters():
    for operation in OPERATIONS.values():
        yield from (code for code, _error in errors_of(operation))


def test_every_named_code_exists():
    named = {code for each in OPERATIONS.values() for code in each.errors}
    assert named <= set(CODES)
    assert set(COMMON) <= set(CODES)


def test_the_document_has_every_operation(described):
    found = {
        operation["operationId"]
        for path in described["paths"].values()
        for operation in path.values()
    }
    assert found == set(OPERATIONS)


def test_the_document_is_public(client, db):
    response = client.get("/openapi.json")
    assert response.status_code == 200
    assert response.json()["openapi"].startswith("3.")


def test_openapi_document_is_english_for_a_chinese_browser(client, db):
    answer = client.get("/openapi.json", headers={"accept-language": "zh-CN"})
    described = answer.json()["components"]["schemas"]["LaunchProductRequest"]
    name = described["properties"]["ProvisionedProductName"]["description"]
    assert name.startswith("The name of the product instance.")


def test_reference_page_describes_parameters_in_chinese(browser):
    page = browser.get(
        "/docs/api/LaunchProduct/", headers={"accept-language": "zh-CN"}
    ).content.decode()
    assert "产品实例的名称" in page
    assert "The name of the product instance" not in page


def test_the_document_has_required_parameters_and_limits(described):
    launch = described["components"]["schemas"]["LaunchProductRequest"]
    assert set(launch["required"]) == {
        "ProductId",
        "ProductVersionId",
        "ProvisionedProductName",
        "StackRegionId",
    }
    tags = launch["properties"]["Tags"]
    assert (tags["type"], tags["maxItems"]) == ("array", 20)
    assert set(tags["items"]["required"]) == {"Key", "Value"}


def test_each_operation_lists_its_errors(described):
    for path, item in described["paths"].items():
        assert "?" not in path
        for operation in item.values():
            refusals = set(operation["responses"]) - {"200"}
            assert {"400", "404", "413", "500", "503"} <= refusals
            for status in refusals:
                content = operation["responses"][status]["content"]
                schema = content["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Error"}
    product = described["paths"]["/api/GetProductAsEndUser"]["post"]["responses"]
    assert "`InvalidProduct.NotFound`" in product["404"]["description"]
    assert "403" in described["paths"]["/api/CreateProduct"]["post"]["responses"]


def test_the_signature_is_a_security_scheme_with_its_headers(described):
    schemes = described["components"]["securitySchemes"]
    assert {each["name"] for each in schemes.values()} == {
        "Authorization",
        "x-acs-action",
        "x-acs-version",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-content-sha256",
    }
    assert described["security"] == [{name: [] for name in schemes}]


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
    page = html.unescape(response.content.decode())
    lines = html.unescape(compact(response))
    operation = OPERATIONS[name]
    for _path, row in [
        *rows_of(operation.parameters, ""),
        *rows_of(operation.answer, ""),
    ]:
        assert f">{row.name}</td>" in lines
        assert " ".join(str(row.help).split()) in lines
    for code, error in errors_of(operation):
        assert f">{code}</td>" in lines
        assert str(error.remedy) in lines
    assert json.dumps(response_sample(operation), indent=2, ensure_ascii=False) in page


def test_an_unknown_operation_is_not_found(browser):
    assert browser.get("/docs/api/DropTables/").status_code == 404


def test_the_reference_requires_sign_in(client, db):
    assert client.get("/docs/api/").status_code == 302
