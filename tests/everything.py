"""One of everything, all of it alice's, and a checksum of every table."""

import hashlib
import re

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import connection
from django.test import Client

from catalog.models import Constraint, LaunchRole, TagOption
from console.api.access_keys import AccessKey
from console.assets import asset
from console.lib.users import User
from instances.models import KnownError, Notice, Output, Plan, Resource, Tag, TaskLog
from tests.factories import (
    InstanceFactory,
    PlanFactory,
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    TaskFactory,
    VersionFactory,
)
from tests.passkey import SoftKey


class Everything:
    """The rows, and the values that fill an address."""

    def __init__(self, alice, bob, admin):
        self.alice, self.bob, self.admin = alice, bob, admin
        self.deactivated = User.objects.create(username="dave")
        self._catalogue()
        self._instance()
        self._plan()
        self._passkey()

    def _catalogue(self):
        self.product = ProductFactory(name="Secret product")
        self.version = VersionFactory(product=self.product)
        self.portfolio = PortfolioFactory(products=[self.product], users=[self.alice])
        self.grant = self.portfolio.grants.get()
        self.region = RegionFactory()
        self.launch_role = LaunchRole.objects.create(name="launcher")
        self.option = TagOption.objects.create(key="team", value="a")
        self.option.products.add(self.product)
        self.option.portfolios.add(self.portfolio)
        self.constraint = Constraint.objects.create(
            kind="StackRegion",
            product=self.product,
            portfolio=self.portfolio,
            config={"StackRegions": [self.region.pk]},
        )

    def _instance(self):
        self.instance = InstanceFactory(
            owner=self.alice,
            version=self.version,
            portfolio=self.portfolio,
            name="secret-instance",
        )
        self.task = TaskFactory(instance=self.instance, ended=True)
        self.instance.last_task = self.instance.last_successful_task = self.task
        self.instance.save()
        Output.objects.create(task=self.task, key="url", value="secret-output")
        TaskLog.objects.create(
            task=self.task, offset=0, command="apply", lines=[["t", "INFO", "log"]]
        )
        Resource.objects.create(
            instance=self.instance, address="a.b", name="b", type="a", status="X"
        )
        Tag.objects.create(instance=self.instance, key="k", value="v")

    def _plan(self):
        self.plan = PlanFactory(
            owner=self.alice,
            version=self.version,
            portfolio=self.portfolio,
            status=Plan.Status.PREVIEW_SUCCESS,
        )
        self.drafts = [
            PlanFactory(
                draft=True,
                owner=self.alice,
                created_by=self.alice,
                operation=operation,
                version=self.version,
                portfolio=self.portfolio,
                instance=instance,
                base_task=self.task if instance else None,
                status=Plan.Status.PREVIEW_SUCCESS,
            )
            for operation, instance in (
                ("LaunchProduct", None),
                ("UpdateProvisionedProduct", self.instance),
            )
        ]
        self.notice = Notice.objects.create(
            recipient=self.alice, kind=Notice.Kind.READY, plan=self.plan
        )
        self.known_error = KnownError.objects.create(
            title="Secret card", pattern="quota", explanation="Ask."
        )
        self.key = AccessKey.objects.issue(self.alice, by=self.alice)

    def let_approve(self, carol):
        """Have somebody decide about launches of alice's product, and a plan wait for them."""
        self.carol = carol
        self.approval = Constraint.objects.create(
            kind="Approval",
            product=self.product,
            portfolio=self.portfolio,
            config={
                "OperationTypes": ["LaunchProduct"],
                "Approvers": [
                    {"PrincipalType": "RamUser", "PrincipalName": carol.username}
                ],
            },
        )
        self.plan.status = Plan.Status.APPLICATION_IN_PROGRESS
        self.plan.state = Plan.State.ENDED
        for column, value in self.plan.seal(b"plan").items():
            setattr(self.plan, column, value)
        self.plan.save()

    def _passkey(self):
        options = {"publicKey": {"challenge": "AAAA"}}
        self.soft_key = SoftKey()
        data = {"name": "Laptop", "credential": self.soft_key.create(options)}
        self.passkey = Authenticator.objects.create(
            user=self.alice, type="webauthn", data=data
        )

    def values(self, route):
        """What fills the places of an address: alice's rows."""
        first = {
            "instances": self.instance,
            "plans": self.plan,
            "notices": self.notice,
            "access-keys": self.key,
            "portfolios": self.portfolio,
            "tag-options": self.option,
            "regions": self.region,
            "launch-roles": self.launch_role,
            "known-errors": self.known_error,
            "accounts": self.passkey,
        }
        kind = route.removeprefix("manage/").split("/")[0]
        sheet = asset("console.css")
        stem, digest, suffix = sheet.url.rsplit("/", 1)[-1].split(".")
        return {
            "pk": first.get(kind, self.product).pk,
            "task": self.task.pk,
            "version_pk": self.version.pk,
            "product_pk": self.product.pk,
            "grant_pk": self.grant.pk,
            "constraint_pk": self.constraint.pk,
            "option": self.option.pk,
            "name": "alice" if "people" in route else "ListRegions",
            "stem": stem,
            "digest": digest,
            "suffix": suffix,
        }

    def address(self, route, **changed):
        values = self.values(route) | changed
        found = re.sub(r"<\w+:(\w+)>", lambda each: str(values[each[1]]), route)
        # The page for a new constraint is reached from a product.
        query = (
            f"?product={self.product.pk}&kind=StackRegion"
            if found.endswith("constraints/new/")
            else ""
        )
        return f"/{found}{query}"

    def missing(self, route):
        """The same address about something that does not exist."""
        values = self.values(route)
        return self.address(
            route,
            pk=999_999
            if route.startswith(("notices", "accounts"))
            else f"{values['pk']}x"[-24:],
            name="nobody-of-this-name",
        )

    def client(self, role, **options):
        """The browser of somebody in a role; the deactivated person was signed in before."""
        client = Client(raise_request_exception=False, **options)
        if role != "anonymous":
            client.force_login(getattr(self, role))
        return client

    def deactivate(self):
        User.objects.filter(pk=self.deactivated.pk).update(is_active=False)


QUESTIONS = ("SELECT", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")
IGNORED = {"console.Session", "console.UsedNonce"}


class Watch:
    """Notices whether anything but a question is put to the database meanwhile."""

    def __init__(self):
        self.wrote = False

    def __enter__(self):
        self._watching = connection.execute_wrapper(self._see)
        self._watching.__enter__()
        return self

    def __exit__(self, *error):
        self._watching.__exit__(*error)

    def _see(self, execute, sql, params, many, context):
        self.wrote = self.wrote or not sql.lstrip("( ").startswith(QUESTIONS)
        return execute(sql, params, many, context)


def snapshot():
    """A checksum of every table: the same before and after means nothing was changed."""
    found = {}
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            if model._meta.label in IGNORED:
                continue
            # Not by the ORM: it would spend ten times as long on making the query.
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"SELECT * FROM {table}")
            rows = sorted(map(repr, cursor.fetchall()))
            found[model._meta.label] = (
                len(rows),
                hashlib.sha256("\n".join(rows).encode()).hexdigest(),
            )
    return found
