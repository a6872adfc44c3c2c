"""Launch, update and termination of a stack, in a cloud that checks requests strictly."""

import json
from dataclasses import replace

from tests.instances.engines.conftest import log_text
from tests.instances.engines.ros.conftest import NETWORK, on, order, other


def test_launch_creates_one_stack_with_all_settings(engine, run, cloud):
    _directory, outcome = run(order())
    assert outcome.ok, outcome.message
    (stack,) = cloud.stacks
    assert stack["status"] == "CREATE_COMPLETE"
    assert stack["name"] == "sc-1-pp-1"
    assert stack["role"] == "launcher"
    assert stack["minutes"] == 60
    assert stack["rollback"] is True
    assert stack["tags"] == {"team": "web", "service-catalog": "pp-1/task-1"}
    assert stack["parameters"] == {
        "Cidr": "10.0.0.0/8",
        "Zones": "a,b",
        "Public": "true",
        "Password": "s3cret-of-alice",
    }


def test_resource_events_are_in_order(engine, run):
    directory, outcome = run(order())
    told = [e.resource for e in engine.events(directory, 0, 1000) if e.resource]
    assert [(each.address, each.status) for each in told] == [
        ("Vpc", "CREATE_IN_PROGRESS"),
        ("Vpc", "CREATE_COMPLETE"),
        ("Server", "CREATE_IN_PROGRESS"),
        ("Server", "CREATE_COMPLETE"),
    ]
    assert {each.type for each in told} == {"ALIYUN::ECS::VPC", "ALIYUN::ECS::Instance"}
    totals = [e.total for e in engine.events(directory, 0, 1000) if e.total is not None]
    assert totals == [2]
    assert list(outcome.stages) == ["plan", "apply"]


def test_state_has_the_stack_its_resources_and_outputs(engine, launched, cloud):
    assert launched.stack
    assert launched.stack_id == cloud.stacks[0]["id"]
    assert [(r.address, r.type, r.status) for r in launched.resources] == [
        ("Vpc", "ALIYUN::ECS::VPC", "CREATE_COMPLETE"),
        ("Server", "ALIYUN::ECS::Instance", "CREATE_COMPLETE"),
    ]
    outputs = {each.key: each for each in launched.outputs}
    assert outputs["VpcId"].value.startswith("vpc-")
    assert not outputs["VpcId"].sensitive
    assert outputs["Secret"].sensitive


def test_preview_creates_no_stack(engine, run, cloud):
    directory, outcome = run(order("plan"))
    assert outcome.ok
    assert cloud.stacks == []
    assert [(c.address, c.action) for c in engine.changes(directory)] == [
        ("Vpc", "Add"),
        ("Server", "Add"),
    ]
    assert engine.state(directory) is None


def test_preview_of_an_update_has_values_before_and_after(engine, run, launched):
    directory, outcome = run(on(launched, other(action="plan")))
    assert outcome.ok
    vpc, server = engine.changes(directory)
    assert (vpc.action, vpc.before["CidrBlock"], vpc.after["CidrBlock"]) == (
        "Modify",
        "10.0.0.0/8",
        "10.1.0.0/16",
    )
    assert server.action == "None"


def test_update_changes_the_same_stack(engine, run, launched, cloud):
    directory, outcome = run(on(launched, other(token="task-2")))
    assert outcome.ok, outcome.message
    (stack,) = cloud.stacks
    assert stack["status"] == "UPDATE_COMPLETE"
    assert stack["parameters"]["Cidr"] == "10.1.0.0/16"
    state = engine.state(directory)
    assert (state.lineage, state.stack_id) == (launched.lineage, launched.stack_id)
    assert state.serial > launched.serial


def test_update_without_changes_succeeds(engine, run, launched):
    directory, outcome = run(on(launched, order(token="task-2")))
    assert outcome.ok, outcome.message
    assert "No changes" in log_text(engine.events(directory, 0, 1000))


def test_update_logs_only_its_own_events(engine, run, launched):
    directory, _ = run(on(launched, other(token="task-2")))
    told = [e.resource.status for e in engine.events(directory, 0, 1000) if e.resource]
    assert told == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]


def test_outdated_status_is_not_the_end(engine, run, launched, cloud):
    cloud.set(old_status=0.08, step=0.05)
    directory, outcome = run(on(launched, other(token="task-2")))
    assert outcome.ok
    assert cloud.stacks[0]["status"] == "UPDATE_COMPLETE"
    assert "Vpc: UPDATE_COMPLETE" in log_text(engine.events(directory, 0, 1000))


def test_termination_deletes_the_stack(engine, run, launched, cloud):
    directory, outcome = run(on(launched, order("destroy", token="task-2")))
    assert outcome.ok, outcome.message
    assert cloud.living == []
    state = engine.state(directory)
    assert not state.stack
    assert state.resources == []


def test_termination_deletes_a_stack_without_resources(engine, run, cloud):
    cloud.set(fail=["Vpc"])
    directory, outcome = run(order())
    assert not outcome.ok
    state = engine.state(directory)
    assert state.stack
    assert state.resources == []
    _, outcome = run(on(state, order("destroy", token="task-2")))
    assert outcome.ok
    assert cloud.living == []


def test_termination_of_a_deleted_stack_succeeds(engine, run, launched, cloud):
    run(on(launched, order("destroy", token="task-2")))
    _, outcome = run(on(launched, order("destroy", token="task-3")))
    assert outcome.ok, outcome.message


def test_failed_creation_is_rolled_back_with_its_reason(engine, run, cloud):
    cloud.set(fail=["Server"])
    directory, outcome = run(order())
    assert not outcome.ok
    assert outcome.applying
    assert "CREATE_ROLLBACK_COMPLETE" in outcome.message
    assert "No stock here." in outcome.message
    reasons = [e.diagnostic for e in engine.events(directory, 0, 1000) if e.diagnostic]
    assert reasons[0].address == "Server"


def test_failed_creation_without_rollback_keeps_resources(
    engine, cloud, finish, tmp_path
):
    engine.settings = replace(engine.settings, ros_rollback=False)
    cloud.set(fail=["Server"])
    engine.start(tmp_path / "x", order())
    assert not finish(tmp_path / "x", order()).ok
    (stack,) = cloud.stacks
    assert (stack["status"], stack["rollback"]) == ("CREATE_FAILED", False)
    assert {r.address for r in engine.state(tmp_path / "x").resources} == {
        "Vpc",
        "Server",
    }


def test_failed_stack_is_deleted_and_created_again(engine, run, cloud):
    cloud.set(fail=["Server"])
    directory, _ = run(order())
    _, outcome = run(on(engine.state(directory), order(token="task-2")))
    assert outcome.ok, outcome.message
    assert [each["status"] for each in cloud.stacks] == [
        "DELETE_COMPLETE",
        "CREATE_COMPLETE",
    ]


def test_saved_plan_is_executed(engine, run, launched, cloud):
    planned, _ = run(on(launched, other(action="plan", token="plan-1")))
    saved = engine.plan_file(planned)
    _, outcome = run(on(launched, other(token="task-2", plan=saved)))
    assert outcome.ok, outcome.message


def test_plan_is_refused_after_another_change_of_the_stack(
    engine, run, launched, cloud
):
    planned, _ = run(on(launched, other(action="plan", token="plan-1")))
    saved = engine.plan_file(planned)
    run(on(launched, other("10.2.0.0/16", token="task-2")))
    before = cloud.stacks
    _, outcome = run(on(launched, other(token="task-3", plan=saved)))
    assert not outcome.ok
    assert not outcome.applying
    assert "out of date" in outcome.message
    assert cloud.stacks == before


def test_plan_with_other_changes_is_refused(engine, run, launched):
    planned, _ = run(on(launched, other(action="plan", token="plan-1")))
    found = json.loads(engine.plan_file(planned))
    found["changes"].pop()
    saved = json.dumps(found).encode()
    _, outcome = run(on(launched, other(token="task-2", plan=saved)))
    assert "out of date" in outcome.message


def test_replacement_is_previewed_as_one(engine, run, launched):
    document = json.loads(json.dumps(NETWORK))
    document["Resources"]["Vpc"]["Properties"]["Replaced"] = True
    directory, _ = run(on(launched, order("plan", document=document)))
    assert {c.address: c.action for c in engine.changes(directory)}["Vpc"] == "Replace"


def test_stack_of_another_instance_is_refused(engine, run, cloud):
    run(order())
    theirs = order(token="task-9")
    stranger = order(
        token="task-9",
        stack=theirs.stack.__class__(
            region="cn-hangzhou", name="sc-1-pp-1", label="pp-2", token="task-9"
        ),
    )
    _, outcome = run(stranger)
    assert not outcome.ok
    assert "not created for this instance" in outcome.message
    assert len(cloud.stacks) == 1


def test_log_of_terraform_in_ros_is_read(engine, run, cloud):
    files = {"main.tf": 'resource "alicloud_vpc" "net" {}\n'}
    given = order(files=files, parameters={"count": 3, "zones": ["a"]}, secrets={})
    directory, outcome = run(given)
    assert outcome.ok, outcome.message
    (stack,) = cloud.stacks
    assert json.loads(stack["body"])["Transform"].startswith("Aliyun::Terraform-v")
    assert stack["parameters"] == {"count": "3", "zones": '["a"]'}
    assert "alicloud_vpc.net: create complete" in log_text(
        engine.events(directory, 0, 1000)
    )


def test_probe_changes_nothing(engine, run, cloud):
    _directory, outcome = run(order("probe", files={}))
    assert outcome.ok, outcome.message
    assert cloud.calls("CreateStack") == []


def test_wrong_credentials_fail_the_probe(engine, run):
    wrong = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "nobody",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "nothing",
    }
    _, outcome = run(order("probe", files={}, environment=wrong))
    assert not outcome.ok
    assert "InvalidAccessKeyId" in outcome.message


def test_secret_in_an_answer_of_the_cloud_is_masked(run, cloud):
    cloud.set(refuse="The value s3cret-of-alice is too short.")
    directory, outcome = run(order())
    assert "is too short" in outcome.message
    written = b"".join(path.read_bytes() for path in directory.iterdir())
    assert b"s3cret-of-alice" not in written
