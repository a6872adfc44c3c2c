"""A key and a script are pasted at launch; an update of another field leaves them alone."""

import json
import re
import uuid

import pytest

from tests.e2e.test_accessibility import Axe
from tests.e2e.test_curation import create_portfolio, create_product, open_version

expect = pytest.importorskip("playwright.sync_api").expect
RUN_MS = 300_000
KEY = "-----BEGIN KEY-----\nMIIE\nAB==\n-----END KEY-----"
SCRIPT = "#!/bin/sh\n\n\techo one\necho two  \n"
MAIN_TF = """\
variable "private_key" {
  type        = string
  sensitive   = true
  description = "Private key in PEM form."
}
variable "cloud_init" {
  type        = string
  description = "Shell script to run at first boot."
}
variable "notes" {
  type    = list(string)
  default = []
}
output "key_lines" { value = nonsensitive(length(split("\\n", var.private_key))) }
output "script" { value = jsonencode(var.cloud_init) }
output "notes" { value = jsonencode(var.notes) }
"""


def paste(field, text):
    """Paste a text as a person does; the fallback is what the browser does itself."""
    field.click()
    field.evaluate(
        """(node, text) => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
            if (node.dispatchEvent(paste)) document.execCommand("insertText", false, text);
        }""",
        text,
    )


@pytest.fixture
def admin(sign_in):
    return sign_in("admin")


@pytest.fixture
def keys_product(admin):
    """A product of the template above that alice may launch."""
    name = f"Keys {uuid.uuid4().hex[:6]}"
    address = create_product(admin, name, MAIN_TF)
    open_version(admin, address)
    create_portfolio(admin, f"For {name}", name, person="alice")
    return address.rstrip("/").rpartition("/")[2]


def outputs_of(page, instance):
    """Return the outputs of the newest task."""
    page.goto(f"{instance}/tasks/")
    page.get_by_role("link", name="View output").first.click()
    page.wait_for_url("**/output/")
    expect(
        page.get_by_role("cell", name="key_lines").or_(
            page.get_by_role("rowheader", name="key_lines")
        )
    ).to_be_visible()
    rows = page.get_by_role("main").locator("tr[role=row]:has(td)")
    cells = [row.locator("th, td").all_text_contents() for row in rows.all()]
    return {name.strip(): value.strip() for name, value in cells}


def instance_of(page):
    expect(page).to_have_url(re.compile(r"/instances/pp-"))
    expect(page.locator("[data-status=Available]").first).to_be_visible(timeout=RUN_MS)
    return page.url.split("/tasks/")[0].split("#")[0].rstrip("/")


def test_pasted_lines_reach_the_engine_and_survive_an_update(sign_in, keys_product):
    page = sign_in("alice")
    page.goto(f"/products/{keys_product}/launch/")
    page.get_by_label("Product instance name").fill(f"keys-{uuid.uuid4().hex[:6]}")
    key, script = page.get_by_label("private_key"), page.get_by_label("cloud_init")
    expect(key).to_have_attribute("type", "password")
    paste(key, KEY)
    expect(key).to_have_class("covered")
    expect(key).to_have_value(KEY)
    paste(script, SCRIPT)
    expect(script).to_have_value(SCRIPT)
    assert script.bounding_box()["height"] > 70
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="Next").last.click()
    expect(page.get_by_role("button", name="Launch")).to_be_visible(timeout=RUN_MS)
    assert "MIIE" not in page.content()
    page.get_by_role("button", name="Launch").click()
    instance = instance_of(page)
    told = outputs_of(page, instance)
    assert told["key_lines"] == "4"
    assert json.loads(told["script"]) == SCRIPT

    page.goto(f"{instance}/update/")
    page.get_by_label("Value, row 1").fill("first")
    page.get_by_role("button", name="Next").last.click()
    page.get_by_role("button", name="Update product").click()
    instance = instance_of(page)
    told = outputs_of(page, instance)
    assert told["key_lines"] == "4"
    assert json.loads(told["script"]) == SCRIPT
    assert json.loads(told["notes"]) == ["first"]


def test_a_control_of_one_line_sends_its_form_and_grows_by_its_button(
    sign_in, keys_product
):
    page = sign_in("alice")
    page.goto(f"/products/{keys_product}/launch/")
    script, key = page.get_by_label("cloud_init"), page.get_by_label("private_key")
    script.press_sequentially("one")
    script.press("Enter")
    expect(page.locator("[data-error-summary]")).to_be_visible()
    expect(script).to_have_value("one")

    opener = page.get_by_role("button", name="Enter several lines")
    expect(opener).to_have_count(2)
    opener.nth(1).click()
    expect(script).to_be_focused()
    expect(opener).to_have_count(1)
    script.press("End")
    script.press_sequentially("\ntwo")
    expect(script).to_have_value("one\ntwo")

    key.fill("s3cret")
    opener.first.click()
    expect(key).to_have_class("covered")
    expect(key).to_have_value("s3cret")
    expect(key).to_be_focused()
    page.get_by_role("button", name="Show entered text").click()
    expect(key).not_to_have_class("covered")


def test_without_javascript_a_text_is_a_text_area(sign_in, keys_product):
    page = sign_in("alice", java_script_enabled=False)
    page.goto(f"/products/{keys_product}/launch/")
    page.get_by_label("Product instance name").fill(f"keys-{uuid.uuid4().hex[:6]}")
    key, script = page.get_by_label("private_key"), page.get_by_label("cloud_init")
    assert script.evaluate("node => node.localName") == "textarea"
    expect(key).to_have_css("-webkit-text-security", "disc")
    expect(page.get_by_role("button", name="Enter several lines")).to_have_count(0)
    key.fill(KEY)
    script.fill(SCRIPT)
    page.get_by_role("button", name="Next").last.click()
    expect(page.get_by_role("main")).to_contain_text("echo one")
    page.get_by_role("link", name="Edit").first.click()
    expect(page.get_by_label("cloud_init")).to_have_value(SCRIPT)
