"""Who is served next, how often, and how many at once (F14, F15, F16)."""

from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.utils.timezone import now

from catalog.models import Region
from instances.models import Task
from instances.worker.loop import Worker
from tests.factories import (
    InstanceFactory,
    RegionFactory,
    TaskFactory,
    UserFactory,
    VersionFactory,
)
from tests.faults.conftest import wait_for
from tests.waiting import beside, over

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def version(db, settings):
    """What is asked for. Nobody who waits for a core loses a lease: it would be taken again."""
    settings.LEASE_SECONDS = 600
    return VersionFactory()


def ask(person, version, count=1, region=None):
    """Waiting tasks of one person."""
    return [
        TaskFactory(
            instance=InstanceFactory(
                version=version, owner=person, region=region or RegionFactory()
            ),
            created_by=person,
        )
        for _ in range(count)
    ]


def served():
    """Who asked for each task, in the order in which they are taken."""
    order = []
    while task := Task.objects.claim("w", "h"):
        order.append(task.created_by.username)
    return order


def test_oldest_task_of_a_user_is_claimed_first(version, alice):
    tasks = ask(alice, version, 3)
    taken = [Task.objects.claim("w", "h").pk for _ in tasks]
    assert taken == [task.pk for task in tasks]


def test_single_task_does_not_wait_for_hundreds_of_another_user(version, alice, bob):
    ask(alice, version, 50)
    ask(bob, version)
    assert served().index("bob") <= 1


def test_users_are_served_in_turn(version, alice, bob, carol):
    ask(alice, version, 6)
    ask(bob, version, 4)
    ask(carol, version, 2)
    order = served()
    assert Counter(order[:6]) == {"alice": 2, "bob": 2, "carol": 2}
    assert Counter(order) == {"alice": 6, "bob": 4, "carol": 2}


def test_queue_starves_no_user(version, alice, bob):
    ask(alice, version, 5)
    order = []
    for _ in range(10):
        ask(bob, version)
        order.append(Task.objects.claim("w", "h").created_by.username)
    assert order.count("alice") == 5


def test_region_limits_concurrent_changes(version, alice, settings):
    settings.REGION_CONCURRENCY = 2
    far = Region.objects.create(pk="cn-beijing", name="Beijing")
    ask(alice, version, 3)
    ask(alice, version, 1, far)
    regions = []
    while task := Task.objects.claim("w", "h"):
        regions.append(task.instance.region_id)
    assert Counter(regions) == {"cn-hangzhou": 2, "cn-beijing": 1}
    first = Task.objects.running().filter(instance__region="cn-hangzhou").first()
    Task.objects.filter(pk=first.pk).update(state="ended", status="Succeeded")
    assert Task.objects.claim("w", "h").instance.region_id == "cn-hangzhou"


def test_adopted_run_counts_towards_the_region_limit(version, alice, settings):
    settings.REGION_CONCURRENCY = 1
    [task] = ask(alice, version)
    Task.objects.claim("dead", "h")
    Task.objects.update(lease_until=now() - timedelta(seconds=1))
    assert Task.objects.claim("w", "h").pk == task.pk


@pytest.mark.parametrize("limit", [0, 3])
def test_many_workers_claim_each_task_once(version, alice, bob, settings, limit):
    """With a limit of the region, never more than it allows at the same time."""
    settings.REGION_CONCURRENCY = limit
    total, taken, most = 60, [], []
    ask(alice, version, total // 2)
    ask(bob, version, total // 2)

    def take(name):
        try:
            while len(taken) < total:
                task = Task.objects.claim(name, "h")
                if task is None:
                    continue
                most.append(Task.objects.running().count())
                taken.append(task.pk)
                task.write(state="ended", status="Succeeded")
        finally:
            connection.close()

    for thread in [beside(partial(take, f"w{n}")) for n in range(8)]:
        over(thread)
    assert len(taken) == len(set(taken)) == total
    assert set(Task.objects.values_list("state", "epoch")) == {("ended", 1)}
    assert not limit or max(most) <= limit


def test_worker_limits_concurrent_runs(alice, scene):
    for number in range(4):
        scene.behave(SLEEP="apply 0.5")
        scene.beside(f"n{number}")
    worker = Worker(concurrency=2)
    most = []
    thread = beside(partial(worker.work, once=True))

    def all_ended():
        most.append(Task.objects.running().count())
        return not Task.objects.exclude(state="ended").exists()

    wait_for(all_ended)
    over(thread)
    assert max(most) == 2


def test_next_turn_of_a_user_uses_an_index(version, alice):
    """The place in the queue is found by two index searches, not by reading the queue."""
    UserFactory()
    ask(alice, version, 3)
    first = Task.objects.queued().order_by("turn").values_list("turn", flat=True)
    assert list(first) == [0, 1, 2]
