"""The AWS product through the real AWS provider, against a cloud on this machine."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3
import pytest

from catalog.models import Template
from catalog.models.trusted import example_files
from instances.models import Check, Instance, ProvisioningSpec
from tests.factories import RegionFactory, VersionFactory
from tests.instances.doors import work
from tests.requirements import missing

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.usefixtures("terraform"),
    pytest.mark.django_db(transaction=True),
]
MIRRORS = (
    "/opt/tf-plugins",
    "/usr/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
)


@pytest.fixture
def mirror(settings):
    folders = [os.environ.get("CONSOLE_PROVIDER_MIRROR", ""), *MIRRORS]
    for folder in filter(None, folders):
        if list(Path(folder).glob("*/hashicorp/aws")):
            settings.PROVIDER_MIRROR = folder
            return folder
    return missing("no mirror with the AWS provider: set CONSOLE_PROVIDER_MIRROR")


@pytest.fixture
def cloud():
    """The server of moto, on a free port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=1).close()
            break
        except OSError:
            time.sleep(0.2)
    else:
        server.kill()
        missing("the local cloud did not start")
    yield url
    server.terminate()
    server.wait()


@pytest.fixture
def region(cloud):
    region = RegionFactory(id="us-east-1", name="US East")
    region.credentials = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing-secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": cloud,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_S3_USE_PATH_STYLE": "true",
        "NO_PROXY": "127.0.0.1",
    }
    region.save()
    return region


def names_of_buckets(cloud):
    client = boto3.client(
        "s3",
        endpoint_url=cloud,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing-secret",
    )
    return [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]


@pytest.mark.usefixtures("mirror")
def test_the_aws_product_is_launched_and_terminated_for_real(alice, cloud, region):
    version = VersionFactory(
        template=Template.objects.from_files(example_files("aws-network"))
    )
    task = Instance.objects.launch(
        ProvisioningSpec(version, None, {"name": "demo"}),
        name="net",
        region=region,
        by=alice,
    )
    work()
    instance = Instance.objects.get()
    assert instance.status_message == ""
    assert instance.status == "Available"
    types = sorted(instance.resources.values_list("type", flat=True))
    assert types == [
        "aws_instance",
        "aws_s3_bucket",
        "aws_subnet",
        "aws_subnet",
        "aws_vpc",
    ]
    outputs = dict(task.outputs.values_list("key", "value"))
    assert outputs["vpc_id"].startswith("vpc-")
    assert names_of_buckets(cloud) == [outputs["bucket"]]

    instance.terminate(by=alice)
    work()
    instance.refresh_from_db()
    assert instance.terminated_at, instance.status_message
    assert names_of_buckets(cloud) == []


@pytest.mark.usefixtures("mirror")
def test_credentials_are_tested_by_asking_the_cloud_who_calls(admin, region):
    check = Check.objects.ask(region, by=admin)
    work()
    check.refresh_from_db()
    assert check.passed, check.status_message
    assert check.status_message == ""
    assert "aws_caller_identity" in str(check.log)
    assert "testing-secret" not in str(check.log)


@pytest.mark.usefixtures("mirror")
def test_incomplete_credentials_fail_with_the_providers_reason(admin, region):
    del region.credentials["AWS_SECRET_ACCESS_KEY"]
    region.save()
    check = Check.objects.ask(region, by=admin)
    work()
    check.refresh_from_db()
    assert not check.passed
    assert "credential" in check.status_message.lower()
