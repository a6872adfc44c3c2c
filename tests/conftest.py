"""People and doors every test may use."""

import shutil
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.utils import translation

from tests import leaks
from tests.everything import Everything
from tests.factories import (
    MAIN_TF,
    AdministratorFactory,
    InstanceFactory,
    RegionFactory,
    UserFactory,
    launchable,
    launched_instance,
)
from tests.faults.installation import Installation, furnish, kill_runs
from tests.requirements import missing
from tests.signing import Caller

HERE = Path(__file__).parent
OF_PROCESSES = (HERE / "faults", HERE / "campaign")
OF_TOOLS = {"terraform", "install"}
# Folders of tests that mirror the code; tests of all pages or all modules stand beside them.
OF_CODE = (HERE / "catalog", HERE / "console", HERE / "instances")
# Tests with these fixtures take a second or more each.
SLOW = {"transactional_db", "live_server", "cloud", "detached"}
# Processes of their own, many templates, long random walks, the cost of real password hashes.
SLOW_MODULES = {
    "test_sign_in_throttle_processes",
    "test_templates_corpus",
    "test_corpus",
    "test_plan_life",
    "test_sign_in",
}


def pytest_configure(config):
    # Plain names for static files (no collectstatic) and a hasher that costs nothing.
    django_settings.STORAGES = django_settings.STORAGES | {
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        }
    }
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    leaks.watch()
    # By default what is decided by state alone; a path or `-m process` asks for more.
    if config.args_source is config.ArgsSource.TESTPATHS and not config.option.markexpr:
        config.option.markexpr = "not process"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what uses the database, what depends on processes, and what is quick.

    Processes are told by the folder, a real engine, or an installation of its own. Of a
    test with many cases the first is the quick one.
    """
    known = set()
    for item in items:
        if item.get_closest_marker("django_db") or "db" in item.fixturenames:
            item.add_marker("database")
        if (
            any(folder in item.path.parents for folder in OF_PROCESSES)
            or item.get_closest_marker("engine")
            or OF_TOOLS.intersection(item.fixturenames)
        ):
            item.add_marker("process")
        elif _quick(item) and item.nodeid.partition("[")[0] not in known:
            known.add(item.nodeid.partition("[")[0])
            item.add_marker("quick")


def _quick(item):
    database = item.get_closest_marker("django_db")
    flushed = database and database.kwargs.get("transaction")
    searched = item.get_closest_marker("corpus") or item.get_closest_marker(
        "hypothesis"
    )
    return (
        any(folder in item.path.parents for folder in OF_CODE)
        and item.path.stem not in SLOW_MODULES
        and not (flushed or searched)
        and not SLOW.intersection(item.fixturenames)
    )


# By its name the first of all, so that it looks when the others have been torn down.
@pytest.fixture(autouse=True)
def _closes_what_it_opens():
    """Fail a test that leaves a thread, a process or a database connection behind."""
    before = leaks.Before()
    yield
    if left := before.left():
        pytest.fail(f"The test left behind: {'; '.join(left)}", pytrace=False)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Part with the sessions that threads of tests left open: they would keep the database."""
    yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture(autouse=True)
def _default_language():
    """Start each test in English: a request in Chinese leaves its thread in Chinese."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    """Runs, wake-ups and anything else on disk stay inside the test."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def terraform():
    """A Terraform binary, or the reason why there is none."""
    path = shutil.which("tofu") or shutil.which("terraform")
    if not path:
        missing("no tofu or terraform on PATH")
    return path


@pytest.fixture
def alice(db):
    return UserFactory(username="alice")


@pytest.fixture
def bob(db):
    return UserFactory(username="bob")


@pytest.fixture
def carol(db):
    return UserFactory(username="carol")


@pytest.fixture
def admin(db):
    return AdministratorFactory(username="admin")


@pytest.fixture
def browser(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def admin_browser(admin):
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def api(alice):
    return Caller.of(alice)


@pytest.fixture
def admin_api(admin):
    return Caller.of(admin)


@pytest.fixture
def region(db):
    return RegionFactory()


@pytest.fixture
def source(request):
    """The source of the version: as `@pytest.mark.template` says, if it does."""
    marker = request.node.get_closest_marker("template")
    return marker.args[0] if marker else MAIN_TF


@pytest.fixture
def version(source, alice):
    """A version that alice can launch."""
    return launchable(alice, source=source)


@pytest.fixture
def portfolio(version):
    """The portfolio through which alice can launch the version."""
    return version.product.portfolios.get()


@pytest.fixture
def instance(request, alice):
    """An instance of alice's, without a task.

    With `@pytest.mark.template` it is one of the version; `@pytest.mark.launched` gives
    the values of the task that launched it.
    """
    launched = request.node.get_closest_marker("launched")
    if launched:
        version = request.getfixturevalue("version")
        return launched_instance(alice, version, **launched.kwargs)
    if request.node.get_closest_marker("template"):
        version = request.getfixturevalue("version")
        portfolio = version.product.portfolios.get()
        return InstanceFactory(owner=alice, version=version, portfolio=portfolio)
    return InstanceFactory(owner=alice, name="orders")


@pytest.fixture
def everything(alice, bob, admin):
    """One of everything; it is alice's."""
    return Everything(alice, bob, admin)


@pytest.fixture
def htmx():
    return {"HX-Request": "true"}


@pytest.fixture(scope="session")
def furnished(tmp_path_factory):
    """The data directory of a demonstration: made once, copied where one is needed."""
    data = tmp_path_factory.mktemp("furnished")
    furnish(Installation(data))
    return data


@pytest.fixture
def install(tmp_path, request):
    """Make whole installations on the embedded database; all are stopped at the end."""
    made = []

    def make(name="data", *, demo=False, **environment):
        data = tmp_path / name
        if demo:
            shutil.copytree(request.getfixturevalue("furnished"), data)
        data.mkdir(mode=0o700, exist_ok=True)
        made.append(Installation(data, **environment))
        return made[-1]

    yield make
    for each in made:
        each.stop()
        # Runs go on without their worker.
        kill_runs(each.data)


@pytest.fixture
def new_database(db):
    """Make empty databases beside the one of the tests; PostgreSQL alone."""
    if connection.vendor != "postgresql":
        pytest.skip("needs DATABASE_URL to name a PostgreSQL")
    made = []
    values = connection.settings_dict

    def make(name):
        name = f"{values['NAME']}_{name}"
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}"')
        made.append(name)
        return (
            f"postgres://{values['USER']}:{values['PASSWORD']}@{values['HOST']}"
            f":{values['PORT']}/{name}"
        )

    yield make
    with connection._nodb_cursor() as cursor:
        for name in made:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
