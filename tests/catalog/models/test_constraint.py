"""Constraints: validation of configurations, and verbs."""

import pytest

from catalog.models import Constraint, LaunchRole
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, InvalidInputError
from tests.factories import (
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    RoleFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def impose(admin, version):
    portfolio = PortfolioFactory(products=[version.product])

    def impose(kind, config, **more):
        return Constraint.objects.impose(
            kind=kind,
            portfolio=portfolio,
            product=version.product,
            config=config,
            by=admin,
            **more,
        )

    return impose


def rule(**more):
    return {"ParameterKey": "name", "AllowedPattern": "[a-z]+"} | more


def test_a_launch_constraint_names_a_role(impose):
    constraint = impose("Launch", {"LocalRoleName": "deployer"}, description="d")
    assert constraint.config == {"LocalRoleName": "deployer"}
    entry = AuditEntry.objects.get(action="CreateConstraint")
    assert entry.after["kind"] == "Launch"


def test_a_product_has_one_launch_constraint_in_a_portfolio(impose):
    impose("Launch", {"LocalRoleName": "one"})
    with pytest.raises(ConflictError) as refused:
        impose("Launch", {"LocalRoleName": "two"})
    assert refused.value.code == "LimitExceeded.Constraint"


def test_a_template_rule_gets_a_name_when_it_has_none(impose, version):
    constraint = impose("Template", {"Rules": [rule(ProductVersionId=version.pk)]})
    assert constraint.config["Rules"][0] == {
        "RuleName": "rule-1",
        "Description": "",
        "ProductVersionId": version.pk,
        "ParameterKey": "name",
        "AllowedPattern": "[a-z]+",
    }


def test_approval_constraint_names_active_users(impose, bob):
    RoleFactory(name="Approvers")
    config = {
        "OperationTypes": ["LaunchProduct"],
        "Approvers": [
            {"PrincipalType": "RamUser", "PrincipalName": "bob"},
            {"PrincipalType": "RamRole", "PrincipalName": "Approvers"},
        ],
    }
    assert impose("Approval", config).config == config


def test_a_region_constraint_names_known_regions_once(impose):
    RegionFactory(id="cn-hangzhou")
    constraint = impose("StackRegion", {"StackRegions": ["cn-hangzhou"] * 2})
    assert constraint.config == {"StackRegions": ["cn-hangzhou"]}


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("Launch", {}),
        ("Launch", []),
        ("Launch", "deployer"),
        ("Launch", {"LocalRoleName": ""}),
        ("Launch", {"LocalRoleName": "x", "Extra": 1}),
        ("Template", {"Rules": []}),
        ("Template", {"Rules": ["x"]}),
        ("Template", {"Rules": [{"ParameterKey": "name"}]}),
        ("Template", {"Rules": [rule(AllowedValues=["a"])]}),
        ("Template", {"Rules": [rule(ParameterKey="nosuch")]}),
        ("Template", {"Rules": [rule(ProductVersionId="pv-bp100000000000")]}),
        ("Template", {"Rules": [rule(AllowedPattern="(?=x)")]}),
        ("Template", {"Rules": [rule(AllowedPattern="(")]}),
        ("Template", {"Rules": [rule(AllowedPattern="x" * 1001)]}),
        ("Template", {"Rules": [{"ParameterKey": "name", "AllowedValues": [{}]}]}),
        ("Approval", {"OperationTypes": ["LaunchProduct"], "Approvers": []}),
        (
            "Approval",
            {
                "OperationTypes": ["Launch"],
                "Approvers": [{"PrincipalType": "RamUser", "PrincipalName": "admin"}],
            },
        ),
        (
            "Approval",
            {
                "OperationTypes": ["LaunchProduct"],
                "Approvers": [{"PrincipalType": "RamUser", "PrincipalName": "nobody"}],
            },
        ),
        ("StackRegion", {"StackRegions": ["mars-1"]}),
        ("StackRegion", {"StackRegions": [["x"]]}),
        ("Quota", {}),
    ],
)
def test_invalid_configuration_is_refused(impose, kind, config):
    with pytest.raises(InvalidInputError):
        impose(kind, config)
    assert not Constraint.objects.exists()


def test_the_product_must_be_in_the_portfolio(admin):
    with pytest.raises(InvalidInputError, match="is not in"):
        Constraint.objects.impose(
            kind="Launch",
            portfolio=PortfolioFactory(),
            product=ProductFactory(),
            config={"LocalRoleName": "x"},
            by=admin,
        )


def test_edit_validates_and_audits_both_configurations(impose, admin):
    constraint = impose("Launch", {"LocalRoleName": "one"})
    constraint.edit(config={"LocalRoleName": "two"}, description="new", by=admin)
    with pytest.raises(InvalidInputError):
        constraint.edit(config={}, by=admin)
    entry = AuditEntry.objects.get(action="UpdateConstraint")
    assert entry.before["config"] == {"LocalRoleName": "one"}
    assert entry.after == {"config": {"LocalRoleName": "two"}, "description": "new"}


def test_removed_constraint_is_deleted_and_audited(impose, admin):
    constraint = impose("Launch", {"LocalRoleName": "one"})
    constraint.remove(by=admin)
    assert not Constraint.objects.exists()
    entry = AuditEntry.objects.get(action="DeleteConstraint")
    assert entry.before["config"] == {"LocalRoleName": "one"}


def test_a_launch_role_in_use_is_not_removed(impose, admin):
    role = LaunchRole.objects.add(name="one", environment={"KEY": "s3cret"}, by=admin)
    constraint = impose("Launch", {"LocalRoleName": "one"})
    with pytest.raises(ConflictError):
        role.remove(by=admin)
    constraint.remove(by=admin)
    role.remove(by=admin)
    assert not LaunchRole.objects.exists()
