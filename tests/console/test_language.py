"""The translation to Simplified Chinese."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation import override

from catalog.models import Region, Version
from console.lib.audit import AuditEntry
from console.templatetags.statuses import status_of
from tests.factories import RegionFactory
from tests.markup import compact

FOLDER = Path("console/locale/zh_Hans/LC_MESSAGES")
SOURCES = ("console", "catalog", "instances", "templates")


@pytest.fixture
def gettext():
    """The GNU gettext tools."""
    if not shutil.which("msgfmt") or not shutil.which("xgettext"):
        if os.environ.get("CI"):
            pytest.fail("CI needs gettext", pytrace=False)
        pytest.skip("no msgfmt and xgettext on PATH")


def output_of(*command, cwd):
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_text_is_translated(gettext, tmp_path):
    """After a change run makemessages as below, translate, and run compilemessages."""
    shutil.copy(settings.BASE_DIR / "manage.py", tmp_path)
    for name in SOURCES:
        shutil.copytree(settings.BASE_DIR / name, tmp_path / name)
    options = ("-l", "zh_Hans", "--no-location", "--no-wrap", "--no-obsolete")
    output_of(sys.executable, "manage.py", "makemessages", *options, cwd=tmp_path)
    source = str(FOLDER / "django.po")
    told = output_of("msgfmt", "--statistics", "-o", os.devnull, source, cwd=tmp_path)
    assert "fuzzy" not in told
    assert "untranslated" not in told


def test_the_compiled_catalog_matches_its_source(gettext, tmp_path):
    source = settings.BASE_DIR / FOLDER / "django.po"
    output_of(
        "msgfmt", "--check-format", "-o", tmp_path / "made.mo", source, cwd=tmp_path
    )
    shown = (settings.BASE_DIR / FOLDER / "django.mo").read_bytes()
    assert (tmp_path / "made.mo").read_bytes() == shown


def test_a_browser_that_prefers_chinese_gets_it(browser):
    page = browser.get("/instances/", headers={"accept-language": "zh-CN,zh;q=0.9"})
    text = compact(page)
    assert '<html lang="zh-hans"' in text
    assert "产品实例" in text
    assert "Access filter" not in text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "en"),
        ("zh-TW,en-US;q=0.9,en;q=0.8", "en"),
        ("zh-HK,en;q=0.5", "en"),
        ("zh-Hant-HK,zh-Hant;q=0.9,en-GB;q=0.8", "en"),
        ("en-US,zh-TW;q=0.9", "en"),
        ("zh-TW,zh-Hans;q=0.9,en;q=0.8", "zh-hans"),
        ("zh-TW,zh-Hant;q=0.9", "zh-hans"),
        ("zh-SG,en;q=0.8", "zh-hans"),
        ("zh,en;q=0.8", "zh-hans"),
        ("fr,zh-MO;q=0.9,en;q=0.1", "en"),
        ("fr", "en"),
        (";;,*", "en"),
    ],
)
def test_traditional_chinese_with_english_gets_english(browser, accepted, language):
    page = browser.get("/instances/", headers={"accept-language": accepted})
    assert f'<html lang="{language}"' in compact(page)


def test_the_vendors_regions_have_their_chinese_names(admin, admin_browser):
    RegionFactory(id="cn-hangzhou", name="China (Hangzhou)")
    RegionFactory(id="cn-beijing", name="Our own")
    chinese = {"accept-language": "zh-CN"}
    page = compact(admin_browser.get("/manage/regions/", headers=chinese))
    assert "华东1（杭州）" in page
    assert "Our own" in page
    edit = admin_browser.get("/manage/regions/cn-hangzhou/", headers=chinese)
    assert 'value="China (Hangzhou)"' in compact(edit)
    with override("zh-hans"):
        AuditEntry.objects.record(
            "Test", Region.objects.get(pk="cn-hangzhou"), by=admin
        )
    assert AuditEntry.objects.get(action="Test").target_name == "China (Hangzhou)"


def test_the_menu_uses_the_terms_of_the_vendor(admin_browser):
    page = admin_browser.get("/manage/tag-options/").content.decode()
    for name in ("Administrator", "Portfolio management", "Product management"):
        assert name in page
    chinese = admin_browser.get(
        "/manage/tag-options/", headers={"accept-language": "zh-CN"}
    )
    for name in ("管理员", "产品组合管理", "产品管理", "标签选项"):
        assert name in chinese.content.decode()


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("Default", "无"),
        ("Recommended", "稳定版"),
        ("Latest", "最新版"),
        ("Deprecated", "将废弃"),
    ],
)
def test_guidance_uses_the_terms_of_the_vendor(value, word):
    with override("zh-hans"):
        assert str(status_of(value).word) == word
        assert Version.Guidance(value).label == word
    with override("en"):
        assert str(status_of(value).word) == value


def test_the_api_is_always_in_english(client):
    answer = client.get("/?Action=ListPortfolios", headers={"accept-language": "zh-CN"})
    assert answer.json()["Message"].isascii()
