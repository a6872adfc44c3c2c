"""Values with NoEcho reach resources and are never shown."""

import pytest

from tests.instances.engines.conftest import log_text
from tests.instances.engines.ros_local.conftest import document

pytestmark = pytest.mark.engine

SECRET = "hunter2-Correct-Horse"
SECRETS = {"Password": SECRET, "Keys": {"a": "${x}" + SECRET}, "Pin": 987654321}
BODY = document(
    {
        "Account": {
            "Type": "ALIYUN::RDS::Account",
            "Properties": {
                "AccountName": "admin",
                "AccountPassword": {"Ref": "Password"},
                "UserData": {"Fn::Base64Encode": {"Fn::Sub": "p=${Password}"}},
                "Key": {"Fn::GetJsonValue": ["a", {"Ref": "Keys"}]},
                "Pin": {"Ref": "Pin"},
            },
        },
        "AccessKey": {
            "Type": "ALIYUN::RAM::AccessKey",
            "Properties": {"UserName": "u"},
        },
    },
    Parameters={
        "Password": {"Type": "String", "NoEcho": True},
        "Keys": {"Type": "Json", "NoEcho": "true"},
        "Pin": {"Type": "Number", "NoEcho": True},
    },
    Outputs={
        "Plain": {"Value": "visible"},
        "Derived": {"Value": {"Fn::Join": ["", ["x", {"Ref": "Password"}]]}},
        "Inside": {"Value": [{"Key": {"Ref": "Keys"}}]},
        "Through": {"Value": {"Fn::GetAtt": ["Account", "AccountPassword"]}},
        "Marked": {"Value": "anything", "NoEcho": True},
        "Made": {"Value": {"Fn::GetAtt": ["AccessKey", "AccessKeySecret"]}},
    },
)
ENCODED = "cD1odW50ZXIyL"


@pytest.fixture
def secret_run(run):
    return run("apply", BODY, secrets=SECRETS)


def test_resource_gets_secret_values(engine, secret_run):
    body = engine.state(secret_run).body.decode()
    assert SECRET in body
    assert "${x}" + SECRET in body
    assert "987654321" in body


def test_secrets_are_in_no_file_but_state_and_plan(secret_run):
    state = secret_run / "state" / "terraform.tfstate"
    plan = secret_run / "plan.bin"
    for path in secret_run.rglob("*"):
        assert SECRET not in path.name
        if (
            path.is_file()
            and path not in (state, plan)
            and ".terraform" not in path.parts
        ):
            text = path.read_bytes().decode(errors="replace")
            assert SECRET not in text, path
            assert "987654321" not in text, path


def test_log_has_no_secrets(engine, secret_run):
    assert SECRET not in log_text(engine.events(secret_run, 0, 10_000))


def test_preview_masks_secrets_and_values_made_of_them(engine, run, secret_run):
    changed = SECRETS | {"Password": SECRET + "-new"}
    state = engine.state(secret_run).body
    for directory in (
        run("plan", BODY, secrets=SECRETS),
        run("plan", BODY, secrets=changed, state=state),
        run("plan-destroy", BODY, secrets=SECRETS, state=state),
    ):
        told = repr(engine.changes(directory))
        assert "AccountPassword" in told
        for secret in (SECRET, "987654321", ENCODED):
            assert secret not in told


def test_only_outputs_with_secrets_are_sensitive(engine, secret_run):
    hidden = {each.key: each.sensitive for each in engine.state(secret_run).outputs}
    assert hidden == {
        "Plain": False,
        "Derived": True,
        "Inside": True,
        "Through": True,
        "Marked": True,
        "Made": True,
    }
