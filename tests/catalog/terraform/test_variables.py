"""The part of a module that can be planned without a provider."""

import json
import subprocess

import pytest

from catalog.terraform.variables import variables_source

MAIN = """
# A note } with a bracket
variable "size" {
  type    = string
  default = "s"
  validation {
    condition     = contains(local.sizes, var.size)
    error_message = "Size is one of ${join(", ", local.sizes)}."
  }
  validation {
    condition     = var.size != local.from_resource
    error_message = "Never shown."
  }
}
variable "file" {
  default = "x"
  validation {
    condition     = fileexists("${path.module}/${var.file}")
    error_message = "Never shown."
  }
}
locals {
  sizes         = [for k, v in local.table : k if v.on]
  table         = { s = { on = true }, m = { on = true }, l = { on = false } }
  from_resource = terraform_data.x.id
  indirect      = "${local.from_resource}-x"
  from_data     = data.a.b.c
  from_file     = file("x")
  from_module   = module.a.b
  index         = { (var.size) = var["size"] }
}
resource "terraform_data" "x" { input = local.sizes }
"""


def test_variables_and_the_locals_made_of_them_are_kept():
    source = variables_source({"main.tf": MAIN})
    for name in ("sizes ", "table ", 'variable "size"', 'variable "file"'):
        assert name in source
    for name in (
        "from_",
        "indirect",
        "index",
        "resource",
        "Never shown",
        "path.module",
    ):
        assert name not in source


def test_json_variables_are_written_as_hcl():
    data = {
        "variable": {"a": {"type": "string", "default": "${x}"}},
        "locals": {"l": "${var.a}"},
    }
    source = variables_source({"x.tf.json": json.dumps(data)})
    assert 'default = "$${x}"' in source
    assert 'l = "${var.a}"' in source


@pytest.mark.engine
def test_terraform_validates_values_with_the_source(terraform, tmp_path):
    (tmp_path / "main.tf").write_text(variables_source({"main.tf": MAIN}))
    (tmp_path / "terraform.tfvars.json").write_text('{"size": "l"}')
    run = subprocess.run(
        [terraform, "plan", "-input=false", "-no-color", "-lock=false"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert run.returncode == 1
    assert "Size is one of m, s." in run.stderr
