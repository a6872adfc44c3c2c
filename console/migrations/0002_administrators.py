"""The group of administrators: a permission makes one, not the superuser flag."""

from django.db import migrations

NAME = "Administrators"


def create(apps, schema_editor):
    # The permission's row is usually made after migrating; the group needs it now.
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    Role = apps.get_model("console", "Role")
    kind, _ = ContentType.objects.get_or_create(app_label="console", model="user")
    permission, _ = Permission.objects.get_or_create(
        codename="administer",
        content_type=kind,
        defaults={"name": "Can administer the catalogue and every instance"},
    )
    role, _ = Role.objects.get_or_create(name=NAME)
    role.permissions.add(permission)


def remove(apps, schema_editor):
    apps.get_model("console", "Role").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(create, remove)]
