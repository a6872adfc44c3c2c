"""Rename Departure to Offboarding. The table and its index keep their names."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

VERBS = ("add", "change", "delete", "view")


def rename_permissions(apps, old, new):
    # Django makes the permissions of the new name only after all migrations.
    permissions = apps.get_model("auth", "Permission").objects
    for verb in VERBS:
        permissions.filter(
            content_type__app_label="console", codename=f"{verb}_{old}"
        ).update(codename=f"{verb}_{new}", name=f"Can {verb} {new}")


def forwards(apps, schema_editor):
    rename_permissions(apps, "departure", "offboarding")


def backwards(apps, schema_editor):
    rename_permissions(apps, "offboarding", "departure")


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("console", "0007_audit_and_session_labels"),
    ]

    operations = [
        migrations.AlterModelTable("departure", "console_departure"),
        migrations.RenameModel("Departure", "Offboarding"),
        migrations.AlterModelOptions(
            "offboarding",
            options={
                "verbose_name": "offboarding",
                "verbose_name_plural": "offboardings",
            },
        ),
        migrations.AlterField(
            "offboarding",
            "user",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="offboardings",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
        migrations.RunPython(forwards, backwards),
    ]
