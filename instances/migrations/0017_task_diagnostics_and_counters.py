"""Rename Evidence to TaskDiagnostics and Tally to Counter. The tables keep their names."""

import django.db.models.deletion
from django.db import migrations, models

VERBS = ("add", "change", "delete", "view")
RENAMED = {"evidence": "taskdiagnostics", "tally": "counter"}
LABELS = {"taskdiagnostics": "execution details", "counter": "counter"}


def rename_permissions(apps, old, new, label):
    # Django makes the permissions of the new name only after all migrations.
    permissions = apps.get_model("auth", "Permission").objects
    for verb in VERBS:
        permissions.filter(
            content_type__app_label="instances", codename=f"{verb}_{old}"
        ).update(codename=f"{verb}_{new}", name=f"Can {verb} {label}")


def forwards(apps, schema_editor):
    for old, new in RENAMED.items():
        rename_permissions(apps, old, new, LABELS[new])


def backwards(apps, schema_editor):
    for old, new in RENAMED.items():
        rename_permissions(apps, new, old, old)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("instances", "0016_notice_and_known_error_labels"),
    ]

    operations = [
        migrations.AlterModelTable("evidence", "instances_evidence"),
        migrations.RenameModel("Evidence", "TaskDiagnostics"),
        migrations.AlterField(
            "taskdiagnostics",
            "task",
            models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                primary_key=True,
                related_name="diagnostics",
                serialize=False,
                to="instances.task",
            ),
        ),
        migrations.AlterModelTable("tally", "instances_tally"),
        migrations.RenameModel("Tally", "Counter"),
        migrations.RunPython(forwards, backwards),
    ]
