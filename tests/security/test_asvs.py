"""The table of ASVS 5.0, levels 1 and 2: each requirement has a test, a page, or a reason.

`asvs.csv` has the numbers of the standard with a short description, not its text.
"""

import ast
import csv
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("asvs.csv")
REASONED = ("open: ", "not applicable: ")


def rows():
    with TABLE.open() as file:
        return list(csv.DictReader(file))


@cache
def names_in(path):
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@cache
def sections():
    lines = (ROOT / "README.md").read_text().splitlines()
    return {line.removeprefix("## ") for line in lines if line.startswith("## ")}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["requirement"])
def test_the_test_or_page_of_each_requirement_exists(row):
    proof = row["proof"]
    if proof.startswith("tests/"):
        path, _, name = proof.partition("::")
        assert name in names_in(path), proof
    elif proof.startswith("README: "):
        assert proof.removeprefix("README: ") in sections(), proof
    else:
        assert proof.startswith(REASONED), proof
    assert row["about"]
    assert row["level"] in ("L1", "L2")


def test_every_requirement_is_listed_once():
    numbers = [row["requirement"] for row in rows()]
    assert len(numbers) == len(set(numbers)) == 253


def test_applicable_requirements_are_not_marked_inapplicable():
    sheet = ROOT.parent / "shared" / "asvs5_l2_checklist.csv"
    if not sheet.exists():
        pytest.skip("the worksheet is not here")
    ours = {row["requirement"]: row["proof"] for row in rows()}
    with sheet.open() as file:
        theirs = {
            line[0]: "Y" in line for line in csv.reader(file) if line[0][0].isdigit()
        }
    assert set(ours) == set(theirs)
    waved = "not applicable"
    assert [n for n, yes in theirs.items() if yes and ours[n].startswith(waved)] == []
