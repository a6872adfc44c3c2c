"""Checks of an upgraded installation, by Django's test client or over HTTP."""

import re
from collections import Counter

from django.apps import apps

from console.lib.encryption import EncryptedField
from tests.markup import compact
from tests.upgrade.browser import sign_in
from tests.waiting import wait_for

# Columns that a user of any version has filled.
FILLED = {
    "catalog.LaunchRole.environment",
    "catalog.Region.credentials",
    "console.AccessKey.secret",
    "instances.Check.secrets",
    "instances.Output.secret_value",
    "instances.Plan.file",
    "instances.Plan.secrets",
    "instances.StateVersion.body",
    "instances.Task.secrets",
}


def opened_columns():
    """Decrypt every encrypted value; return how many each column has."""
    found = Counter()
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, EncryptedField):
                name = f"{model._meta.label}.{field.name}"
                for row in model._base_manager.all():
                    found[name] += getattr(row, field.attname) is not None
    return found


class Visit:
    """The users of an upgraded installation, with what they know from before."""

    def __init__(self, browser, script, facts):
        self.browser, self.script, self.facts = browser, script, facts

    def as_before(self, name):
        """The browser in which somebody was signed in before the upgrade."""
        client = self.browser()
        for cookie, value in self.facts["cookies"][name].items():
            client.cookies[cookie] = value
        return client

    def page(self, client, path):
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return compact(answer)

    def check_sessions(self):
        """Sessions go on, and new ones begin with the factors of before."""
        for name in self.facts["cookies"]:
            assert f'"topbar__name">{name}' in self.page(
                self.as_before(name), "/plans/"
            )
        sign_in(self.browser(), "bob")
        sign_in(self.browser(), "alice", secret=self.facts["secret"])
        sign_in(self.browser(), "alice", code=self.facts["codes"][0])

    def check_instances(self):
        """Instances show their tasks, outputs, resources and tags, and how they failed."""
        client = self.as_before("alice")
        shop = f"/instances/{self.facts['instance']}/"
        assert 'data-status="Available"' in self.page(client, shop)
        tasks = self.page(client, f"{shop}tasks/")
        for told in ("Launch product", "Update instance", "Succeeded"):
            assert told in tasks
        output = re.search(rf"{shop}tasks/task-\w+/output/", tasks)[0]
        assert "admin_password" in self.page(client, output)
        assert "terraform_data.server[2]" in self.page(client, f"{shop}resources/")
        tags = self.page(client, f"{shop}tags/")
        assert "team" in tags
        assert "web" in tags
        warehouse = self.page(client, f"/instances/{self.facts['failed']}/")
        assert 'data-status="Error"' in warehouse
        assert "needs a monthly budget" in warehouse

    def check_script(self):
        """An access key of before signs a call."""
        answer = self.script("alice").call(
            "GetProvisionedProductForResourceSpec",
            ProvisionedProductId=self.facts["instance"],
        )
        detail = answer["ProvisionedProductDetail"]
        assert detail["ProvisionedProductName"] == "shop"

    def preview(self, plan):
        """Bob has a plan previewed again, and waits until it asks for its approval."""
        client, page = self.as_before("bob"), f"/plans/{self.facts[plan]}/"
        self.page(client, page)
        answer = client.post(f"{page}preview/")
        assert answer.status_code == 302, answer.content.decode()
        waits = 'data-status="ApplicationInProgress"'
        wait_for(lambda: waits in self.page(client, page))

    def decide(self, plan):
        """Carol approves a plan in the browser of before."""
        client, page = self.as_before("carol"), f"/plans/{self.facts[plan]}/"
        seen = re.search(r'name="seen" value="(\w+)"', self.page(client, page))[1]
        answer = client.post(f"{page}decide/", {"approve": "1", "seen": seen})
        assert answer.status_code == 302, answer.content.decode()

    def execute(self, plan):
        """Bob executes a plan in the browser of before."""
        client, page = self.as_before("bob"), f"/plans/{self.facts[plan]}/"
        self.page(client, page)
        answer = client.post(f"{page}execute/")
        assert answer.status_code == 302, answer.content.decode()

    def launch(self):
        """Alice launches what she had on review."""
        client = self.as_before("alice")
        self.page(client, self.facts["review"])
        answer = client.post(self.facts["review"])
        assert answer.status_code == 302, answer.content.decode()

    def update(self, **values):
        """Alice's script updates her instance."""
        self.script("alice").call(
            "UpdateProvisionedProduct",
            ProvisionedProductId=self.facts["instance"],
            ProductId=self.facts["products"]["Web service"],
            ProductVersionId=self.facts["version"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in values.items()
            ],
        )

    def resources(self):
        """Return how many resources alice's instance has."""
        page = f"/instances/{self.facts['instance']}/resources/"
        return self.page(self.as_before("alice"), page).count("<tr") - 1
