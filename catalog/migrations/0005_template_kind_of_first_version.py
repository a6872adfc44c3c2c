"""Let the first version decide a product's template type where none was announced."""

from django.db import migrations, models

TERRAFORM = "RosTerraformTemplate"


def reopen(apps, schema_editor):
    """Products without a version took Terraform by default, and nobody may have chosen it."""
    products = apps.get_model("catalog", "Product").objects.filter(versions=None)
    products.filter(template_kind=TERRAFORM).update(template_kind="")


def close(apps, schema_editor):
    products = apps.get_model("catalog", "Product").objects.filter(template_kind="")
    products.update(template_kind=TERRAFORM)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_region_engine")]

    operations = [
        migrations.AlterField(
            model_name="product",
            name="template_kind",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "Set by the first version"),
                    ("RosTerraformTemplate", "Terraform"),
                    ("RosStandardTemplate", "ROS"),
                ],
                default="RosTerraformTemplate",
                max_length=24,
                verbose_name="template type",
            ),
        ),
        migrations.RunPython(reopen, close),
    ]
