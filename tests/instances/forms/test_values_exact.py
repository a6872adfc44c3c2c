"""Values arrive in Terraform as they were entered, by pages and API, with real Terraform."""

import hashlib
import json

import pytest

from catalog.models import Template
from catalog.schema import TemplateError
from tests.instances.doors import ApiDoor, PageDoor, outputs, publish
from tests.signing import Caller

pytestmark = [
    pytest.mark.engine,
    pytest.mark.usefixtures("terraform"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(params=["page", "api"])
def door(request, browser, alice):
    return PageDoor(browser) if request.param == "page" else ApiDoor(Caller.of(alice))


EPHEMERAL = """
variable "token" {
  type      = string
  ephemeral = true
}
variable "parts" {
  type      = list(string)
  ephemeral = true
  default   = []
}
variable "size" {
  type    = number
  default = 1
}
resource "terraform_data" "x" { input = var.size }
output "o" { value = terraform_data.x.output }
"""


def test_ephemeral_values_are_passed_again_at_apply(door, alice):
    version = publish(alice, EPHEMERAL)
    instance = door.launch(version, token="abcd-1234", parts='["a${b}"]')
    assert (instance.status, outputs(instance)) == ("Available", {"o": 1})
    instance = door.update(instance, version, size="2")
    assert (instance.status, outputs(instance)) == ("Available", {"o": 2})
    task = instance.last_task
    assert "token" not in task.parameters
    assert task.masked_parameters["token"] == "******"


SECRETS = """
variable "l" {
  type      = list(string)
  sensitive = true
  default   = []
}
variable "m" {
  type      = map(string)
  sensitive = true
  default   = {}
}
variable "a" {
  type      = any
  sensitive = true
  default   = null
}
variable "untyped" {
  sensitive = true
  default   = []
}
variable "n" {
  type      = number
  sensitive = true
  default   = 1
}
output "l" { value = nonsensitive([for v in var.l : sha256(v)]) }
output "m" { value = nonsensitive([for k, v in var.m : sha256("${k}=${v}")]) }
output "a" { value = nonsensitive(sha256(jsonencode(var.a))) }
output "untyped" { value = nonsensitive(sha256(jsonencode(var.untyped))) }
output "n" { value = nonsensitive("n is ${var.n == 0.12345678901234567890123}") }
"""
HARD = [
    "pre$${x}post",
    "a${b}",
    "100%{x}",
    "$$${x}",
    "🎉",
    "\b\f\x1f",
    'back\\slash "quoted"',
    "line\nbreak",
]


def hashed(text):
    """Return the digest of a secret; its base64 would be masked as well."""
    return hashlib.sha256(text.encode()).hexdigest()


def test_secret_lists_maps_and_objects_arrive_exactly(door, alice):
    version = publish(alice, SECRETS)
    instance = door.launch(
        version,
        l=json.dumps(HARD),
        m=json.dumps({"k${1}": "v%{if}"}),
        a="plain text",
        untyped=json.dumps(["x${y}", {"deep": 1}]),
        n="0.12345678901234567890123",
    )
    assert instance.status == "Available", instance.status_message
    found = outputs(instance)
    assert found["l"] == [hashed(text) for text in HARD]
    assert found["m"] == [hashed("k${1}=v%{if}")]
    assert found["a"] == hashed('"plain text"')
    assert found["untyped"] == hashed('["x${y}",{"deep":1}]')
    assert found["n"] == "n is true"


DEFAULTS = """
variable "rate" {
  type    = string
  default = 0.00001
}
variable "big" {
  type    = string
  default = 1e21
}
variable "exact" {
  type    = string
  default = 123456789.123456789
}
variable "tags" {
  type    = map(string)
  default = { rate = 0.00001 }
}
variable "sizes" {
  type    = map(string)
  default = { true = "large", false = "small", (1.50) = "between", 北京 = "hz" }
}
variable "text" {
  type    = string
  default = <<-EOT
    a
BLANK
    b
  EOT
}
variable "choice" {
  type    = string
  default = true ? "x" : "y"
}
variable "doubled" {
  type    = list(number)
  default = [for i in [1, 2] : i * 2]
}
variable "third" {
  type    = number
  default = 1 / 4
}
variable "joined" {
  default = "a-${1 + 1}"
}
variable "nested" {
  type = object({
    北京 = optional(string, true ? "a" : "b")
    n  = number
  })
  default = { n = 0.12345678901234567890123 }
}
output "all" {
  value = jsonencode([
    var.rate, var.big, var.exact, var.tags, var.sizes, var.text, var.choice,
    var.doubled, var.third, var.joined, var.nested,
  ])
}
""".replace("BLANK", " " * 10)
RIGHT = (
    '["0.00001","1000000000000000000000","123456789.123456789",{"rate":"0.00001"},'
    '{"1.5":"between","false":"small","true":"large","北京":"hz"},'
    '"a\\n          \\nb\\n","x",[2,4],0.25,"a-2",'
    '{"n":0.12345678901234567890123,"北京":"a"}]'
)


def test_defaults_are_computed_by_terraform(door, alice):
    version = publish(alice, DEFAULTS)
    instance = door.launch(version)
    assert outputs(instance)["all"] == RIGHT
    by_key = version.template.schema.by_key
    assert by_key["choice"].default == "x"
    assert by_key["doubled"].default == [2, 4]
    assert by_key["third"].default == 0.25
    assert by_key["joined"].default == "a-2"
    assert not any(parameter.default_unknown for parameter in by_key.values())


NUMBERS = """
variable "n" { type = number }
variable "l" { type = tuple([number, number]) }
variable "any" { type = any }
output "n" { value = var.n }
output "text" { value = "${var.n} ${jsonencode(var.l)} ${jsonencode(var.any)}" }
resource "terraform_data" "x" { input = var.n }
"""


def test_numbers_keep_their_digits_to_the_engine_and_back(door, alice, browser):
    version = publish(alice, NUMBERS)
    digits = "12345678901234567890.123456789"
    instance = door.launch(
        version, n=digits, l=f"[{digits}, 1e-05]", any=f'{{"x": {digits}}}'
    )
    text = f'{digits} [{digits},0.00001] {{"x":{digits}}}'
    assert outputs(instance)["text"] == text
    assert str(outputs(instance)["n"]) == digits
    page = browser.get(f"{instance.last_task.get_absolute_url()}output/")
    assert digits in page.content.decode()
    page = browser.get(f"{instance.last_task.get_absolute_url()}parameters/")
    assert page.content.decode().count(digits) == 3


@pytest.mark.parametrize(
    ("default", "words"),
    [
        ("{ (null) = 1 }", "key must be text"),
        ('true ? upper("x") : "y"', "calls a function"),
        ("[for i in local.x : i]", "refers to other values"),
        ('{ for k in ["a", "a"] : k => 1 }', "Two different items"),
    ],
)
def test_a_default_that_terraform_cannot_compute_is_refused(alice, default, words):
    source = f'variable "x" {{\n  default = {default}\n}}'
    with pytest.raises(TemplateError, match=words):
        Template.objects.from_files({"main.tf": source})


def test_a_default_without_terraform_console_is_left_to_the_run(
    alice, settings, terraform
):
    settings.TERRAFORM_BIN = "/nowhere/terraform"
    version = publish(alice, DEFAULTS)
    assert version.template.schema.by_key["choice"].default_unknown
    settings.TERRAFORM_BIN = terraform
    instance = ApiDoor(Caller.of(alice)).launch(version)
    assert outputs(instance)["all"] == RIGHT
