"""No page scrolls sideways for wide content, or shows the indentation of its template."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.conftest import ROOT

WIDTHS = (1280, 390)
SOURCE = (
    'variable "nets" {\n  type = list(object({\n'
    + "".join(f"    attribute_number_{n:02} = optional(string)\n" for n in range(18))
    + "  }))\n  default = []\n}\n"
    'variable "long" {\n  default = "'
    + "x"
    * 400
    + '"\n  description = "Two lines\\n- and\\n- a list"\n}\n'
    'resource "terraform_data" "'
    + "long_name_"
    * 12
    + '" {\n  input = { long = var.long, nets = var.nets }\n}\n'
    'output "wide" {\n  value = var.long\n}\n'
)
# What an administrator publishes, and carol launches and plans, without the wizard.
SEED = """
import json
from catalog.models import Portfolio, Product, Region, Template, Version
from console.lib.users import User
from instances.models import Instance, Plan, ProvisioningSpec
admin, carol = (User.objects.get(username=name) for name in ("admin", "carol"))
source, nets = json.loads({facts!r})
product = Product.objects.publish(
    name="Wide", provider="Team", description="Wide:\\n- " + "w" * 100, by=admin
)
versions = []
for number in (1, 2):
    template = Template.objects.from_files(
        {{"main.tf": source, "notes.md": "x" * 300 + str(number)}}, by=admin
    )
    versions.append(
        Version.objects.publish(
            product=product, template=template, name=str(number) + "w" * 100, by=admin
        )
    )
portfolio = next(
    each for each in Portfolio.objects.all() if each.products.exists()
    and carol in User.objects.filter(pk=carol.pk)
    and Portfolio.objects.launch_options(each.products.first(), carol).filter(pk=each.pk).exists()
)
portfolio.products.add(product)
spec = ProvisioningSpec(versions[0], portfolio, {{"nets": nets, "long": "y" * 500}}, {{"k" * 60: "v" * 120}})
region = Region.objects.active().first()
task = Instance.objects.launch(spec, name="wide-" + "i" * 100, region=region, by=carol)
plan = Plan.objects.submit(
    "LaunchProduct", spec, name="plan-" + "p" * 100, by=carol, region=region,
    instance_name="planned-wide", description="Why:\\n- " + "d" * 60,
)
print(json.dumps([product.pk, versions[0].pk, versions[1].pk, task.instance_id, task.pk, plan.pk]))
"""
OVERFLOWS = (
    "document.documentElement.scrollWidth > document.documentElement.clientWidth"
)
# Frames that scroll, but cannot be reached by keys or have no name.
MUTE = """() => [...document.querySelectorAll("main *")].filter((each) =>
  each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0
  && ["auto", "scroll"].includes(getComputedStyle(each).overflowX)
  && !["TEXTAREA", "NAV"].includes(each.tagName)
  && (each.tabIndex < 0 || !(each.getAttribute("aria-label") || each.getAttribute("aria-labelledby")))
).map((each) => each.outerHTML.slice(0, 90))"""

# Texts that keep their line breaks and show those of the template too.
INDENTED = """() => {
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode, parent = text.parentElement, range = document.createRange();
    range.selectNode(text);
    if (/^\\s*\\n/.test(text.data) && !parent.closest("pre, textarea")
        && getComputedStyle(parent).whiteSpace.startsWith("pre") && range.getClientRects().length)
      found.push(parent.outerHTML.slice(0, 90));
  }
  return found;
}"""


@pytest.fixture
def wide(site, site_data):
    """The IDs of the rows with wide content."""
    nets = [{f"attribute_number_{n:02}": "v" * 12 for n in range(18)}]
    code = SEED.format(facts=json.dumps([SOURCE, nets]))
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code],
        cwd=ROOT,
        env=os.environ | {"CONSOLE_DATA_DIR": str(site_data)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_wide_content_scrolls_inside_its_frame(sign_in, wide):
    product, version, other, instance, task, plan = wide
    own = f"/instances/{instance}/"
    managed = f"/manage/products/{product}/"
    pages = {
        "carol": [
            "/products/",
            f"/products/{product}/",
            f"/products/{product}/launch/",
            "/instances/",
            *(f"{own}{tab}/" for tab in ("tasks", "resources", "tags", "plans")),
            *(f"{own}{form}/" for form in ("update", "terminate")),
            *(f"{own}tasks/{task}/{tab}/" for tab in ("log", "output", "parameters")),
            "/plans/",
            f"/plans/{plan}/",
        ],
        "admin": [
            "/manage/products/",
            managed,
            f"{managed}versions/{version}/",
            f"{managed}versions/{version}/files/",
            f"{managed}versions/{version}/try/",
            f"{managed}versions/{version}/compare/?with={other}",
            "/manage/audit/",
        ],
    }
    ready = sign_in("carol")
    ready.goto(own)
    ready.locator("[data-status=Available]").first.wait_for(timeout=60_000)
    found = []
    for username, addresses in pages.items():
        for width in WIDTHS:
            page = sign_in(username, viewport={"width": width, "height": 900})
            for address in addresses:
                page.goto(address)
                for summary in page.locator("main details:not([open]) > summary").all():
                    if summary.is_visible():
                        summary.click()
                if page.evaluate(OVERFLOWS):
                    found.append(f"{width} {address}: scrolls sideways")
                found += [
                    f"{width} {address}: {each}"
                    for check in (MUTE, INDENTED)
                    for each in page.evaluate(check)
                ]
    assert found == []
