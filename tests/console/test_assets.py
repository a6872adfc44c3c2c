"""The icon sprite and the bundled assets."""

import re
import sys
from importlib import import_module, reload
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.template import Context, Template

from console import assets

ROOT = Path(__file__).resolve().parents[2]
ICON_TAG = re.compile(r'{%\s*icon\s+"([^"]+)"')


def names_in_templates():
    for template in (ROOT / "templates").rglob("*.html"):
        yield from ICON_TAG.findall(template.read_text())


def sprite():
    return assets.asset("icons.svg").content


def test_the_sprite_holds_one_symbol_for_each_allowed_name():
    symbols = ElementTree.fromstring(sprite())
    assert {symbol.get("id") for symbol in symbols} == assets.ICON_NAMES


def test_every_icon_a_template_names_is_in_the_sprite():
    assert set(names_in_templates()) <= assets.ICON_NAMES


def test_symbols_use_the_current_color():
    symbols = ElementTree.fromstring(sprite())
    assert {symbol.get("stroke") for symbol in symbols} == {"currentColor"}


def test_the_icon_tag_points_into_the_sprite():
    html = Template('{% load console %}{% icon "copy" %}').render(Context())
    assert html == (
        '<svg class="icon" aria-hidden="true">'
        f'<use href="{assets.asset("icons.svg").url}#copy"></use></svg>'
    )


def test_an_unknown_icon_is_refused():
    with pytest.raises(assets.UnknownIconError, match="no-such-icon"):
        Template('{% load console %}{% icon "no-such-icon" %}').render(Context())


@pytest.mark.parametrize("name", ["console.css", "console.js", "icons.svg"])
def test_an_asset_is_immutable(client, name):
    response = client.get(assets.asset(name).url)
    assert response.status_code == 200
    assert "immutable" in response["Cache-Control"]


def test_a_cached_sprite_is_not_sent_again(client):
    sprite = assets.asset("icons.svg")
    response = client.get(sprite.url, headers={"if-none-match": f'"{sprite.digest}"'})
    assert response.status_code == 304


def test_assets_are_built_before_the_server_forks():
    assets._made.cache_clear()
    import_module("console.wsgi")
    reload(sys.modules["console.wsgi"])
    assert assets._made.cache_info().currsize == 3


def test_a_url_of_another_release_is_not_found(client):
    url = assets.asset("icons.svg").url.replace(
        assets.asset("icons.svg").digest, "0" * 12
    )
    assert client.get(url).status_code == 404


def test_the_stylesheet_is_compressed_if_the_client_accepts_it(client):
    response = client.get(
        assets.asset("console.css").url, headers={"accept-encoding": "gzip"}
    )
    assert response["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    ("name", "kilobytes"), [("console.css", 15), ("console.js", 8)]
)
def test_an_asset_stays_within_its_budget(name, kilobytes):
    assert len(assets.asset(name).compressed) <= kilobytes * 1024


def test_the_css_layers_are_declared_before_any_rule():
    first = assets.asset("console.css").content.decode().split("*/", 1)[1].lstrip()
    assert first.startswith(
        "@layer reset, tokens, base, layout, components, utilities;"
    )
