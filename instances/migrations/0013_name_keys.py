"""Store names of instances and plans folded, for searches and uniqueness without case."""

from django.db import migrations, models

from console.lib.names import FoldedField, NameKeyField, check_name, fill

OPEN = {
    "PreviewInProgress",
    "PreviewSuccess",
    "PreviewFailed",
    "ApplicationInProgress",
    "ApplicationApproved",
    "ApplicationRejected",
}


def fold(apps, schema_editor):
    fill(
        apps.get_model("instances", "Instance"),
        lambda row: None if row.terminated_at else "",
        reads=["terminated_at"],
    )
    fill(
        apps.get_model("instances", "Plan"),
        lambda row: row.owner_id if not row.draft and row.status in OPEN else None,
        reads=["owner_id", "draft", "status"],
    )


class Migration(migrations.Migration):
    dependencies = [("instances", "0012_corrected_tags")]

    operations = [
        migrations.AddField("instance", "name_key", NameKeyField(of=["name"])),
        migrations.AddField("plan", "name_key", NameKeyField(of=["name"])),
        migrations.AddField(
            "plan", "search_text", FoldedField(of=["name", "instance_name"])
        ),
        migrations.AlterField(
            "instance",
            "name",
            models.CharField(
                max_length=128, validators=[check_name], verbose_name="name"
            ),
        ),
        migrations.AlterField(
            "plan",
            "name",
            models.CharField(
                blank=True, max_length=128, validators=[check_name], verbose_name="name"
            ),
        ),
        migrations.RunPython(fold, migrations.RunPython.noop),
    ]
