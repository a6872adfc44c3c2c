"""Real templates: schemas, forms and values, compared with Terraform."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.forms.parameters import CONFIRM, parameter_form
from catalog.models import Template, Version
from catalog.ros.document import read_document
from catalog.schema import InvalidParametersError, Schema, TemplateError
from catalog.schema.conversion import as_text
from catalog.terraform.module import read_module
from catalog.terraform.parameters import read_terraform
from catalog.terraform.variables import variables_source
from tests.factories import ProductFactory
from tests.form_fields import shown

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "ros-templates"
ENOUGH = 148
GUESSES = (
    "Passw0rd-Example",
    "example-name1",
    "ecs.u1-c1m2.large",
    "example1",
    "192.168.0.0/24",
    "192.168.0.1",
    "example.com",
    "a",
    "1",
    "true",
    "[]",
    "{}",
)
MEMBERS = ("description", "default", "sensitive", "nullable", "ephemeral", "type")


@pytest.fixture
def templates():
    if not CORPUS.is_dir():
        if os.environ.get("CI"):
            pytest.fail("CI needs the templates in ../shared", pytrace=False)
        pytest.skip("the templates in ../shared are not here")
    return {
        path.name: path.read_text(encoding="utf-8") for path in sorted(CORPUS.iterdir())
    }


def example(kind):
    """A value of a Terraform type."""
    if isinstance(kind, str):
        return {"number": 1, "bool": True}.get(kind, "a")
    if kind[0] == "object":
        return {name: example(inner) for name, inner in kind[1].items()}
    if kind[0] == "tuple":
        return [example(inner) for inner in kind[1]]
    return {} if kind[0] == "map" else []


def guess(parameter, number):
    """A text that a parameter which must be given accepts: another for each, for rules."""
    alone = Schema([replace(parameter, visible=None)])
    listed = [as_text(value) for value in parameter.allowed_values or []]
    own = f"Passw0rd-{number}"
    guesses = [*listed, as_text(parameter.min_value), own, *GUESSES]
    if parameter.kind == "object":
        guesses = [json.dumps(example(parameter.type))]
    for value in guesses:
        try:
            alone.clean({parameter.key: value})
        except InvalidParametersError:
            continue
        return value
    raise AssertionError(f"no value fits {parameter}")


def answers_for(form):
    """The form as a person leaves it: what must be given is given."""
    data = {}
    for number, name in enumerate(form.fields):
        parameter = form.schema.by_key[name.removesuffix(CONFIRM)]
        first = form[name].value() or ""
        if (not first or parameter.secret) and parameter.required:
            first = data.get(form.add_prefix(parameter.key)) or guess(parameter, number)
        data[form.add_prefix(name)] = first
    return data


def as_a_browser_sends_it(form):
    """The form filled in, but for what may be left as its HTML has it."""
    data = shown(form)
    for name, text in answers_for(form).items():
        key = name.removeprefix("parameters-").removesuffix(CONFIRM)
        if form.schema.by_key[key].required:
            data = {n: v for n, v in data.items() if not n.startswith(f"{name}:")}
            data[name] = text
    return data


def publish_document(name, text, by):
    """A version of a product of its own, as the pages and the API make it."""
    template = Template.objects.from_document(text, by=by)
    product = ProductFactory(name=name[:128], template_kind=template.kind)
    return Version.objects.publish(
        product=product, template=template, name="1.0", by=by
    )


@pytest.mark.django_db
def test_the_templates_become_versions_with_forms_whose_values_are_accepted(
    templates, admin
):
    refused = {}
    for name, text in templates.items():
        try:
            pk = publish_document(name, text, admin).pk
        except TemplateError as error:
            refused[name] = str(error)
            continue
        schema = Version.objects.get(pk=pk).template.schema
        form = parameter_form(schema, language="zh-hans")
        assert all(str(field) for _label, fields in form.groups() for field in fields)
        answered = parameter_form(schema, data=as_a_browser_sends_it(form))
        if not answered.is_valid():
            refused[name] = dict(answered.errors)
            continue
        values = answered.cleaned_values()
        assert schema.clean(values, text=False) == values
        texts = parameter_form(schema, data=answers_for(form))
        assert texts.is_valid()
        assert texts.cleaned_values() == values
    for name, reason in refused.items():
        print(f"{name}: {reason}")
    print(f"{len(templates) - len(refused)} of {len(templates)} templates rendered")
    assert len(templates) - len(refused) >= ENOUGH, refused


def unchecked(files):
    """The variables without their validations, which guessed values would break."""
    parts = []
    for item in read_module(files).variables.values():
        given = {name: item.source(name) for name in MEMBERS if item.source(name)}
        body = "".join(f"  {name} = {source}\n" for name, source in given.items())
        parts.append(f'variable "{item.name}" {{\n{body}}}\n')
    return "\n".join(parts)


def seen_by_terraform(terraform, folder, source, values):
    (folder / "main.tf").write_text(source, encoding="utf-8")
    (folder / "terraform.tfvars.json").write_text(json.dumps(values, indent=1))
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "CHECKPOINT_DISABLE": "1"}
    options = {"cwd": folder, "env": env, "capture_output": True, "check": True}
    subprocess.run(
        [terraform, "plan", "-input=false", "-lock=false", "-out=plan"], **options
    )
    shown = subprocess.run([terraform, "show", "-json", "plan"], **options)
    return json.loads(shown.stdout)["configuration"]["root_module"].get("variables", {})


@pytest.mark.engine
def test_variables_equal_those_of_terraform(templates, terraform, tmp_path):
    compared = 0
    for name, text in templates.items():
        document = read_document(text)
        if document.kind != "terraform":
            continue
        schema = read_terraform(document.files)
        declared = read_module(document.files).variables
        values = {p.key: example(p.type) for p in schema.parameters if p.required}
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        seen = seen_by_terraform(terraform, folder, unchecked(document.files), values)
        assert seen.keys() == schema.by_key.keys(), name
        for key, theirs in seen.items():
            ours = schema.by_key[key]
            said = declared[key].literal("description")
            assert theirs.get("default") == ours.default, (name, key)
            assert (theirs.get("description") or None) == (said or None), (name, key)
            assert ours.secret or not theirs.get("sensitive"), (name, key)
            compared += 1
    print(f"{compared} variables compared with Terraform")
    assert compared > 200


@pytest.mark.engine
def test_terraform_can_read_the_variables_alone(templates, terraform, tmp_path):
    """One run for all would clash in names; validate is enough, and needs no values."""
    folders = []
    for name, text in templates.items():
        document = read_document(text)
        if document.kind == "terraform":
            folder = tmp_path / name.replace(".", "-")
            folder.mkdir()
            (folder / "main.tf").write_text(variables_source(document.files))
            folders.append(folder)
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"}
    for folder in folders:
        run = subprocess.run(
            [terraform, "validate", "-no-color"],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, (folder.name, run.stderr)
