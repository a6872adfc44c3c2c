"""Let names be unique without case; those of earlier releases have keys of their own."""

from django.db import migrations, models
from django.db.models import Q

from console.lib.names import NameKeyField


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_name_keys")]

    operations = [
        migrations.AlterField(
            "launchrole", "name_key", NameKeyField(of=["name"], unique=True)
        ),
        migrations.AddConstraint(
            "portfolio",
            models.UniqueConstraint(fields=["name_key"], name="portfolio_name_unique"),
        ),
        migrations.AddConstraint(
            "product",
            models.UniqueConstraint(
                condition=Q(removed_at=None),
                fields=["name_key"],
                name="product_name_unique",
            ),
        ),
    ]
