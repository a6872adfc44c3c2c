"""The life cycle of an instance through the vendor's SDK."""

import json

import pytest
from django.db import close_old_connections

from instances.worker.loop import Worker
from tests.console.api.sdk_client import Hand, entry, exceptions
from tests.factories import MAIN_TF

DOCUMENT = json.dumps(
    {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Transform": "Aliyun::Terraform-v1.5",
        "Workspace": {"main.tf": MAIN_TF},
    }
)


class Story:
    """The life cycle of an instance, from the catalog to its termination."""

    def __init__(self, live_server, admin, alice, mode):
        self.answers = {}
        self.admin = Hand(live_server, admin, self.answers, mode=mode)
        self.alice = Hand(live_server, alice, self.answers, mode=mode)
        self.alice_id = alice.principal_id

    def curate(self):
        admin = self.admin
        self.url = admin(
            "CreateTemplate",
            template_body=DOCUMENT,
            template_type="RosTerraformTemplate",
            terraform_variables=[
                entry(
                    "CreateTemplate",
                    "TerraformVariables",
                    variable_name="name",
                    description='{"Label": {"en": "Name"}}',
                )
            ],
        ).template_url
        version = {"template_type": "RosTerraformTemplate", "template_url": self.url}
        made = admin(
            "CreateProduct",
            product_name="Service",
            product_type="Ros",
            provider_name="IT team\n",
            description="First",
            product_version_parameters=entry(
                "CreateProduct",
                "ProductVersionParameters",
                product_version_name="1.0",
                active=True,
                guidance="Recommended",
                **version,
            ),
        )
        self.product, self.version = made.product_id, made.product_version_id
        self.second = admin(
            "CreateProductVersion",
            product_id=self.product,
            product_version_name="2.0",
            active=False,
            **version,
        ).product_version_id
        admin(
            "UpdateProductVersion",
            product_version_id=self.second,
            product_version_name="2.0",
            active=True,
            guidance="Latest",
            description="Second",
        )
        admin(
            "UpdateProduct",
            product_id=self.product,
            product_name="Service",
            provider_name="IT team\n",
            description="A service.\n",
        )
        for action in ("GetProductAsAdmin", "ListProductVersions"):
            admin(action, product_id=self.product)
        admin("GetProductVersion", product_version_id=self.version)
        admin("GetTemplate", product_id=self.product, product_version_id=self.version)
        arn = self.answers["GetProductAsAdmin"].product_detail.product_arn
        admin("CopyProduct", source_product_arn=arn, target_product_name="Copy")
        found = admin(
            "ListProductsAsAdmin",
            filters=[
                entry("ListProductsAsAdmin", "Filters", key="ProductName", value="cOPY")
            ],
        )
        copy = found.product_details[0].product_id
        versions = admin("ListProductVersions", product_id=copy).product_version_details
        admin("DeleteProductVersion", product_version_id=versions[0].product_version_id)
        admin("DeleteProduct", product_id=copy)

    def offer(self):
        admin = self.admin
        names = {"portfolio_name": "Everyday", "provider_name": "IT"}
        self.portfolio = admin("CreatePortfolio", description="d", **names).portfolio_id
        place = {"portfolio_id": self.portfolio, "product_id": self.product}
        admin("UpdatePortfolio", portfolio_id=self.portfolio, description="e", **names)
        admin("AssociateProductWithPortfolio", **place)
        person = {"principal_id": self.alice_id, "principal_type": "RamUser"}
        admin("AssociatePrincipalWithPortfolio", portfolio_id=self.portfolio, **person)
        admin("ListPrincipals", portfolio_id=self.portfolio)
        tag = admin("CreateTagOption", key="team", value="dta").tag_option_detail
        self.tag = tag.tag_option_id
        admin("UpdateTagOption", tag_option_id=self.tag, value="data", active=True)
        attached = {"tag_option_id": self.tag, "resource_id": self.product}
        admin("AssociateTagOptionWithResource", **attached)
        admin("GetTagOption", tag_option_id=self.tag)
        wanted = entry("ListTagOptions", "Filters", active=True, full_text_search="TEA")
        admin("ListTagOptions", filters=wanted)
        admin(
            "ListResourcesForTagOption", tag_option_id=self.tag, resource_type="product"
        )
        self.answers["GetProductAsAdmin"] = admin(
            "GetProductAsAdmin", product_id=self.product
        )
        admin("AssociateTagOptionWithResource", tag_option_id=self.tag, resource_id=self.portfolio)  # fmt: skip
        admin("GetPortfolio", portfolio_id=self.portfolio)
        admin("DisAssociateTagOptionFromResource", tag_option_id=self.tag, resource_id=self.portfolio)  # fmt: skip
        admin("ListPortfolios", product_id=self.product)
        self.constraint = admin(
            "CreateConstraint",
            constraint_type="StackRegion",
            config='{"StackRegions": ["cn-hangzhou"]}',
            description="here",
            **place,
        ).constraint_id
        admin(
            "UpdateConstraint",
            constraint_id=self.constraint,
            config='{"StackRegions": ["cn-hangzhou", "cn-beijing"]}',
        )
        admin("GetConstraint", constraint_id=self.constraint)

    def launch(self):
        alice = self.alice
        for action in ("GetProductAsEndUser", "ListLaunchOptions"):
            alice(action, product_id=self.product)
        alice("ListProductsAsEndUser")
        alice("ListRegions")
        self.instance = alice(
            "LaunchProduct",
            product_id=self.product,
            product_version_id=self.version,
            provisioned_product_name="orders",
            stack_region_id="cn-hangzhou",
            parameters=[
                entry(
                    "LaunchProduct",
                    "Parameters",
                    parameter_key="name",
                    parameter_value="first",
                )
            ],
            tags=[entry("LaunchProduct", "Tags", key="cost", value="1")],
        ).provisioned_product_id
        self.settle("Available")
        alice("ListProvisionedProducts")
        tasks = alice("ListTasks", provisioned_product_id=self.instance).task_details
        alice("GetTask", task_id=tasks[0].task_id)

    def update(self):
        self.alice(
            "UpdateProvisionedProduct",
            product_id=self.product,
            product_version_id=self.second,
            provisioned_product_id=self.instance,
            parameters=[
                entry(
                    "UpdateProvisionedProduct",
                    "Parameters",
                    parameter_key="name",
                    parameter_value="second",
                )
            ],
        )
        self.settle("Available")

    def plan(self):
        alice = self.alice
        planned = self.draft("more", "third")
        alice("UpdateProvisionedProductPlan", plan_id=planned, **self.spec("fourth"))
        work()
        plan = alice("GetProvisionedProductPlan", plan_id=planned).plan_detail
        assert plan.status == "PreviewSuccess", plan.status_message
        alice("ListProvisionedProductPlans", provisioned_product_id=self.instance)
        alice("ListProvisionedProductPlanApprovers", access_level_filter="User")
        with pytest.raises(exceptions.ClientException) as refusal:
            alice("ApproveProvisionedProductPlan", plan_id=planned, approval_action="Approve")  # fmt: skip
        assert refusal.value.code == "IncorrectStatus.Plan"
        alice("ExecuteProvisionedProductPlan", plan_id=planned)
        self.settle("Available")
        unwanted = self.draft("no more", "fifth")
        alice("CancelProvisionedProductPlan", plan_id=unwanted)
        alice("DeleteProvisionedProductPlan", plan_id=unwanted)

    def spec(self, name):
        value = entry(
            "CreateProvisionedProductPlan",
            "Parameters",
            parameter_key="name",
            parameter_value=name,
        )
        return {
            "product_id": self.product,
            "product_version_id": self.second,
            "parameters": [value],
        }

    def draft(self, name, value):
        made = self.alice(
            "CreateProvisionedProductPlan",
            plan_name=name,
            plan_type="Ros",
            operation_type="UpdateProvisionedProduct",
            provisioned_product_name="orders",
            stack_region_id="cn-hangzhou",
            **self.spec(value),
        )
        assert made.provisioned_product_id == self.instance
        work()
        return made.plan_id

    def end(self):
        admin, pk = self.admin, self.instance
        self.alice("TerminateProvisionedProduct", provisioned_product_id=pk)
        work()
        with pytest.raises(exceptions.ClientException) as gone:
            self.alice("GetProvisionedProduct", provisioned_product_id=pk)
        assert gone.value.code == "InvalidProvisionedProduct.NotFound"
        admin("DeleteConstraint", constraint_id=self.constraint)
        admin(
            "DisassociateProductFromPortfolio",
            portfolio_id=self.portfolio,
            product_id=self.product,
        )
        admin(
            "DisassociatePrincipalFromPortfolio",
            portfolio_id=self.portfolio,
            principal_id=self.alice_id,
            principal_type="RamUser",
        )
        admin("DeletePortfolio", portfolio_id=self.portfolio)
        admin("DeleteTagOption", tag_option_id=self.tag)
        admin("DeleteProduct", product_id=self.product)

    def settle(self, status):
        work()
        detail = self.alice(
            "GetProvisionedProduct", provisioned_product_id=self.instance
        ).provisioned_product_detail
        assert detail.status == status, detail.status_message


def work():
    Worker().work(once=True)
    close_old_connections()
