"""Mask secrets that stand in the addresses of resources, as every later task does.

Terraform puts the keys of `for_each` into addresses. Messages that name resources in flight
are masked too.
"""

from collections.abc import Iterator
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.models import QuerySet
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from console.lib.encryption import DecryptionError
from console.lib.masking import Masker, shortened

ADDRESS_LENGTH, NAME_LENGTH = 512, 255


def mask_addresses(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Mask what the tasks of each instance know as secret."""
    resources = apps.get_model("instances", "Resource").objects
    evidence = apps.get_model("instances", "Evidence").objects
    known = {*resources.order_by().values_list("instance", flat=True).distinct()}
    known.update(
        evidence.exclude(in_flight=[])
        .order_by()
        .values_list("task__instance", flat=True)
        .distinct()
    )
    for pk in sorted(known):
        masker = Masker(_secrets(apps, pk))
        _mask_rows(resources.filter(instance=pk), masker)
        _mask_messages(apps, pk, masker)


def _secrets(apps: Apps, pk: str) -> Iterator[Any]:
    for task in apps.get_model("instances", "Task").objects.filter(instance=pk):
        try:
            yield from task.secrets.values()
        except DecryptionError:
            continue  # of a key that is lost nothing can be known


def _mask_rows(rows: QuerySet[Any], masker: Masker) -> None:
    for row in rows.all():
        address = shortened(masker.address(row.address), ADDRESS_LENGTH)
        if address == row.address:
            continue
        if rows.filter(address=address).exists():
            row.delete()
            continue
        name = shortened(address.replace(f"{row.type}.", "", 1), NAME_LENGTH)
        rows.filter(pk=row.pk).update(address=address, name=name)


def _mask_messages(apps: Apps, pk: str, masker: Masker) -> None:
    for name, lookup in (("Instance", "pk"), ("Task", "instance"), ("Plan", "instance")):
        rows = apps.get_model("instances", name).objects.filter(**{lookup: pk})
        for row in rows.exclude(status_message="").only("pk", "status_message"):
            told = masker.text(row.status_message)
            if told != row.status_message:
                rows.filter(pk=row.pk).update(status_message=told)
    rows = apps.get_model("instances", "Evidence").objects.filter(task__instance=pk)
    for row in rows.exclude(in_flight=[]):
        addresses = [shortened(masker.address(each), ADDRESS_LENGTH) for each in row.in_flight]
        if addresses != row.in_flight:
            rows.filter(pk=row.pk).update(in_flight=addresses)


class Migration(migrations.Migration):
    dependencies = [("instances", "0009_exact_numbers")]

    operations = [migrations.RunPython(mask_addresses, migrations.RunPython.noop)]
