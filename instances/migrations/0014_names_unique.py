"""Let names of living instances, and of a person's open plans, be unique without case."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("instances", "0013_name_keys")]

    operations = [
        migrations.RemoveConstraint("instance", "instance_name_unique"),
        migrations.AddConstraint(
            "instance",
            models.UniqueConstraint(
                condition=Q(terminated_at=None),
                fields=["name_key"],
                name="instance_name_unique",
            ),
        ),
        migrations.AddConstraint(
            "plan",
            models.UniqueConstraint(
                condition=Q(
                    draft=False,
                    status__in=[
                        "ApplicationApproved",
                        "ApplicationInProgress",
                        "ApplicationRejected",
                        "PreviewFailed",
                        "PreviewInProgress",
                        "PreviewSuccess",
                    ],
                ),
                fields=["owner", "name_key"],
                name="plan_name_unique",
            ),
        ),
    ]
