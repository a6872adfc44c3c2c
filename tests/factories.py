"""One factory per model, with only what the model demands."""

import factory
from django.contrib.auth.models import Permission
from factory.django import DjangoModelFactory

from catalog.models import Portfolio, Product, Region, Template, Version
from console.lib.users import Role, User
from instances.models import Instance, Plan, Task

MAIN_TF = """\
variable "name" {
  type    = string
  default = "demo"
}

resource "terraform_data" "thing" {
  input = var.name
}

output "name" {
  value = terraform_data.thing.output
}
"""


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"person{n}")


def administrators():
    """Return the role of administrators, as the migration makes it.

    A transactional test before this one may have emptied the tables that migrations fill.
    """
    role, _ = Role.objects.get_or_create(name="Administrators")
    role.permissions.add(Permission.objects.get(codename="administer"))
    return role


class AdministratorFactory(UserFactory):
    class Meta:
        skip_postgeneration_save = True

    @factory.post_generation
    def administrators(self, create, extracted):
        if create:
            self.groups.add(administrators())


class RoleFactory(DjangoModelFactory):
    class Meta:
        model = Role

    name = factory.Sequence(lambda n: f"group{n}")


class RegionFactory(DjangoModelFactory):
    class Meta:
        model = Region
        django_get_or_create = ["id"]

    id = "cn-hangzhou"
    name = "China (Hangzhou)"


class TemplateFactory(DjangoModelFactory):
    class Meta:
        model = Template

    files = factory.LazyFunction(lambda: {"main.tf": MAIN_TF})

    @classmethod
    def _create(cls, model_class, *args, files, **kwargs):
        return Template.objects.from_files(files, **kwargs)


class ProductFactory(DjangoModelFactory):
    class Meta:
        model = Product

    name = factory.Sequence(lambda n: f"Product {n}")
    provider = "Platform team"


class VersionFactory(DjangoModelFactory):
    class Meta:
        model = Version

    product = factory.SubFactory(ProductFactory)
    template = factory.SubFactory(TemplateFactory)
    name = factory.Sequence(lambda n: f"{n}.0")


class PortfolioFactory(DjangoModelFactory):
    """`products=[...]` are put into it, `users=[...]` are granted it."""

    class Meta:
        model = Portfolio
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Portfolio {n}")
    provider = "Platform team"

    @factory.post_generation
    def products(self, create, extracted):
        if create and extracted:
            self.products.set(extracted)

    @factory.post_generation
    def users(self, create, extracted):
        for user in extracted or ():
            self.grants.create(user=user)


class InstanceFactory(DjangoModelFactory):
    class Meta:
        model = Instance

    name = factory.Sequence(lambda n: f"instance-{n}")
    version = factory.SubFactory(VersionFactory)
    product = factory.SelfAttribute("version.product")
    region = factory.SubFactory(RegionFactory)
    owner = factory.SubFactory(UserFactory)
    status = Instance.Status.AVAILABLE


class TaskFactory(DjangoModelFactory):
    """A waiting launch; `ended=True` makes it a successful one."""

    class Meta:
        model = Task

    class Params:
        ended = factory.Trait(state=Task.State.ENDED, status=Task.Status.SUCCEEDED)

    instance = factory.SubFactory(InstanceFactory)
    version = factory.SelfAttribute("instance.version")
    kind = Task.Kind.LAUNCH


class PlanFactory(DjangoModelFactory):
    """A plan whose preview waits; `previewed=True` makes it one that succeeded."""

    class Meta:
        model = Plan

    previewed = False

    name = factory.Sequence(lambda n: f"plan-{n}")
    operation = Task.Kind.LAUNCH
    owner = factory.SubFactory(UserFactory)
    region = factory.SubFactory(RegionFactory)
    version = factory.SubFactory(VersionFactory)
    instance_name = factory.Sequence(lambda n: f"planned-{n}")

    @classmethod
    def _create(cls, model_class, *args, previewed, **kwargs):
        plan = super()._create(model_class, *args, **kwargs)
        if previewed:
            # As a worker reads it: PostgreSQL writes out the zeros of 1e21.
            plan.refresh_from_db(fields=["parameters"])
            plan.status, plan.state = Plan.Status.PREVIEW_SUCCESS, Plan.State.ENDED
            for column, value in plan.seal(b"plan").items():
                setattr(plan, column, value)
            plan.save()
        return plan


def version_of(source=MAIN_TF, **options):
    """A version whose template is this file, or these files by name."""
    files = source if isinstance(source, dict) else {"main.tf": source}
    return VersionFactory(template=TemplateFactory(files=files), **options)


def launchable(*users, source=MAIN_TF, **options):
    """A version that these users can launch, through a portfolio of its own."""
    RegionFactory()
    version = version_of(source, **options)
    PortfolioFactory(products=[version.product], users=users)
    return version


def launched_instance(owner, version, *, name="orders", **values):
    """An instance that was launched well, by a task with these values."""
    portfolio = version.product.portfolios.first()
    instance = InstanceFactory(
        name=name, version=version, owner=owner, portfolio=portfolio
    )
    task = TaskFactory(instance=instance, portfolio=portfolio, ended=True, **values)
    for key, value in task.tags.items():
        instance.tags.create(key=key, value=value)
    instance.last_task = instance.last_successful_task = task
    instance.save()
    return instance
