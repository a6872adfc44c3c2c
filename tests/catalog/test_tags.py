"""Tags of an instance: those of tag options, and those of users."""

import pytest

from catalog.models import TagOption
from catalog.tags import CombinedTagOptions
from console.lib.errors import InvalidInputError
from tests.factories import PortfolioFactory, ProductFactory


def problems(offered, pairs):
    with pytest.raises(InvalidInputError) as caught:
        offered.complete(pairs)
    return caught.value.errors


@pytest.fixture
def offer(db):
    """Attach `key=value` texts to a new product and a new portfolio."""

    def offer(of_product=(), of_portfolio=(), *, active=True):
        product, portfolio = ProductFactory(), PortfolioFactory()
        for things, owner in ((of_product, product), (of_portfolio, portfolio)):
            for text in things:
                key, value = text.split("=")
                option, _new = TagOption.objects.get_or_create(
                    key=key, value=value, defaults={"active": active}
                )
                owner.tag_options.add(option)
        return CombinedTagOptions.of(product, portfolio)

    return offer


def test_keys_of_both_are_offered(offer):
    assert offer(["a=1"], ["b=2"]).values == {"a": ("1",), "b": ("2",)}


def test_a_shared_key_keeps_the_values_both_have(offer):
    assert offer(["a=1", "a=2"], ["a=2", "a=3"]).values == {"a": ("2",)}


def test_a_shared_key_without_a_common_value_blocks_the_launch(offer):
    assert "tags" in problems(offer(["a=1"], ["a=2"]), [])


def test_inactive_tag_options_are_ignored(offer):
    assert offer(["a=1"], active=False).values == {}


def test_key_with_one_value_is_set_automatically(offer):
    assert offer(["team=web"]).complete([("own", "x")]) == {"team": "web", "own": "x"}


def test_one_of_several_values_must_be_chosen(offer):
    offered = offer(["env=dev", "env=prod"])
    assert offered.complete([("env", "prod")]) == {"env": "prod"}
    assert "tags" in problems(offered, [])
    assert "tags.0" in problems(offered, [("env", "test")])


def test_automatic_value_cannot_be_changed(offer):
    assert "tags.0" in problems(offer(["team=web"]), [("team", "mine")])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("", "x"),
        ("k" * 129, "x"),
        ("k", "v" * 129),
        ("acs:k", "x"),
        ("aliyunk", "x"),
        ("ALIYUN", "x"),
        ("k", "acs:v"),
        ("http://k", "x"),
        ("k", "see https://example.test"),
        ("k\n", "x"),
        ("k", "\0"),
    ],
)
def test_vendor_rules_apply(key, value):
    assert "tags.1" in problems(CombinedTagOptions(), [("fine", ""), (key, value)])


def test_unicode_and_empty_values_are_allowed():
    assert CombinedTagOptions().complete([("环境 1", "")]) == {"环境 1": ""}


def test_a_key_given_twice_is_refused():
    assert "tags.1" in problems(CombinedTagOptions(), [("k", "1"), ("k", "2")])


def test_limit_of_tags_includes_automatic_ones():
    own = [(f"k{number}", "") for number in range(20)]
    assert len(CombinedTagOptions().complete(own)) == 20
    assert "tags" in problems(CombinedTagOptions({"team": ("web",)}), own)
