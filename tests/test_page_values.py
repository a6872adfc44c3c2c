"""No page shows a value as Python writes it: `None`, `True`, `{'a': 1}`, `['x']`."""

import re
from html.parser import HTMLParser

import pytest
from django.template import base
from django.templatetags import i18n

from catalog.models import Constraint
from console.lib.audit import AuditEntry
from console.lib.spreadsheet import cell
from instances.models import Output, Plan, Resource, Task, TaskDiagnostics
from tests.access_table import TABLE
from tests.everything import Everything
from tests.factories import TemplateFactory, VersionFactory

pytestmark = pytest.mark.django_db
SOURCE = """\
variable "nothing" {
  type    = string
  default = null
}

variable "flag" {
  type    = bool
  default = true
}

variable "names" {
  type    = list(string)
  default = ["a", "b"]
}

variable "empty" {
  type    = list(string)
  default = []
}

variable "labels" {
  type    = map(string)
  default = { team = "web" }
}

variable "nets" {
  type    = list(object({ port = number, open = optional(bool), tags = optional(list(string)) }))
  default = [{ port = 1, open = null, tags = ["x"] }]
}

variable "one" {
  type    = object({ port = optional(number), deep = optional(object({ a = string })) })
  default = {}
}

variable "free" {
  default     = { a = [1, null] }
  type        = any
  description = "{\\"Label\\": \\"Free\\", \\"Description\\": {\\"en\\": \\"Any\\"}}"
}

variable "choice" {
  default     = "x"
  description = "{\\"AllowedValues\\": [\\"x\\", \\"y\\"]}"
}

output "all" {
  value = var.free
}
"""
VALUES = {
    "nothing": None,
    "flag": False,
    "names": ["a", "b"],
    "empty": [],
    "labels": {"team": "web", "none": None},
    "nets": [{"port": 1, "open": None, "tags": ["x"]}],
    "one": {},
    "free": {"a": [1, None, True]},
}
OUTPUTS = {
    **VALUES,
    "number": 1.5,
    "deep": [[{"a": [None, {"b": True}]}]],
    "mapping": {},
    "text": "",
}
FACTS = {"a": None, "b": {"c": [None, True]}, "d": [], "e": ["x", {"y": None}]}
RAW = (bool, dict, list, tuple, set, frozenset, bytes)
# Quoted by a page as code: there Python's words may be another language's.
QUOTING = {"pre", "script", "style", "textarea", "code"}
PYTHON = re.compile(r"[\[{(]\s*'|': |\b(?:None|True|False)[,\]})]")


class Texts(HTMLParser):
    """The texts of a page that are not code."""

    def __init__(self, html):
        super().__init__()
        self.quoting, self.found = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag in QUOTING:
            self.quoting.append(tag)
        self.found += [
            value
            for name, value in attrs
            if value and name in ("value", "aria-label", "title", "placeholder", "alt")
        ]

    def handle_endtag(self, tag):
        if self.quoting and self.quoting[-1] == tag:
            self.quoting.pop()

    def handle_data(self, data):
        if not self.quoting or self.quoting == ["code"]:
            self.found.append(data)

    @property
    def pythonic(self):
        texts = (text.strip() for text in self.found)
        return [
            text
            for text in texts
            if text in ("None", "True", "False") or PYTHON.search(text)
        ]


@pytest.fixture
def rendered(monkeypatch):
    """The values that templates put out as they are."""
    found = []
    plain = base.render_value_in_context

    def watch(value, context):
        if value is None or isinstance(value, RAW):
            found.append((context.template_name, value))
        return plain(value, context)

    monkeypatch.setattr(base, "render_value_in_context", watch)
    monkeypatch.setattr(i18n, "render_value_in_context", watch)
    return found


@pytest.fixture
def everything(alice, bob, carol, admin):
    found = Everything(alice, bob, admin)
    version = VersionFactory(
        product=found.product, template=TemplateFactory(files={"main.tf": SOURCE})
    )
    found.version = version
    Constraint.objects.create(
        kind="Template",
        product=found.product,
        portfolio=found.portfolio,
        config={
            "Rules": [
                {"ParameterKey": "choice", "AllowedValues": ["x", "y"]},
            ]
        },
    )
    for model, pk in ((Task, found.task.pk), (Plan, found.plan.pk)):
        model.objects.filter(pk=pk).update(version=version, parameters=VALUES)
    for draft in found.drafts:
        Plan.objects.filter(pk=draft.pk).update(version=version, parameters=VALUES)
    found.instance.version = version
    found.instance.save()
    for key, value in OUTPUTS.items():
        Output.objects.create(task=found.task, key=key, value=value)
    Output.objects.create(
        task=found.task, key="hidden", sensitive=True, secret_value={"a": None}
    )
    Plan.objects.update(
        changes=[
            {
                "address": f"a.{action}",
                "type": "a",
                "name": action,
                "action": action,
                "reason": None,
                "replace_paths": [["x", 0], None],
                "before": {**FACTS, "was": [1]},
                "after": VALUES,
            }
            for action in ("Add", "Modify", "Replace", "Remove", "None")
        ]
    )
    Resource.objects.create(
        instance=found.instance, address="a.c", name="c", type="a", status="X"
    )
    TaskDiagnostics.objects.create(task=found.task, exit_code=None, line=None)
    AuditEntry.objects.record(
        "Odd", found.instance, by=admin, before=FACTS, after={**FACTS, "f": False}
    )
    found.let_approve(carol)
    return found


def addresses(everything, role):
    for route, (who, methods) in TABLE.items():
        if role in who and "GET" in methods:
            yield everything.address(route)
    other = everything.product.versions.exclude(pk=everything.version.pk).first()
    version = (
        f"/manage/products/{everything.product.pk}/versions/{everything.version.pk}/"
    )
    if role == "admin":
        yield f"{version}compare/?with={other.pk}"
        for output in Output.objects.all():
            yield f"/admin/instances/output/{output.pk}/change/"
        yield f"/admin/instances/task/{everything.task.pk}/change/"
        yield f"/admin/instances/plan/{everything.plan.pk}/change/"
        yield f"/admin/instances/taskdiagnostics/{everything.task.pk}/change/"
    for operation, draft in zip(("launch", "update"), everything.drafts, strict=True):
        kind = "products" if operation == "launch" else "instances"
        pk = everything.product.pk if operation == "launch" else everything.instance.pk
        yield f"/{kind}/{pk}/{operation}/review/?plan={draft.pk}"
        yield f"/{kind}/{pk}/{operation}/?plan={draft.pk}"


@pytest.mark.parametrize("key", VALUES)
def test_the_parameter_behind_a_failure_is_told_as_people_write_it(everything, key):
    task = everything.task
    Task.objects.filter(pk=task.pk).update(status=Task.Status.FAILED)
    TaskDiagnostics.objects.filter(task=task).update(parameter=key, address="a.b")
    page = everything.client("alice").get(task.get_absolute_url())
    assert not Texts(page.content.decode()).pythonic


def test_a_spreadsheet_has_json_where_a_value_is_no_text():
    assert cell({"a": [None, True]}) == '{"a": [null, true]}'
    assert [cell(False), cell(None), cell(["x"])] == ["false", "", '["x"]']


@pytest.mark.parametrize("role", ["alice", "carol", "admin"])
def test_no_page_shows_a_value_as_python_writes_it(everything, rendered, role):
    client = everything.client(role)
    wrong, seen = [], 0
    for url in addresses(everything, role):
        rendered.clear()
        page = client.get(url)
        seen += page.status_code == 200
        wrong += [f"{url}: {name} puts out {value!r}" for name, value in rendered]
        if page.headers.get("Content-Type", "").startswith("text/html"):
            texts = Texts(page.content.decode())
            wrong += [f"{url}: {text!r}" for text in texts.pythonic]
    assert seen > 15
    assert not wrong, "\n".join(dict.fromkeys(wrong))
