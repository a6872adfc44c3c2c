"""A worker of the campaign, with a bug in it if one is asked for."""

import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from instances.models import Work  # noqa: E402


def unfenced(self, **values):
    """`Work.write` without its check: whoever wrote last is right."""
    type(self)._default_manager.filter(pk=self.pk).update(**values)
    for name, value in values.items():
        setattr(self, name, value)


if __name__ == "__main__":
    if "fencing" in sys.argv:
        Work.write = unfenced
    call_command("work", "--concurrency", "6")
