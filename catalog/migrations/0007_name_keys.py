"""Store names folded, for searches and for uniqueness without case."""

from django.db import migrations, models

from console.lib.names import FoldedField, NameKeyField, check_name, fill

ABOUT = ["name", "provider", "description"]


def fold(apps, schema_editor):
    fill(
        apps.get_model("catalog", "Product"),
        lambda row: None if row.removed_at else "",
        reads=["removed_at"],
    )
    for name in ("Portfolio", "LaunchRole", "TagOption"):
        fill(apps.get_model("catalog", name))


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_exact_numbers")]

    operations = [
        migrations.AddField("launchrole", "name_key", NameKeyField(of=["name"])),
        migrations.AddField("portfolio", "name_key", NameKeyField(of=["name"])),
        migrations.AddField("portfolio", "search_text", FoldedField(of=ABOUT)),
        migrations.AddField("product", "name_key", NameKeyField(of=["name"])),
        migrations.AddField("product", "search_text", FoldedField(of=ABOUT)),
        migrations.AddField(
            "tagoption", "search_text", FoldedField(of=["key", "value"])
        ),
        migrations.AlterField(
            "launchrole",
            "name",
            models.CharField(
                max_length=64,
                unique=True,
                validators=[check_name],
                verbose_name="name",
            ),
        ),
        *(
            migrations.AlterField(
                model,
                "name",
                models.CharField(
                    max_length=128, validators=[check_name], verbose_name="name"
                ),
            )
            for model in ("portfolio", "product", "version")
        ),
        migrations.RunPython(fold, migrations.RunPython.noop),
    ]
