"""Offboarding of a user on /manage/people/<name>/, and its undo."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from catalog.models import Constraint
from console.accounts.sessions import SessionStore
from console.api.access_keys import AccessKey
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, InvalidInputError
from console.offboarding.models import Offboarding
from instances.models import Instance, Notice, Plan
from tests.factories import (
    InstanceFactory,
    PlanFactory,
    PortfolioFactory,
    ProductFactory,
    RoleFactory,
    UserFactory,
    VersionFactory,
)
from tests.markup import compact
from tests.signing import Caller

pytestmark = pytest.mark.django_db
URL = "/manage/people/bob/"


@pytest.fixture
def owned(bob):
    return [InstanceFactory(owner=bob, name=f"shop-{n}") for n in range(3)]


@pytest.fixture
def constraint(bob):
    product = ProductFactory()
    return Constraint.objects.create(
        kind=Constraint.Kind.APPROVAL,
        product=product,
        portfolio=PortfolioFactory(products=[product]),
        config={
            "OperationTypes": ["LaunchProduct"],
            "Approvers": [{"PrincipalType": "RamUser", "PrincipalName": "bob"}],
        },
    )


@pytest.fixture
def waiting(constraint):
    return PlanFactory(
        version=VersionFactory(product=constraint.product),
        portfolio=constraint.portfolio,
        status=Plan.Status.APPLICATION_IN_PROGRESS,
    )


def leave(bob, admin, to=None, **options):
    mine = Instance.objects.filter(owner=bob)
    return Offboarding.objects.begin(bob, by=admin, instances=mine, to=to, **options)


def owners():
    return set(Instance.objects.values_list("owner__username", flat=True))


def test_the_page_shows_the_holdings_of_a_user(admin_browser, bob, owned, waiting):
    key = AccessKey.objects.issue(bob, by=bob)
    bob.groups.add(RoleFactory(name="night shift"))
    portfolio = PortfolioFactory(name="Granted to bob", users=[bob])
    Client().force_login(bob)
    page = admin_browser.get(URL).content.decode()
    for text in (
        key.pk,
        "night shift",
        portfolio.name,
        str(waiting),
        str(waiting.version.product),
        *(each.pk for each in owned),
    ):
        assert text in page
    assert admin_browser.get(URL).context["holdings"].sessions[0].user == bob


def test_the_page_is_found_by_principal_id(admin_browser, bob):
    assert admin_browser.get(f"/manage/people/{bob.principal_id}/").status_code == 200


def test_the_list_of_users_links_to_the_page(admin_browser, bob):
    assert f'href="{URL}"' in compact(admin_browser.get("/manage/people/"))


def test_only_administrators_see_the_page(browser, bob):
    assert browser.get(URL).status_code == 404
    assert browser.post(URL, {}).status_code == 404
    assert browser.post(f"{URL}undo/").status_code == 404
    bob.refresh_from_db()
    assert bob.is_active


def test_an_unknown_user_is_not_found(admin_browser):
    assert admin_browser.get("/manage/people/nobody/").status_code == 404


def test_offboarding_deactivates_the_user_and_transfers_all_instances(
    admin_browser, owned, alice
):
    response = admin_browser.post(URL, {"to": "alice", "which": "all"})
    assert response.url == URL
    assert owners() == {"alice"}
    assert not Offboarding.objects.get().user.is_active


def test_only_selected_instances_are_transferred(admin_browser, owned, alice):
    first, *rest = owned
    admin_browser.post(URL, {"to": "alice", "which": "chosen", "instance": [first.pk]})
    assert list(alice.instances.all()) == [first]
    assert set(Instance.objects.ownerless()) == set(rest)


def test_a_group_can_be_the_new_owner(admin_browser, owned):
    group = RoleFactory(name="operators")
    admin_browser.post(URL, {"to": "role/operators", "which": "all"})
    assert group.instances.count() == 3


def test_a_new_owner_is_required(admin_browser, owned, bob):
    response = admin_browser.post(URL, {"to": "", "which": "all"})
    assert response.status_code == 422
    bob.refresh_from_db()
    assert bob.is_active


def test_an_instance_of_another_user_is_not_transferred(admin_browser, owned, alice):
    foreign = InstanceFactory()
    response = admin_browser.post(
        URL, {"to": "alice", "which": "chosen", "instance": [foreign.pk]}
    )
    assert response.status_code == 422
    foreign.refresh_from_db()
    assert foreign.owner != alice


def test_an_active_session_ends_at_the_next_request(bob, admin):
    session = Client()
    session.force_login(bob)
    assert session.get("/products/").status_code == 200
    leave(bob, admin)
    assert session.get("/products/").url.startswith("/accounts/login/")
    assert not SessionStore().exists(session.session.session_key)


def test_sessions_of_other_users_continue(browser, bob, admin):
    leave(bob, admin)
    assert browser.get("/products/").status_code == 200


def test_api_requests_of_the_user_are_refused(bob, admin):
    api = Caller.of(bob)
    api.call("ListRegions")
    leave(bob, admin)
    assert api.refusal("ListRegions")[1] == "InvalidAccessKeyId.Inactive"


def test_reactivation_in_admin_does_not_enable_the_keys(bob, admin):
    key = AccessKey.objects.issue(bob, by=bob)
    leave(bob, admin)
    type(bob).objects.filter(pk=bob.pk).update(is_active=True)
    assert not AccessKey.objects.get(pk=key.pk).active


def test_the_approver_is_replaced_in_constraints(
    bob, admin, alice, waiting, constraint
):
    leave(bob, admin, approver=alice)
    constraint.refresh_from_db()
    assert constraint.config["Approvers"] == [
        {"PrincipalType": "RamUser", "PrincipalName": "alice"}
    ]
    assert Plan.objects.get(pk=waiting.pk).approval.may_decide(alice)


def test_the_new_approver_is_notified_of_waiting_plans(bob, admin, alice, waiting):
    leave(bob, admin, approver=alice)
    assert Notice.objects.get(recipient=alice).plan == waiting


def test_an_existing_approver_is_not_added_twice(bob, admin, alice, constraint):
    constraint.config["Approvers"].append(
        {"PrincipalType": "RamUser", "PrincipalName": "alice"}
    )
    constraint.save()
    leave(bob, admin, approver=alice)
    constraint.refresh_from_db()
    assert len(constraint.config["Approvers"]) == 1


def test_without_an_approver_the_constraints_are_flagged(
    admin_browser, bob, admin, constraint
):
    assert leave(bob, admin).flagged == [constraint.pk]
    assert (
        "Approval constraints without an active approver"
        in admin_browser.get(URL).content.decode()
    )


def test_a_group_cannot_be_the_new_approver(admin_browser, constraint, bob):
    RoleFactory(name="operators")
    response = admin_browser.post(URL, {"approver": "role/operators"})
    assert response.status_code == 422


def test_offboarding_writes_one_audit_entry(bob, admin, alice, owned, constraint):
    leave(bob, admin, to=alice, approver=alice, reason="resigned")
    entry = AuditEntry.objects.get()
    assert entry.action == "DeactivatePerson"
    assert set(entry.after["instances"]) == {each.pk for each in owned}
    assert entry.after["new_owner"] == entry.after["new_approver"] == "user/alice"
    assert entry.reason == "resigned"


def test_an_error_rolls_everything_back(bob, admin, owned):
    with pytest.raises(InvalidInputError):
        leave(bob, admin, to=UserFactory(is_active=False))
    bob.refresh_from_db()
    assert bob.is_active
    assert owners() == {"bob"}


def test_users_cannot_deactivate_themselves(admin):
    with pytest.raises(ConflictError):
        leave(admin, admin)


def test_the_user_cannot_be_the_new_owner(bob, admin, owned):
    with pytest.raises(InvalidInputError, match="This user is being deactivated"):
        leave(bob, admin, to=bob)


def test_undo_restores_everything(bob, admin, alice, owned, constraint):
    key = AccessKey.objects.issue(bob, by=bob)
    before = constraint.config
    offboarding = leave(bob, admin, to=alice, approver=alice)
    assert offboarding.undo(by=admin) == []
    bob.refresh_from_db()
    constraint.refresh_from_db()
    assert bob.is_active
    assert owners() == {"bob"}
    assert constraint.config == before
    assert AccessKey.objects.get(pk=key.pk).active


def test_undo_keeps_later_changes(bob, admin, alice, owned):
    offboarding = leave(bob, admin, to=alice)
    moved = Instance.objects.get(pk=owned[0].pk)
    moved.transfer(to=admin, by=admin)
    assert offboarding.undo(by=admin) == [moved.pk]
    assert owners() == {"bob", "admin"}


def test_a_key_disabled_before_stays_disabled(bob, admin):
    key = AccessKey.objects.issue(bob, by=bob)
    key.disable(by=bob)
    leave(bob, admin).undo(by=admin)
    assert not AccessKey.objects.get(pk=key.pk).active


def test_undo_is_audited(bob, admin):
    leave(bob, admin).undo(by=admin)
    assert AuditEntry.objects.filter(action="ReactivatePerson").count() == 1


def test_undo_works_once(bob, admin):
    offboarding = leave(bob, admin)
    offboarding.undo(by=admin)
    with pytest.raises(ConflictError):
        offboarding.undo(by=admin)


def test_undo_ends_after_a_day(admin_browser, bob, admin):
    leave(bob, admin)
    Offboarding.objects.update(at=now() - timedelta(hours=25))
    assert admin_browser.post(f"{URL}undo/").status_code == 409
    bob.refresh_from_db()
    assert not bob.is_active


def test_the_page_offers_undo(admin_browser, bob, admin):
    leave(bob, admin)
    assert f'action="{URL}undo/"' in compact(admin_browser.get(URL))
    assert admin_browser.post(f"{URL}undo/").url == URL
    bob.refresh_from_db()
    assert bob.is_active


def test_a_user_inactive_before_stays_inactive(bob, admin, alice, owned):
    type(bob).objects.filter(pk=bob.pk).update(is_active=False)
    leave(bob, admin, to=alice).undo(by=admin)
    bob.refresh_from_db()
    assert not bob.is_active
    assert owners() == {"bob"}


def test_undo_rejects_get(admin_browser, bob):
    assert admin_browser.get(f"{URL}undo/").status_code == 405
