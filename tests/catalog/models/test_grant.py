"""Grants to patterns of names match the same in the database and in Python."""

import pytest

from catalog.launch_access import summarize_users, with_owned
from catalog.models import Grant
from catalog.models.grant import compile_pattern
from console.lib.users import User
from tests.factories import PortfolioFactory, RoleFactory, UserFactory, VersionFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("user/bob", "bob", True),
        ("user/BOB", "bob", True),
        ("user/ops-*", "Ops-Anna", True),
        ("user/b*b", "bob", True),
        ("user/b_b", "bob", False),
        ("user/b%", "bob", False),
        ("user/b\\*", "b\\ob", True),
        ("user/b.b", "bob", False),
        ("user/*", "a/b", True),
        ("user/bo", "bob", False),
        ("user/ä*", "änna", True),
        ("user/Ä*", "änna", False),
    ],
)
def test_pattern_matches_the_same_in_database_and_python(pattern, name, fits):
    person = UserFactory(username=name)
    product = VersionFactory().product
    portfolio = PortfolioFactory(products=[product])
    portfolio.grants.create(pattern=pattern)
    assert Grant.objects.applying_to(person).exists() is fits
    users = with_owned(User.objects.filter(pk=person.pk)).with_administrator()
    [row] = summarize_users(list(users.prefetch_related("groups")))
    assert row.launchable == int(fits)


@pytest.mark.parametrize("pattern", ["role/ops", "role/OPS", "role/o*"])
def test_groups_are_matched_without_their_case(pattern):
    group = RoleFactory(name="Ops")
    person = UserFactory()
    person.groups.add(group)
    PortfolioFactory().grants.create(pattern=pattern)
    assert Grant.objects.applying_to(person).exists()


def test_compiled_pattern_matches_the_whole_name():
    assert compile_pattern("user/a*").fullmatch("user/Anna")
    assert not compile_pattern("user/a*").fullmatch("x user/anna")
