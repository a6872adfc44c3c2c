"""An administrator turns a real template into a product with limits, and bob lives with them."""

import re
import uuid
from pathlib import Path

import pytest

from tests.e2e.conftest import send
from tests.e2e.test_accessibility import SCHEMES, SIZES, path_of, problems_of
from tests.e2e.test_journey import confirm

expect = pytest.importorskip("playwright.sync_api").expect
RUN_MS = 300_000
REAL = (
    Path(__file__).parents[3] / "shared/corpus/ros-templates/resources__ecs__disk.yml"
)
# Of the same shape, for a checkout that stands alone.
BUILT_IN = """\
ROSTemplateFormatVersion: '2015-09-01'
Parameters:
  ZoneId:
    Type: String
    AssociationProperty: ZoneId
  DiskCategory:
    Type: String
  Size:
    Type: Number
    MinValue: 5
    MaxValue: 2000
Resources:
  Disk:
    Type: ALIYUN::ECS::Disk
    Properties:
      ZoneId: {Ref: ZoneId}
      Size: {Ref: Size}
      DiskCategory: {Ref: DiskCategory}
Outputs:
  DiskId:
    Value: {'Fn::GetAtt': [Disk, DiskId]}
"""
RULE = "Disks here have 20 or 40 GB."
OBJECT_TF = """\
variable "server" {
  type    = object({ name = string, open = optional(bool), tags = optional(list(string), []) })
  default = { name = "web" }
}

variable "labels" {
  type    = map(string)
  default = { team = "shop" }
}

"""
FIELDS_TF = """\
variable "mode" {
  default     = "plain"
  description = "{\\"AllowedValues\\": [\\"plain\\", \\"own\\"]}"
}

variable "own_text" {
  default     = ""
  description = "{\\"AssociationPropertyMetadata\\": {\\"Visible\\": {\\"Condition\\": {\\"Fn::Equals\\": [\\"$${mode}\\", \\"own\\"]}}}}"
}

variable "password" {
  sensitive = true
}

variable "rules" {
  type    = list(object({ port = number, note = optional(string, "none") }))
  default = []
}

resource "terraform_data" "rule" {
  count = length(var.rules)
  input = var.rules[count.index]
}
"""


def template():
    return REAL.read_text(encoding="utf-8") if REAL.is_file() else BUILT_IN


def create_product(page, name, source):
    """Create a product from a document or from one Terraform file; gives its address."""
    page.goto("/manage/products/new/")
    page.get_by_label("Product name").fill(name)
    page.get_by_label("Provider").fill("Platform team")
    if source.startswith("ROSTemplate"):
        page.get_by_label("A ROS template in YAML or JSON").check()
        page.get_by_label("ROS template", exact=False).last.fill(source)
    else:
        page.get_by_label("Terraform files or .zip file").set_input_files(
            {"name": "main.tf", "mimeType": "text/plain", "buffer": source.encode()}
        )
    page.get_by_role("button", name="Create product").click()
    expect(page).to_have_url(re.compile(r"/manage/products/prod-\w+/$"))
    return page.url


def open_version(page, product):
    """Go to the first version and wait until its check has passed."""
    page.goto(product)
    page.locator("#product-versions .table__name").first.click()
    expect(page.locator("#version-check [data-status=Succeeded]")).to_be_visible(
        timeout=RUN_MS
    )


def create_portfolio(page, name, product, *, person):
    page.goto("/manage/portfolios/new/")
    page.get_by_label("Portfolio name").fill(name)
    page.get_by_label("Provider").fill("Platform team")
    page.get_by_role("button", name="Create portfolio").click()
    expect(page).to_have_url(re.compile(r"/manage/portfolios/port-\w+/"))
    portfolio = page.url
    page.goto(f"{portfolio}?q={product}")
    send(page, page.get_by_role("button", name=re.compile("^Add")).first)
    page.goto(f"{portfolio}access/")
    page.get_by_role("main").get_by_label(re.compile(r"^\s*User\b")).fill(person)
    page.get_by_role("button", name="Grant access").click()
    expect(page.get_by_role("region", name="Access grants table")).to_contain_text(
        person
    )
    return portfolio


def open_constraint_form(page, portfolio, pk, kind):
    page.goto(f"{portfolio}constraints/new/?product={pk}&kind={kind}")


def test_a_real_template_becomes_a_product_with_limits(sign_in):
    admin, name = sign_in("admin"), f"Disk {uuid.uuid4().hex[:6]}"
    product = create_product(admin, name, template())
    open_version(admin, product)
    expect(admin.locator("h1")).to_contain_text("Enabled")
    pk = product.rstrip("/").rpartition("/")[2]
    portfolio = create_portfolio(admin, f"For {name}", name, person="bob")

    open_constraint_form(admin, portfolio, pk, "Template")
    with admin.expect_response(lambda answer: answer.request.method == "POST"):
        admin.locator("[name=rules-0-parameter]").select_option("Size")
    admin.get_by_label("Rule description").first.fill(RULE)
    admin.get_by_label("Or enter allowed values, one per line").first.fill("20\n40")
    send(admin, admin.get_by_role("button", name="Save"))
    open_constraint_form(admin, portfolio, pk, "StackRegion")
    admin.get_by_label(re.compile("Hangzhou")).check()
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_role("main")).to_contain_text(RULE)

    bob = sign_in("bob")
    launch_disk(bob, name, size="")
    expect(bob.locator("[data-error-summary]")).to_contain_text("Size")
    expect(bob.get_by_role("main")).to_contain_text(RULE)
    sizes = bob.get_by_label("Size").locator("option")
    expect(sizes).to_have_text(["Choose…", "20", "40"])
    regions = bob.get_by_label("Region", exact=True).locator("option")
    expect(regions).to_have_count(1)
    bob.get_by_label("Size").select_option("40")
    bob.get_by_role("button", name="Next").last.click()
    expect(bob.locator("#plan-changes")).to_contain_text("Disk", timeout=RUN_MS)
    confirm(bob, "Launch")
    expect(bob.locator("[data-status=Available]").first).to_be_visible(timeout=RUN_MS)

    admin.goto(f"{product}reach/?person=bob")
    expect(admin.locator("[data-access=allowed]")).to_contain_text("Available regions")
    admin.goto(f"{product}reach/?person=alice")
    expect(admin.locator("[data-access=refused]")).to_contain_text("Grant For")


def launch_disk(page, product, *, size):
    page.goto("/products/")
    page.get_by_role("link", name=product, exact=True).click()
    page.get_by_role("link", name="Launch product").first.click()
    page.get_by_label("Product instance name").fill(f"disk-{uuid.uuid4().hex[:6]}")
    page.get_by_label("ZoneId").fill("cn-hangzhou-h")
    page.get_by_label("DiskCategory").fill("cloud_essd")
    page.get_by_label("Size").select_option(size)
    page.get_by_role("button", name="Next").last.click()


def open_trial(page, source=FIELDS_TF):
    product = create_product(page, f"Fields {uuid.uuid4().hex[:6]}", source)
    page.goto(product)
    page.locator("#product-versions .table__name").first.click()
    page.get_by_role("link", name="Preview form").click()


def test_the_form_follows_what_is_entered_and_shows_the_plan(sign_in):
    page = sign_in("admin")
    open_trial(page)
    own = page.get_by_label("own_text")
    page.get_by_label("password").fill("hunter2-hunter2")
    expect(own).to_have_count(0)
    page.get_by_label("mode").select_option("own")
    expect(own).to_be_visible()
    own.fill("mine")
    expect(page.get_by_label("password")).to_have_value("hunter2-hunter2")

    page.get_by_label("port, row 1").fill("80")
    page.get_by_role("button", name="Add row").click()
    second = page.get_by_label("port, row 2")
    expect(second).to_be_focused()
    second.fill("443")
    expect(page.get_by_label("port, row 1")).to_have_value("80")
    expect(page.get_by_label("password")).to_have_value("hunter2-hunter2")
    page.get_by_role("button", name="Check and preview").last.click()
    expect(page.locator("#plan-changes")).to_contain_text(
        "terraform_data.rule[1]", timeout=RUN_MS
    )
    assert "hunter2" not in page.content()
    expect(page.get_by_role("button", name="Launch", exact=True)).to_have_count(0)
    expect(page.get_by_label("port, row 2")).to_have_value("443")
    page.get_by_role("button", name="Remove row 1").click()
    expect(page.get_by_label("port, row 1")).to_have_value("443")


def test_the_same_without_javascript(sign_in):
    page = sign_in("admin", java_script_enabled=False)
    open_trial(page)
    page.get_by_label("mode").select_option("own")
    page.get_by_role("button", name="Show the fields for these choices").click()
    page.get_by_label("own_text").fill("mine")
    page.get_by_label("port, row 1").fill("80")
    page.get_by_role("button", name="Add row").click()
    page.get_by_label("port, row 2").fill("443")
    page.get_by_label("password").fill("hunter2-hunter2")
    page.get_by_role("button", name="Check and preview").last.click()
    for _ in range(60):
        if page.locator("#plan-changes").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(page.locator("#plan-changes")).to_contain_text("terraform_data.rule[1]")


def test_suggestions_and_the_test_of_credentials(sign_in):
    page = sign_in("admin")
    page.goto("/manage/regions/cn-hangzhou/")
    page.get_by_label("Suggestions").fill("ZoneId: cn-hangzhou-h, cn-hangzhou-i")
    send(page, page.get_by_role("button", name="Save"))
    product = create_product(page, f"Zone {uuid.uuid4().hex[:6]}", template())
    page.goto(product)
    page.locator("#product-versions .table__name").first.click()
    page.get_by_role("link", name="Preview form").click()
    page.get_by_label("Region", exact=True).select_option("cn-hangzhou")
    offered = page.locator("datalist option")
    expect(offered).to_have_count(2)

    page.goto("/manage/regions/cn-hangzhou/test/")
    page.get_by_role("button", name="Test credentials").click()
    expect(page.locator("#region-test [data-status=Succeeded]")).to_be_visible(
        timeout=RUN_MS
    )


def test_tables_and_results_are_accessible(sign_in):
    page = sign_in("admin")
    open_trial(page, OBJECT_TF + FIELDS_TF)
    pages = [path_of(page), "/manage/regions/cn-hangzhou/"]
    page.get_by_label("password").fill("hunter2-hunter2")
    page.get_by_role("button", name="Check and preview").last.click()
    expect(page.locator("#plan-changes")).to_be_visible(timeout=RUN_MS)
    pages += [path_of(page), "/manage/regions/cn-hangzhou/test/"]
    found = []
    for size in SIZES:
        for scheme in SCHEMES:
            page = sign_in("admin", viewport=size, color_scheme=scheme)
            for address in pages:
                found += [
                    f"{size['width']} {scheme} {each}"
                    for each in problems_of(page, address)
                ]
    assert found == []


def test_a_folder_is_uploaded_with_its_folders(sign_in, tmp_path):
    for name, text in {
        "main.tf": 'module "net" {\n  source = "./modules/net"\n}\n',
        "modules/net/main.tf": 'resource "terraform_data" "net" {}\n',
        ".terraform/modules.json": "{}",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    page = sign_in("admin")
    page.goto("/manage/products/new/")
    page.get_by_label("Product name").fill(f"Folder {uuid.uuid4().hex[:6]}")
    page.get_by_label("Provider").fill("Platform team")
    page.get_by_label("Or a folder").set_input_files(str(tmp_path))
    page.get_by_role("button", name="Create product").click()
    expect(page).to_have_url(re.compile(r"/manage/products/prod-\w+/$"))
    open_version(page, page.url)
    page.get_by_role("link", name="File List View").click()
    expect(page.get_by_role("main")).to_contain_text("modules/net/main.tf")
    expect(page.get_by_role("main")).not_to_contain_text("modules.json")
