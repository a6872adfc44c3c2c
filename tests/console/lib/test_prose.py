"""Descriptions: line breaks, lists and collapsing of long texts."""

import pytest
from django.template import Context, Template
from django.urls import reverse
from django.utils.safestring import mark_safe

from catalog.models import Product
from console.lib.prose import prose_of
from tests.factories import (
    PortfolioFactory,
    ProductFactory,
    TemplateFactory,
    VersionFactory,
)
from tests.markup import compact


def drawn(text, **options):
    source = "{% load console %}{% description text paragraph=paragraph %}"
    context = {"text": text, "paragraph": False} | options
    return compact(Template(source).render(Context(context)))


def test_a_short_line_is_unchanged():
    assert drawn("A <b>web</b> server") == "A &lt;b&gt;web&lt;/b&gt; server"
    assert drawn("A server", paragraph=True) == "<p>A server</p>"
    assert drawn("") == drawn(None) == ""


def test_safe_markup_is_unchanged():
    assert drawn(mark_safe("<em>ours</em>")) == "<em>ours</em>"


def test_line_breaks_and_lists_are_kept():
    shown = drawn(
        "Two lines\nof text:\n- one\n  goes on\n- <two>\n\n1. first\n2. second"
    )
    assert "<p>Two lines of text:</p>" in shown
    assert "<ul><li>one goes on</li><li>&lt;two&gt;</li></ul>" in shown
    assert "<ol><li>first</li><li>second</li></ol>" in shown


def test_a_dash_inside_a_line_starts_no_list():
    assert drawn("-5 degrees - or so") == "-5 degrees - or so"


def test_a_long_text_is_collapsed_to_its_head():
    text = "It is long. " + "word " * 100 + "\nlast line"
    shown = drawn(text)
    assert shown.startswith('<details class="prose">')
    prose = prose_of(text)
    assert len(prose.head) <= 161
    whole = prose.head.removesuffix("…") + " " + prose.blocks[0].text.removeprefix("…")
    assert whole.split() == text.split()


def test_a_text_of_many_lines_is_collapsed_to_its_first():
    prose = prose_of("Sizes:\n" + "\n".join(f"- {n}" for n in range(20)))
    assert prose.head == "Sizes:"
    assert len(prose.blocks[0].items) == 20


def test_a_long_word_is_collapsed():
    prose = prose_of("x" * 1000)
    assert len(prose.head) == 161


@pytest.mark.django_db
def test_the_descriptions_of_a_parameter_an_output_and_a_product_keep_their_lines(
    browser, alice
):
    source = """\
variable "size" {
  default     = "s"
  description = <<-EOT
    The size:
    - s: small
    - l: large
  EOT
}
"""
    product = ProductFactory(description="Web server:\n- small\n- large")
    version = VersionFactory(
        product=product,
        template=TemplateFactory(files={"main.tf": source}),
        description="One\nTwo",
    )
    PortfolioFactory(products=[product], users=[alice])
    page = compact(browser.get(product.get_absolute_url()))
    assert "<li>small</li><li>large</li>" in page
    assert "<p>One Two</p>" in page
    url = reverse("instances:launch", args=[product.pk])
    form = compact(browser.get(url, {"version": version.pk}))
    assert "<li>s: small</li><li>l: large</li>" in form


@pytest.mark.django_db
def test_a_description_of_several_lines_is_entered_on_the_page(admin_browser):
    product = ProductFactory(description="")
    url = reverse("manage:product-edit", args=[product.pk])
    page = compact(admin_browser.get(url))
    assert '<textarea name="description"' in page
    form = admin_browser.get(url).context["form"]
    data = {name: form[name].value() or "" for name in form.fields}
    admin_browser.post(url, data | {"description": "One\r\n- two"})
    assert Product.objects.get(pk=product.pk).description == "One\n- two"
