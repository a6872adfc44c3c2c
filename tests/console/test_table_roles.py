"""ARIA roles of tables that CSS turns into cards, and their scroll regions."""

import re

import pytest
from django.conf import settings

ROLES = {
    "table": {"table"},
    "thead": {"rowgroup"},
    "tbody": {"rowgroup"},
    "tr": {"row"},
    "th": {"columnheader", "rowheader"},
    "td": {"cell"},
}
CARDS = re.compile(
    r'<table\s+class="(?:table table--cards[^"]*|diff)".*?</table>', re.DOTALL
)
TAG = re.compile(r"<(table|thead|tbody|tr|th|td)\b((?:\{%.*?%\}|[^>])*)>", re.DOTALL)
TEMPLATES = [
    path
    for path in sorted((settings.BASE_DIR / "templates").rglob("*.html"))
    if CARDS.search(path.read_text())
]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_part_of_a_card_table_has_a_role(path):
    for table in CARDS.findall(path.read_text()):
        for name, attributes in TAG.findall(table):
            role = re.search(r'role="(\w+)"', attributes)
            assert role, f"<{name}{attributes}>"
            assert role[1] in ROLES[name]


FRAME = re.compile(
    r'<div\s+class="table-scroll"(?:\s+id="[\w-]+")?\s+tabindex="0"\s+role="(?:region|group)"'
    r'\s+aria-label(?:ledby)?="[^"]+"\s*>\s*$'
)
TABLES = [
    path
    for path in sorted((settings.BASE_DIR / "templates").rglob("*.html"))
    if "<table" in path.read_text()
]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_every_table_scrolls_in_a_named_focusable_region(path):
    text = path.read_text()
    for found in re.finditer("<table", text):
        assert FRAME.search(text[: found.start()]), text[found.start() :][:60]
