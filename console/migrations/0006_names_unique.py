"""Let logins and names of groups be unique without case."""

from django.db import migrations

from console.lib.names import NameKeyField


class Migration(migrations.Migration):
    dependencies = [("console", "0005_name_keys")]

    operations = [
        migrations.AlterField(
            "role", "name_key", NameKeyField(of=["name"], unique=True)
        ),
        migrations.AlterField(
            "user", "name_key", NameKeyField(of=["username"], unique=True)
        ),
    ]
