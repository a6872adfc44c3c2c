"""Real templates of the vendor, which are translated, planned, launched, updated and removed.

All are translated and planned; a sample is launched, updated and terminated. All are with

    CORPUS=all pytest -s -m corpus tests/instances/engines/ros_local/test_corpus.py
"""

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalog.forms.parameters import parameter_form
from catalog.ros.document import read_document
from catalog.schema import InvalidParametersError
from catalog.schema.conversion import as_text
from instances.engines.base import Order
from instances.engines.ros_local import problems
from tests.catalog.test_templates_corpus import CORPUS, answers_for
from tests.instances.engines.conftest import skip_without
from tests.instances.engines.ros_local.conftest import PSEUDO
from tests.waiting import PATIENCE_SECONDS

ENOUGH = 103
SAMPLE = 25
THREADS = 2
DURATIONS = ("CreateDuration", "DeleteDuration")


@pytest.fixture(scope="module")
def documents():
    """The standard templates by name."""
    if not CORPUS.is_dir():
        skip_without("../shared")
    found = {
        path.name: read_document(path.read_text(encoding="utf-8"))
        for path in sorted(CORPUS.iterdir())
    }
    return {name: each for name, each in found.items() if each.kind == "standard"}


@pytest.fixture(scope="module")
def possible(documents):
    """The templates without problems; print the others with their problems."""
    refused = {
        name: [str(each) for each in found]
        for name, document in documents.items()
        if (found := problems(document.body))
    }
    print(f"\n{len(documents) - len(refused)} of {len(documents)} templates translate")
    for name, reasons in refused.items():
        print(f"refused {name}: {'; '.join(reasons)}")
    return {name: each for name, each in documents.items() if name not in refused}


def hurried(value):
    """Return a template without the durations of its sleeps."""
    if isinstance(value, dict):
        return {
            key: 0 if key in DURATIONS else hurried(inner)
            for key, inner in value.items()
        }
    return [hurried(item) for item in value] if isinstance(value, list) else value


def values_for(schema):
    """Return valid values for the parameters."""
    form = parameter_form(schema, data=answers_for(parameter_form(schema)))
    assert form.is_valid(), form.errors
    return form.cleaned_values()


def one_changed(schema, values):
    """Return the values with one parameter changed, None when none can be."""
    for parameter in schema.parameters:
        now = values.get(parameter.key)
        others = [as_text(each) for each in parameter.allowed_values or []]
        if not others and parameter.kind == "string" and isinstance(now, str):
            others = [f"{now}1", f"1{now}"]
        if not others and parameter.kind == "number" and isinstance(now, int | float):
            others = [as_text(now + 1), as_text(now - 1)]
        for other in others:
            if other and other != as_text(now):
                try:
                    return schema.clean({**values, parameter.key: other})
                except InvalidParametersError:
                    continue
    return None


class Journey:
    """The runs of one template, from launch to termination."""

    def __init__(self, engine, folder, document):
        self.engine = engine
        self.folder = folder
        self.schema = document.schema
        self.files = {"template.json": json.dumps(hurried(document.body))}
        self.values = values_for(self.schema)
        self.state = None

    def run(self, action):
        """Run an action; return the addresses of the changes that it planned."""
        directory = self.folder / action
        plain, secrets = self.schema.split(self.values)
        order = Order(
            action=action,
            files=self.files,
            parameters={**PSEUDO, **plain},
            secrets=secrets,
            state=self.state,
        )
        self.engine.start(directory, order)
        until = time.monotonic() + PATIENCE_SECONDS
        while (outcome := self.engine.outcome(directory)) is None:
            assert time.monotonic() < until, f"{action} takes too long"
            time.sleep(0.02)
        assert outcome.ok, f"{action}: {outcome.message}"
        state, changes = self.engine.state(directory), self.engine.changes(directory)
        if action in ("apply", "destroy"):
            assert state is not None
            self.state = state.body
            named = [(each.type, each.physical_id) for each in state.resources]
            assert all(kind and physical for kind, physical in named)
            assert action == "apply" or state.resources == []
        shutil.rmtree(directory, ignore_errors=True)
        return [each.address for each in changes if each.action != "None"]

    def go(self):
        """Launch, plan again, update, plan again, terminate."""
        self.run("apply")
        assert self.run("plan") == []
        if changed := one_changed(self.schema, self.values):
            self.values = changed
            self.run("apply")
            assert self.run("plan") == []
        self.run("destroy")


def failures(engine, tmp_path: Path, documents, way) -> dict[str, str]:
    """Run templates in parallel; return the error of each that failed."""

    def attempt(name):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        try:
            way(Journey(engine, folder, documents[name]))
        except Exception as error:  # the other templates must be tried too
            return name, f"{type(error).__name__}: {error}"
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return name, ""

    with ThreadPoolExecutor(THREADS) as threads:
        return {name: why for name, why in threads.map(attempt, documents) if why}


def test_nearly_all_templates_translate(possible):
    assert len(possible) >= ENOUGH


@pytest.mark.corpus
@pytest.mark.engine
def test_every_translated_template_can_be_planned(engine, possible, tmp_path):
    failed = failures(engine, tmp_path, possible, lambda journey: journey.run("plan"))
    print(f"{len(possible) - len(failed)} of {len(possible)} templates plan")
    assert len(possible) - len(failed) >= ENOUGH, failed


@pytest.mark.corpus
@pytest.mark.engine
def test_templates_are_launched_updated_and_terminated(engine, possible, tmp_path):
    every = os.environ.get("CORPUS") == "all"
    step = 1 if every else max(1, len(possible) // SAMPLE)
    names = [*possible][::step]
    chosen = {name: possible[name] for name in names}
    failed = failures(engine, tmp_path, chosen, Journey.go)
    for name, why in failed.items():
        print(f"failed {name}: {why}")
    print(f"{len(chosen) - len(failed)} of {len(chosen)} templates lived a whole life")
    assert len(chosen) - len(failed) >= (ENOUGH if every else len(chosen)), failed
