"""Oversized input is refused quickly and with little memory.

Seconds are CPU time of this process, because a busy machine delays any clock; memory is
the growth of this process.
"""

import io
import json
import struct
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from catalog.models import Template
from instances.models import Instance, ProvisioningSpec, Task, TaskLog
from instances.worker.loop import Worker
from tests.catalog.test_template_refuse import LAUGHS
from tests.factories import (
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    VersionFactory,
)
from tests.signing import Caller

pytestmark = pytest.mark.django_db
SECONDS = 2.0
GROWTH = 100 << 20


def resident(key):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise AssertionError(key)


@contextmanager
def bounded(seconds=SECONDS, growth=GROWTH):
    """Fail if the block needs more time or more memory at its peak."""
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    before, began = resident("VmRSS"), time.process_time()
    yield
    assert time.process_time() - began < seconds
    assert resident("VmHWM") - before < growth


def zipped(*entries):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in entries:
            archive.writestr(name, text)
    return stream.getvalue()


def lying():
    """Return an archive of fifty million bytes whose header says ten."""
    data = bytearray(zipped(("main.tf", b"0" * 50_000_000)))
    for magic, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(magic) + place, 10)
    return bytes(data)


ARCHIVES = {
    "fifty million zeros": lambda: zipped(("main.tf", b"0" * 50_000_000)),
    "a header that lies": lying,
    "many empty entries": lambda: zipped(*((f"{n}.tf", "") for n in range(8_000))),
    "the same name twice": lambda: zipped(("main.tf", "a"), ("main.tf", "b")),
    "an archive inside": lambda: zipped(
        ("main.tf", zipped(("x.tf", b"0" * 9_000_000)))
    ),
    "a long name": lambda: zipped(("a/" * 30_000 + "x.tf", "")),
    "nothing of a zip": lambda: b"PK\x03\x04" + b"\xff" * 900_000,
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ARCHIVES)
def test_an_oversized_archive_is_refused_quickly_and_with_little_memory(
    admin_browser, name
):
    upload = SimpleUploadedFile("template.zip", ARCHIVES[name]())
    product = ProductFactory()
    with bounded():
        answer = admin_browser.post(
            f"/manage/products/{product.pk}/versions/new/",
            {
                "name": "1",
                "guidance": "Default",
                "source": "uploads",
                "uploads": upload,
            },
        )
    assert answer.status_code == 422
    assert not product.versions.exists()


HEAD = "ROSTemplateFormatVersion: '2015-09-01'\nResources: {a: 1}\n"
DOCUMENTS = {
    "billion laughs": HEAD + LAUGHS,
    "deep yaml": HEAD + "x: " + "[" * 100_000,
    "deep json": '{"a":' * 50_000,
    "many nodes": HEAD + "x: [" + "1," * 200_000 + "]",
    "a long number": '{"a": ' + "9" * 400_000 + "}",
}
SOURCES = {
    "a long sum": 'variable "a" {\n  default = ' + "1 + " * 5000 + "1\n}\n",
    "ternaries": 'variable "a" {\n  default = ' + "true ? 1 : " * 5000 + "1\n}\n",
    "deep parentheses": 'variable "a" {\n  default = ' + "(" * 100_000,
    "a heredoc": 'variable "a" {\n  default = <<E\n' + "x\n" * 240_000 + "E\n}\n",
    "an open comment": "/*" * 200_000,
    "many blocks": 'variable "a" {}\n' * 30_000,
    "interpolations": 'variable "a" {\n  default = "' + "${" * 100_000 + '"\n}\n',
}


def workspace(source):
    document = {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Transform": "Aliyun::Terraform-v1.5",
        "Workspace": {"main.tf": source},
    }
    return json.dumps(document)


@pytest.mark.parametrize(
    "text",
    [*DOCUMENTS.values(), *map(workspace, SOURCES.values())],
    ids=[*DOCUMENTS, *SOURCES],
)
def test_an_oversized_template_is_refused_quickly_and_with_little_memory(
    admin, settings, text
):
    settings.API_RATE = 0
    caller = Caller.of(admin)
    # The grammar is read once in a process, which is not this document's doing.
    caller.send("CreateTemplate", {"TemplateBody": workspace('variable "a" {}\n')})
    told = {"TemplateType": "RosTerraformTemplate", "TemplateBody": text}
    with bounded():
        answer = caller.send("CreateTemplate", told)
    assert answer.status_code == 400, answer.content[:300]


PATTERNS = ("^(a+)+$", "^(a|aa)+$", "^(.*a){20}$", "([a-zA-Z]+)*$")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_catastrophic_pattern_is_evaluated_quickly(alice, browser, pattern):
    document = {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Transform": "Aliyun::Terraform-v1.5",
        "Parameters": {"x": {"Type": "String", "AllowedPattern": pattern}},
        "Workspace": {"main.tf": 'variable "x" {\n  type = string\n}\n'},
    }
    template = Template.objects.from_document(json.dumps(document))
    version = VersionFactory(template=template)
    PortfolioFactory(products=[version.product], users=[alice])
    address = f"/products/{version.product.pk}/launch/"
    told = {"name": "a", "version": version.pk, "parameters-x": "a" * 60_000 + "!"}
    with bounded():
        answer = browser.post(address, told)
    assert answer.status_code in (200, 422)


FORMS = {
    "ten thousand fields": {f"f{n}": "x" for n in range(10_000)},
    "a value of a megabyte": {"name": "x" * (1 << 20)},
    "a long search": {"q": "x" * 1_000_000},
}


@pytest.mark.parametrize("name", FORMS)
def test_an_oversized_form_is_refused_quickly_and_with_little_memory(
    admin_browser, name
):
    with bounded():
        answer = admin_browser.post("/manage/portfolios/new/", FORMS[name])
    assert 400 <= answer.status_code < 500


def test_a_huge_request_is_refused_before_it_is_read(admin_browser):
    class Endless(io.RawIOBase):
        def read(self, size=-1):
            raise AssertionError("nothing of it is read")

    with bounded():
        answer = admin_browser.generic(
            "POST",
            "/manage/products/new/",
            b"x",
            content_type="multipart/form-data; boundary=x",
            CONTENT_LENGTH=str(300 << 20),
            **{"wsgi.input": Endless()},
        )
    assert answer.status_code == 413


@pytest.mark.parametrize("size", ["1000000000", "-1", str(2**70), "1e9", "٣"])
def test_the_page_size_is_limited(admin, admin_browser, settings, size):
    settings.API_RATE = 0
    with bounded():
        shown = admin_browser.get("/instances/", {"access": "account", "size": size})
        told = Caller.of(admin).send("ListPortfolios", {"PageSize": size})
    assert shown.status_code == 200
    assert told.status_code == 400


@pytest.mark.parametrize(
    "order", ["owner__password", "-created_at,__class__", "Password"]
)
def test_lists_can_be_sorted_only_by_their_columns(
    admin, admin_browser, settings, order
):
    settings.API_RATE = 0
    assert admin_browser.get("/instances/", {"sort": order}).status_code == 200
    told = Caller.of(admin).send("ListPortfolios", {"SortBy": order})
    assert told.status_code == 400


LOUD = """#!/bin/sh
case "$*" in
*version*) echo "Terraform v1.11.4" ;;
*plan*) {flood} ;;
esac
"""
FLOODS = {
    "a stream without end": "while :; do echo 0123456789012345678901234567890123; done",
    "one line without end": "tr '\\0' x < /dev/zero",
    "no text at all": "head -c 4000000 /dev/urandom; exit 1",
    "controls": "yes \"$(printf '\\033[2J\\033]8;;http://x\\007\\342\\200\\256')\" | head -n 20000; exit 1",
}


@pytest.mark.engine
@pytest.mark.parametrize("name", FLOODS)
@pytest.mark.django_db(transaction=True)
def test_endless_output_is_cut_off(alice, browser, settings, tmp_path, name):
    """A task with endless output is stopped, and its log is short and plain."""
    program = tmp_path / "loud"
    program.write_text(LOUD.replace("{flood}", FLOODS[name]))
    program.chmod(0o755)
    settings.TERRAFORM_BIN = str(program)
    version = VersionFactory()
    portfolio = PortfolioFactory(products=[version.product], users=[alice])
    settings.LOG_BYTES = 128 * 1024
    task = Instance.objects.launch(
        ProvisioningSpec(version, portfolio, {}),
        name="loud",
        region=RegionFactory(),
        by=alice,
    )
    with bounded(seconds=60):
        Worker().work(once=True)
    task = Task.objects.get(pk=task.pk)
    assert task.status == Task.Status.FAILED
    kept = sum(len(str(log.lines)) for log in TaskLog.objects.filter(task=task))
    assert kept < 4 << 20
    with bounded():
        page = browser.get(f"{task.get_absolute_url()}log/")
    assert page.status_code == 200
    assert len(page.content) < 2 << 20
    assert not {"\x1b", "\u202e", "\x00"} & set(page.content.decode())
