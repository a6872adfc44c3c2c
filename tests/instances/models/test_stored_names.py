"""Names that stand in stored data: they outlive every name of the code.

An encrypted value opens only under the model label, key and column that it was sealed for;
a plan's approval is bound to a digest; rows are read by the tables and columns they are in.
"""

from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from catalog.models import Template, Version
from console.lib.encryption import EncryptedField, Sealed, seal
from instances.models import Plan, TaskDiagnostics
from tests.factories import TaskFactory

SEALED_AS = (
    "catalog.launchrole:row:environment",
    "catalog.region:row:credentials",
    "console.accesskey:row:secret",
    "instances.check:row:secrets",
    "instances.output:row:secret_value",
    "instances.plan:row:file",
    "instances.plan:row:secrets",
    "instances.stateversion:row:body",
    "instances.task:row:secrets",
)
DIGEST = "5ec9e23be4d5c6e56b334f8881e6b5bb9d343efe01c8010866420cc8cf7e32fc"
# With a SECRET_KEY of "a site's key".
PARAMETERS = "9d6a473eb49efc26cdae6046b6080d02b48b79cb0190d3830b0dd9988d3d5a31"
TABLES = """
console_accesskey
    active created_at id last_used_at secret slot user_id
console_auditentry
    action actor_id actor_name after at before hash id previous_hash reason
    request_id sequence source target_id target_name target_type
console_audithead
    id sequence
console_departure
    at by_id constraints flagged id instances keys new_approver new_owner reason
    sessions undone_at user_id was_active
console_role
    group_ptr_id name_key principal_id
console_session
    address agent expire_date seen_at session_data session_key started_at user_id
console_usednonce
    digest expires_at
console_user
    date_joined email first_name id is_active is_staff is_superuser last_login
    last_name name_key password principal_id search_text username
catalog_constraint
    config created_at description id kind portfolio_id product_id
catalog_grant
    created_at id pattern portfolio_id role_id user_id
catalog_launchrole
    created_at environment id name name_key
catalog_portfolio
    created_at description id name name_key provider search_text
catalog_product
    created_at description id name name_key provider removed_at search_text
    template_kind
catalog_region
    active credentials endpoint engine id name suggestions
catalog_tagoption
    active created_at id key search_text value
catalog_template
    body created_at created_by_id digest files id kind schema_json variables_source
catalog_version
    active created_at description guidance id name product_id removed_at template_id
    waits_for_check
instances_check
    attempt cancel_requested_at created_at created_by_id ended_at engine_version
    entered epoch heartbeat_at host id lease_until log offset parameters
    portfolio_id problems queued_at region_id resources_done resources_total
    run_directory secrets stage stages started_at state status status_message
    stop_step stop_step_at suspected_at tags turn updated_at version_id worker
instances_evidence
    address attempt ended_in error exit_code file imports in_flight interrupted line
    parameter summary task_id warnings
instances_heartbeat
    at busy capacity host name room started_at
instances_instance
    corrected_tags created_at engine id last_successful_task_id last_task_id name
    name_key owner_id owner_role_id portfolio_id product_id region_id stack_id
    status status_message terminated_at version_id
instances_knownerror
    active created_at explanation id link pattern position title
instances_notice
    created_at id kind plan_id read_at recipient_id
instances_operationrecord
    action at comment digest id operator_id plan_id
instances_output
    description id key secret_value sensitive task_id value
instances_plan
    attempt base_state base_task_id cancel_requested_at changes created_at
    created_by_id description digest draft ended_at engine_version entered epoch
    expires_at file file_digest fingerprint heartbeat_at host id instance_id
    instance_name lease_until log name name_key offset operation owner_id parameters
    portfolio_id previewed_at queued_at region_id reserved_instance_id
    resources_done resources_total run_directory search_text secrets stage stages
    started_at state status status_message stop_step stop_step_at suspected_at tags
    trial turn updated_at version_id warnings worker
instances_resource
    address created_at id imported_id instance_id name physical_id reason status
    type updated_at
instances_stateversion
    body created_at digest id instance_id lineage resource_count serial task_id
instances_tag
    id instance_id key value
instances_tally
    count name total
instances_task
    attempt cancel_requested_at created_at created_by_id ended_at entered epoch
    heartbeat_at host id instance_id instance_status_before kind lease_until offset
    parameters plan_id portfolio_id queued_at resources_done resources_total
    run_directory secrets stage stages started_at state status status_message
    stop_step stop_step_at suspected_at tags turn updated_at version_id worker
instances_tasklog
    attempt command id lines offset stream task_id
"""


def tables(text):
    """The tables and columns of a text of this form."""
    found, table = {}, ""
    for line in text.strip().splitlines():
        if line.startswith(" "):
            found[table] |= set(line.split())
        else:
            table = line
            found[table] = set()
    return found


def our_models():
    return [
        model
        for app in ("console", "catalog", "instances")
        for model in apps.get_app_config(app).get_models()
    ]


def test_encrypted_columns_are_sealed_under_the_names_they_had():
    found = {
        field.context(model(pk="row"))
        for model in our_models()
        for field in model._meta.fields
        if isinstance(field, EncryptedField)
    }
    assert found == set(SEALED_AS)


@pytest.mark.parametrize("context", SEALED_AS)
def test_a_value_sealed_under_the_old_name_opens(context):
    label, key, column = context.split(":")
    row = apps.get_model(label)(pk=key)
    row.__dict__[column] = Sealed(seal(b'{"a": 1}', context))
    assert getattr(row, column) in ({"a": 1}, b'{"a": 1}')


def test_tables_and_columns_keep_their_names():
    found = {
        model._meta.db_table: {field.column for field in model._meta.local_fields}
        for model in our_models()
    }
    assert found == tables(TABLES)


def test_the_fingerprint_of_a_plan_stays_the_same(settings):
    settings.SECRET_KEY = "a site's key"
    template = Template(digest="d1")
    plan = Plan(
        operation="LaunchProduct",
        reserved_instance_id="pp-1",
        instance_name="prod",
        region_id="cn-hangzhou",
        version=Version(pk="pv-1", template=template),
        portfolio_id="port-1",
        parameters={"size": 2},
        secrets={"token": "s3cret"},
        tags={"team": "a"},
        file_digest="f1",
        base_state="lineage/3",
        expires_at=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    found = plan.current_fingerprint(state=plan.base_state)
    assert found.parameters == PARAMETERS
    assert found.digest == DIGEST


@pytest.fixture
def before_the_new_names(django_db_setup, transactional_db):
    """The models and rights of the migration before diagnostics had their name."""
    executor = MigrationExecutor(connection)
    executor.migrate([("instances", "0016_notice_and_known_error_labels")])
    yield executor.loader.project_state(
        ("instances", "0016_notice_and_known_error_labels")
    ).apps
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_diagnostics_keep_their_rows_and_rights_under_the_new_name(
    before_the_new_names,
):
    kind = ContentType.objects.get_or_create(app_label="instances", model="evidence")[0]
    right, _made = Permission.objects.get_or_create(
        content_type=kind, codename="view_evidence", defaults={"name": "Can view"}
    )
    task = TaskFactory()
    before_the_new_names.get_model("instances", "Evidence").objects.create(
        task_id=task.pk, error="Quota."
    )
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    assert TaskDiagnostics.objects.get(task=task).error == "Quota."
    right.refresh_from_db()
    assert right.codename == "view_taskdiagnostics"
