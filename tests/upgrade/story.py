"""The life of an installation of an old version, as its users led it: by pages and signed calls."""

import re

from tests.form_fields import Fields
from tests.upgrade.browser import Browser, Script, code_of, sign_in
from tests.waiting import wait_for

PEOPLE = ("admin", "alice", "bob", "carol")
REGION = "eu-central-1"
SECRET = "an-administrators-secret"


class Story:
    """The users of a demonstration; `facts` is what a test has to know of their data."""

    def __init__(self, address):
        self.browsers = {name: Browser(address) for name in PEOPLE}
        for name, browser in self.browsers.items():
            sign_in(browser, name)
        self.keys = {
            name: self._key(browser) for name, browser in self.browsers.items()
        }
        self.scripts = {name: Script(address, *key) for name, key in self.keys.items()}
        cookies = {name: each.cookies for name, each in self.browsers.items()}
        self.facts = {"keys": self.keys, "cookies": cookies}

    def _key(self, browser):
        """Create an access key on its page; return its ID and secret."""
        browser.get("/access-keys/")
        page = browser.post("/access-keys/create/").content.decode()
        made = page[page.index('id="made"') :]
        return re.findall(r'data-copy="([^"]+)"', made)[:2]

    def tell(self):
        """Do one of each thing that leaves data; return the facts."""
        self._curate()
        self._add_factors()
        self._launch()
        self._plan()
        self._draft()
        return self.facts

    def _curate(self):
        browser, call = self.browsers["admin"], self.scripts["admin"].call
        page = f"/manage/regions/{REGION}/"
        self._send(
            browser,
            page,
            {"name": "Frankfurt", "active": "on", "credentials": "CLOUD_KEY=of-region"},
        )
        self._send(
            browser,
            "/manage/launch-roles/new/",
            {"name": "deployer", "environment": "CLOUD_KEY=of-role"},
        )
        browser.post(f"{page}test/")
        made = call("CreateTagOption", Key="team", Value="web")
        option = made["TagOptionDetail"]["TagOptionId"]
        products = call("ListProductsAsAdmin", PageSize=100)["ProductDetails"]
        self.products = {each["ProductName"]: each["ProductId"] for each in products}
        web = self.products["Web service"]
        call("AssociateTagOptionWithResource", TagOptionId=option, ResourceId=web)
        self.facts["products"] = self.products

    def _send(self, browser, page, fields):
        """Open the page of a form and send it; return the address that it leads to."""
        form = Fields(browser.get(page).content.decode()).sent
        stamp = {name: form[name] for name in ("seen",) if name in form}
        answer = browser.post(page, fields | stamp)
        assert answer.status_code == 302, re.findall(
            r'field__error"[^>]*>(.*?)</div>', answer.content.decode()
        )
        return answer.url

    def _add_factors(self):
        """Give alice an authenticator app and recovery codes."""
        browser, page = self.browsers["alice"], "/accounts/2fa/totp/activate/"
        html = browser.get(page).content.decode()
        secret = re.search(r'data-copy="([A-Z2-7]{32})"', html)[1]
        wait_for(
            lambda: browser.post(page, {"code": code_of(secret)}).status_code == 302
        )
        codes = browser.get("/accounts/2fa/recovery-codes/").content.decode()
        self.facts["secret"] = secret
        self.facts["codes"] = re.findall(r"^(?:.*>)?(\d{8})$", codes, re.M)

    def _launch(self):
        """Launch and update an instance of alice's, and fail to launch another."""
        script = self.scripts["alice"]
        web = self.launch("Web service", "shop", admin_password=SECRET)
        assert self.settled(web) == "Available"
        script.call(
            "UpdateProvisionedProduct",
            ProvisionedProductId=web,
            **self._chosen("Web service", server_count=3),
            Tags=[{"Key": "team", "Value": "web"}],
        )
        assert self.settled(web) == "Available"
        warehouse = self.launch("Data warehouse", "warehouse")
        assert self.settled(warehouse) == "Error"
        version = self._chosen("Web service")["ProductVersionId"]
        self.facts |= {"instance": web, "version": version, "failed": warehouse}

    def launch(self, product, name, by="alice", **values):
        """Launch a product by the API; return the ID of the instance."""
        answer = self.scripts[by].call(
            "LaunchProduct",
            ProvisionedProductName=name,
            StackRegionId=REGION,
            **self._chosen(product, **values),
        )
        return answer["ProvisionedProductId"]

    def settled(self, instance, by="alice"):
        """Return the status of an instance, once its task has ended."""
        call = self.scripts[by].call

        def status():
            answer = call("GetProvisionedProduct", ProvisionedProductId=instance)
            found = answer["ProvisionedProductDetail"]["Status"]
            return found if found != "UnderChange" else ""

        return wait_for(status)

    def _chosen(self, product, **values):
        pk = self.products[product]
        versions = self.scripts["alice"].call("ListProductVersions", ProductId=pk)[
            "ProductVersionDetails"
        ]
        return {
            "ProductId": pk,
            "ProductVersionId": versions[0]["ProductVersionId"],
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in values.items()
            ],
        }

    def _plan(self):
        """Have two plans of bob's: one waits for carol, she has approved the other."""
        for name in ("waiting", "approved"):
            self.facts[name] = self.scripts["bob"].call(
                "CreateProvisionedProductPlan",
                PlanName=name,
                PlanType="Ros",
                ProvisionedProductName=f"database-{name}",
                StackRegionId=REGION,
                **self._chosen("Production database"),
            )["PlanId"]
            wait_for(lambda name=name: self._waits(self.facts[name]))
        self.scripts["carol"].call(
            "ApproveProvisionedProductPlan",
            PlanId=self.facts["approved"],
            ApprovalAction="Approve",
            Comment="Within budget",
        )

    def _waits(self, plan):
        answer = self.scripts["bob"].call("GetProvisionedProductPlan", PlanId=plan)
        status = answer["PlanDetail"]["Status"]
        assert status in ("PreviewInProgress", "ApplicationInProgress"), answer
        return status == "ApplicationInProgress"

    def _draft(self):
        """Leave the wizard of alice at its review."""
        browser = self.browsers["alice"]
        page = f"/products/{self.products['Container cluster']}/launch/"
        fields = Fields(browser.get(page).content.decode()).sent
        del fields["automatic"]
        review = self._send(browser, page, fields | {"name": "drafted"})
        done = b'data-status="PreviewSuccess"'
        wait_for(lambda: done in browser.get(review).content)
        self.facts["review"] = review
