"""Attempts of all other users to access objects of alice through every URL and operation.

python -m tests.security.idor [--attempts 20000]

Every URL is requested with every method, as page and as fragment, with her IDs, with
mixtures of her IDs and the user's own, and with her IDs in forms and queries; every
operation of the API with each ID parameter. An attempt leaks if it succeeds, names any
of her objects, or changes a row. Exits with 1 on a leak.
"""

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
FRAGMENT = {"HX-Request": "true", "HX-Current-URL": "http://testserver/instances/"}
# Texts only alice's rows hold: one of them in an answer is a leak.
CANARY = "canary-of-alice"


@dataclass
class Tally:
    """The statistics of the attempts."""

    attempts: int = 0
    statuses: Counter = field(default_factory=Counter)
    roles: Counter = field(default_factory=Counter)
    targets: Counter = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)


class World:
    """The objects of alice, full of canaries, and users without access to them."""

    def __init__(self):
        from console.lib.users import Role, User
        from tests.everything import Everything
        from tests.factories import AdministratorFactory, UserFactory

        Role.objects.get_or_create(name="Administrators")
        people = {
            name: UserFactory(username=name) for name in ("alice", "bob", "carol")
        }
        admin = AdministratorFactory(username="admin")
        self.hers = Everything(people["alice"], people["bob"], admin)
        self.people = {**people, "deactivated": self.hers.deactivated}
        self._mark()
        self._give_bob_his_own()
        self._let_carol_approve()
        self.clients = {
            role: self.hers.client(role, enforce_csrf_checks=False)
            if role != "carol"
            else self._carols()
            for role in ("anonymous", "bob", "carol", "deactivated")
        }
        self.hers.deactivate()
        assert User.objects.filter(username="dave", is_active=False).exists()

    def _carols(self):
        from django.test import Client

        client = Client(raise_request_exception=False)
        client.force_login(self.people["carol"])
        return client

    def _mark(self):
        """Write a canary into all texts of alice that a page could show."""
        from instances.models import Output, Plan, Tag, TaskLog

        hers = self.hers
        for row, name in (
            (hers.product, "name"),
            (hers.product, "description"),
            (hers.version, "description"),
            (hers.portfolio, "name"),
            (hers.instance, "name"),
            (hers.instance, "status_message"),
            (hers.task, "status_message"),
            (hers.launch_role, "name"),
            (hers.option, "value"),
        ):
            setattr(row, name, f"{CANARY}-{name}")
            row.save()
        Output.objects.update(value=CANARY)
        Tag.objects.update(value=CANARY)
        TaskLog.objects.update(lines=[["", "info", CANARY]])
        Plan.objects.update(name=CANARY, instance_name=CANARY, description=CANARY)

    def _give_bob_his_own(self):
        from instances.models import Plan
        from tests.factories import (
            InstanceFactory,
            PlanFactory,
            PortfolioFactory,
            ProductFactory,
            TaskFactory,
            VersionFactory,
        )

        bob = self.people["bob"]
        product = ProductFactory(name="Bobs product")
        version = VersionFactory(product=product)
        portfolio = PortfolioFactory(products=[product], users=[bob])
        instance = InstanceFactory(
            owner=bob, version=version, portfolio=portfolio, name="bobs"
        )
        task = TaskFactory(instance=instance, ended=True)
        instance.last_task = instance.last_successful_task = task
        instance.save()
        self.own = {
            "product": product,
            "version": version,
            "portfolio": portfolio,
            "instance": instance,
            "task": task,
            "plan": PlanFactory(
                owner=bob,
                version=version,
                portfolio=portfolio,
                status=Plan.Status.PREVIEW_SUCCESS,
            ),
        }

    def _let_carol_approve(self):
        """Make carol an approver of other users, but not of alice."""
        self.own["portfolio"].constraints.create(
            kind="Approval",
            product=self.own["product"],
            config={
                "OperationTypes": ["LaunchProduct"],
                "Approvers": [{"PrincipalType": "RamUser", "PrincipalName": "carol"}],
            },
        )

    def addresses(self, route):
        """Yield URLs with her IDs, mixtures with own IDs, and a changed end."""
        hers, own = self.hers, self.own
        yield hers.address(route)
        yield hers.missing(route)
        if "<str:task>" in route:
            yield hers.address(route, pk=own["instance"].pk)
            yield hers.address(route, task=own["task"].pk)
        elif "version_pk" in route:
            yield hers.address(route, pk=own["product"].pk)
            yield hers.address(route, version_pk=own["version"].pk)
        else:
            address = hers.address(route)
            sign = "&" if "?" in address else "?"
            yield f"{address}{sign}access=account&owner=alice&plan={hers.plan.pk}"
            yield f"{address}{sign}q={CANARY[:9]}&version={hers.version.pk}&tab=all"

    def smuggled(self):
        """Return form fields that refer to her rows."""
        hers = self.hers
        return {
            "version": hers.version.pk,
            "portfolio": hers.portfolio.pk,
            "product": hers.product.pk,
            "instance": hers.instance.pk,
            "plan": hers.plan.pk,
            "base_task": hers.task.pk,
            "option": hers.option.pk,
            "owner": "alice",
            "to": "bob",
            "name": "smuggled",
            "region": hers.region.pk,
            "confirm": "terminate",
            "sure": "1",
            "user": "bob",
            "pattern": "user/*",
        }


@contextmanager
def watched(was):
    """Check at the end that no row has changed, and roll back.

    SQLite counts the rows written; only if there are any, the tables are compared,
    without those of sessions, which store the time of use.
    """
    from django.db import connection, transaction

    from tests.everything import snapshot

    seen = {"written": 0}
    with transaction.atomic():
        before = connection.connection.total_changes
        yield seen
        if connection.connection.total_changes > before:
            now = snapshot()
            seen["written"] = sum(now[name] != was[name] for name in was)
        transaction.set_rollback(True)


class Attempts:
    """All attempts in turn, each checked when it is answered."""

    def __init__(self, world: World, tally: Tally) -> None:
        from tests.everything import snapshot
        from tests.signing import Caller

        self.world, self.tally = world, tally
        self.callers = {
            role: Caller.of(world.people[role]) for role in ("bob", "carol")
        }
        self.was = snapshot()
        self.ids = {
            str(getattr(world.hers, name).pk)
            for name in ("instance", "task", "plan", "version", "product", "portfolio")
        }

    def pages(self, turn: int):
        """Try every URL, role, method and form; `turn` varies the fields."""
        from tests.access_table import TABLE

        for route, (who, _methods) in sorted(TABLE.items()):
            # Pages of one's own account end one's own session: the matrix has them.
            if route.startswith("accounts/") or not route:
                continue
            for role, client in self.world.clients.items():
                for address in self.world.addresses(route):
                    for method in METHODS:
                        headers = FRAGMENT if turn % 2 else {}
                        yield (
                            self.ask,
                            (route, role, client, method, address, headers, who),
                        )

    def ask(self, route, role, client, method, address, headers, who):
        data = self.world.smuggled() if method == "POST" else {}
        with watched(self.was) as seen:
            if method == "POST":
                answer = client.post(address, data, headers=headers)
            else:
                answer = client.generic(method, address, headers=headers)
            took = self._took_hers()
        body = b"" if answer.streaming else answer.content
        if answer.streaming:
            body = b"".join(answer.streaming_content)
        told = f"{role} {method} {address} {sorted(headers)}"
        self._judge(told, f"/{route}", role, answer, body, address)
        self._hold(not took, told, "took hers")
        if role in ("anonymous", "deactivated") and role not in who:
            self._hold(_sent_to_sign_in(answer), told, "was let in")
        elif self._hers_alone(route, who, address):
            self._hold(
                answer.status_code in (404, 405), told, f"got {answer.status_code}"
            )
            self._hold(not seen["written"], told, "wrote a row")

    def _hers_alone(self, route, who, address):
        """Return True if the URL concerns a row of alice, so others must be refused."""
        return "bob" not in who and any(each in address for each in self.ids)

    def calls(self, turn: int):
        """Try every operation with each of its ID parameters hers and the others own."""
        from console.api.endpoint import OPERATIONS
        from tests.test_access_operations import IDS

        for role, caller in self.callers.items():
            for action, operation in OPERATIONS.items():
                names = [p.name for p in operation.parameters if p.name in IDS]
                for count in range(1, len(names) + 1):
                    for hers in itertools.combinations(names, count):
                        yield (
                            self.call,
                            (role, caller, action, operation, hers, IDS, turn),
                        )

    def call(self, role, caller, action, operation, hers, ids, turn):
        from tests.test_access_operations import ANY

        params = {}
        for each in operation.parameters:
            if each.name in ids:
                source = ids[each.name]
                row = getattr(self.world.hers, source)
                if each.name not in hers:
                    row = self.world.own.get(source, row)
                params[each.name] = row.pk
            elif each.required:
                params[each.name] = (
                    self.world.hers.region.pk
                    if each.name == "StackRegionId"
                    else next(iter(each.choices), ANY.get(each.name, "text"))
                )
        if action.endswith(("AsEndUser", "Products", "Plans", "Tasks")):
            params |= {"AccessLevelFilter": "Account"} if turn % 2 else {}
        with watched(self.was) as seen:
            answer = caller.send(action, params, in_query=bool(turn % 2))
            took = self._took_hers()
        told = f"{role} {action} {params}"
        self._judge(told, action, role, answer, answer.content, str(params))
        self._hold(not took, told, "took hers")
        # A call notes when its key was used; one that is refused changes no other table.
        kept = answer.status_code < 400 or seen["written"] <= 1
        self._hold(kept, told, f"changed {seen['written']} tables")

    def _took_hers(self):
        """Return True if any row of bob refers to objects that he has no access to."""
        from instances.models import Instance, Plan

        hers = self.world.hers
        bob = self.world.people["bob"]
        about = {"version": hers.version.pk, "owner": bob}
        return any(model.objects.filter(**about).exists() for model in (Instance, Plan))

    def _judge(self, told, target, role, answer, body, asked):
        tally = self.tally
        tally.attempts += 1
        tally.statuses[answer.status_code] += 1
        tally.roles[role] += 1
        tally.targets[target] += 1
        self._hold(CANARY.encode() not in body, told, "named a text of hers")
        for pk in self.ids:
            if pk not in asked:
                self._hold(pk.encode() not in body, told, f"named {pk}")
        self._hold(answer.status_code < 500 or "/readyz" in told, told, "broke")
        location = answer.headers.get("Location", "")
        self._hold(CANARY not in location, told, "named a text of hers")

    def _hold(self, kept, told, what):
        if not kept:
            self.tally.leaks.append(f"{what}: {told}")


def _sent_to_sign_in(answer) -> bool:
    """Return True if the response demands sign-in; htmx has a header for that."""
    name = "Location" if answer.status_code == 302 else "HX-Redirect"
    told = answer.headers.get(name, "").startswith("/accounts/login/")
    return told and not answer.content


def campaign(attempts: int) -> Tally:
    """Make at least this many attempts."""
    tally = Tally()
    found = Attempts(World(), tally)
    for turn in itertools.count():
        for ask, arguments in itertools.chain(found.pages(turn), found.calls(turn)):
            ask(*arguments)
            if tally.attempts >= attempts:
                return tally
    return tally


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--attempts", type=int, default=20_000)
    with tempfile.TemporaryDirectory() as data:
        os.environ |= {
            "CONSOLE_DATA_DIR": data,
            "CONSOLE_API_RATE": "0",
            "CONSOLE_DEBUG": "1",
            "DATABASE_URL": f"sqlite:///{data}/console.sqlite3",
            "DJANGO_SETTINGS_MODULE": "console.settings",
        }
        import logging

        import django
        from django.core.management import call_command
        from django.test.utils import setup_test_environment

        django.setup()
        setup_test_environment(debug=False)
        logging.disable(logging.CRITICAL)
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        began = time.monotonic()
        tally = campaign(options.parse_args().attempts)
    seconds = time.monotonic() - began
    print(f"{tally.attempts} attempts in {seconds:.0f} s: {dict(tally.roles)}")
    print(f"{len(tally.targets)} addresses and operations")
    print(f"statuses: {dict(sorted(tally.statuses.items()))}")
    print(f"{len(tally.leaks)} leaks")
    kinds = Counter(leak.partition(":")[0] for leak in tally.leaks)
    for kind, count in kinds.most_common():
        first = next(leak for leak in tally.leaks if leak.startswith(f"{kind}:"))
        print(f"LEAK {count} times {first}")
    return 1 if tally.leaks else 0


if __name__ == "__main__":
    sys.exit(main())
