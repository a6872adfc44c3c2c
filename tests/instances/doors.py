"""Launches and updates as people make them: through the page, or by the API."""

from django.urls import reverse

from catalog.models import Template
from instances.models import Instance, Output, Plan
from instances.worker.loop import Worker
from tests.factories import PortfolioFactory, RegionFactory, VersionFactory
from tests.form_fields import Fields


def work():
    Worker().work(once=True)


def publish(user, source, product=None, **changed):
    """A version of this template that a person can launch; the next one of `product`."""
    RegionFactory()
    template = Template.objects.from_files({"main.tf": source})
    if product is not None:
        return VersionFactory(template=template, product=product, **changed)
    version = VersionFactory(template=template, **changed)
    PortfolioFactory(products=[version.product], users=[user])
    return version


class ApiDoor:
    """The signed operations."""

    def __init__(self, caller):
        self.caller = caller

    def launch(self, version, name="shop", **values):
        answer = self.caller.call(
            "LaunchProduct",
            ProvisionedProductName=name,
            StackRegionId="cn-hangzhou",
            **spec(version, **values),
        )
        work()
        return Instance.objects.get(pk=answer["ProvisionedProductId"])

    def update(self, instance, version, **values):
        self.caller.call(
            "UpdateProvisionedProduct",
            ProvisionedProductId=instance.pk,
            **spec(version, **values),
        )
        work()
        return Instance.objects.get(pk=instance.pk)


class PageDoor:
    """The wizards, their fields left as they come but for what is given."""

    def __init__(self, browser):
        self.browser = browser

    def launch(self, version, name="shop", **values):
        url = reverse("instances:launch", args=[version.product_id])
        self._through(url, version, values, "launch-review", name=name)
        work()
        return Instance.objects.get(name=name)

    def update(self, instance, version, **values):
        url = reverse("instances:update", args=[instance.pk])
        self._through(url, version, values, "update-review")
        work()
        return Instance.objects.get(pk=instance.pk)

    def fields(self, url, version):
        """What a browser would send for the form of this version as it comes."""
        html = self.browser.get(
            url, {"version": version.pk, "new": ""}
        ).content.decode()
        fields = Fields(html).sent
        return {k: v for k, v in fields.items() if k not in ("change", "automatic")}

    def send(self, url, version, values, **more):
        """Send step 1 with these values; return the answer."""
        sent = self.fields(url, version)
        given = {f"parameters-{key}": value for key, value in values.items()}
        return self.browser.post(url, {**sent, **more, "version": version.pk, **given})

    def _through(self, url, version, values, review, **more):
        response = self.send(url, version, values, **more)
        assert response.status_code == 302, response.context["form"].errors
        # The preview is carried out exactly, as it is when people have read it.
        work()
        plan = Plan.objects.latest("created_at")
        assert plan.status == "PreviewSuccess", plan.status_message
        assert self.browser.post(response["Location"]).status_code == 302


def spec(version, **values):
    return {
        "ProductId": version.product_id,
        "ProductVersionId": version.pk,
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in values.items()
        ],
    }


def outputs(instance):
    """The outputs of the last good task."""
    rows = Output.objects.filter(task=instance.last_successful_task)
    return dict(rows.values_list("key", "value"))
