"""Store logins and names of groups folded, for searches and for uniqueness without case."""

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import migrations, models

from console.lib.names import FoldedField, NameKeyField, check_name, fill


def fold(apps, schema_editor):
    for name in ("User", "Role"):
        fill(apps.get_model("console", name))


class Migration(migrations.Migration):
    dependencies = [("console", "0004_sessions")]

    operations = [
        migrations.AddField("role", "name_key", NameKeyField(of=["name"])),
        migrations.AddField("user", "name_key", NameKeyField(of=["username"])),
        migrations.AddField(
            "user",
            "search_text",
            FoldedField(of=["username", "first_name", "last_name"]),
        ),
        migrations.AlterField(
            "user",
            "username",
            models.CharField(
                error_messages={"unique": "A user with that username already exists."},
                help_text=(
                    "Required. 150 characters or fewer. "
                    "Letters, digits and @/./+/-/_ only."
                ),
                max_length=150,
                unique=True,
                validators=[UnicodeUsernameValidator(), check_name],
                verbose_name="username",
            ),
        ),
        migrations.RunPython(fold, migrations.RunPython.noop),
    ]
