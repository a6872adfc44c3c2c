"""A stack's life, by the driver against a cloud that follows the SDK's models strictly."""

import json
from dataclasses import replace

from tests.instances.engines.ros.conftest import NETWORK, on, order, other


def said(engine, directory):
    return "\n".join(event.message for event in engine.events(directory, 0, 1000))


def test_a_launch_makes_one_stack_with_all_that_was_asked_for(engine, run, cloud):
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


def test_its_resources_are_told_as_they_come(engine, run):
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


def test_its_state_names_the_stack_and_what_is_in_it(engine, launched, cloud):
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


def test_a_preview_makes_nothing(engine, run, cloud):
    directory, outcome = run(order("plan"))
    assert outcome.ok
    assert cloud.stacks == []
    assert [(c.address, c.action) for c in engine.changes(directory)] == [
        ("Vpc", "Add"),
        ("Server", "Add"),
    ]
    assert engine.state(directory) is None


def test_the_preview_of_an_update_tells_what_differs(engine, run, launched):
    directory, outcome = run(on(launched, other(action="plan")))
    assert outcome.ok
    vpc, server = engine.changes(directory)
    assert (vpc.action, vpc.before["CidrBlock"], vpc.after["CidrBlock"]) == (
        "Modify",
        "10.0.0.0/8",
        "10.1.0.0/16",
    )
    assert server.action == "None"


def test_an_update_changes_the_same_stack(engine, run, launched, cloud):
    directory, outcome = run(on(launched, other(token="task-2")))
    assert outcome.ok, outcome.message
    (stack,) = cloud.stacks
    assert stack["status"] == "UPDATE_COMPLETE"
    assert stack["parameters"]["Cidr"] == "10.1.0.0/16"
    state = engine.state(directory)
    assert (state.lineage, state.stack_id) == (launched.lineage, launched.stack_id)
    assert state.serial > launched.serial


def test_an_update_of_nothing_succeeds_and_says_so(engine, run, launched):
    directory, outcome = run(on(launched, order(token="task-2")))
    assert outcome.ok, outcome.message
    assert "Nothing changes" in said(engine, directory)


def test_an_update_tells_only_its_own_events(engine, run, launched):
    directory, _ = run(on(launched, other(token="task-2")))
    told = [e.resource.status for e in engine.events(directory, 0, 1000) if e.resource]
    assert told == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]


def test_an_old_status_is_not_taken_for_the_end(engine, run, launched, cloud):
    cloud.set(old_status=0.08, step=0.05)
    directory, outcome = run(on(launched, other(token="task-2")))
    assert outcome.ok
    assert cloud.stacks[0]["status"] == "UPDATE_COMPLETE"
    assert "Vpc: UPDATE_COMPLETE" in said(engine, directory)


def test_a_termination_deletes_the_stack(engine, run, launched, cloud):
    directory, outcome = run(on(launched, order("destroy", token="task-2")))
    assert outcome.ok, outcome.message
    assert cloud.living == []
    state = engine.state(directory)
    assert not state.stack
    assert state.resources == []


def test_a_stack_without_resources_is_deleted_too(engine, run, cloud):
    cloud.set(fail=["Vpc"])
    directory, outcome = run(order())
    assert not outcome.ok
    state = engine.state(directory)
    assert state.stack
    assert state.resources == []
    _, outcome = run(on(state, order("destroy", token="task-2")))
    assert outcome.ok
    assert cloud.living == []


def test_terminating_what_was_deleted_elsewhere_succeeds(engine, run, launched, cloud):
    run(on(launched, order("destroy", token="task-2")))
    _, outcome = run(on(launched, order("destroy", token="task-3")))
    assert outcome.ok, outcome.message


def test_a_failed_creation_is_rolled_back_and_says_why(engine, run, cloud):
    cloud.set(fail=["Server"])
    directory, outcome = run(order())
    assert not outcome.ok
    assert outcome.applying
    assert "CREATE_ROLLBACK_COMPLETE" in outcome.message
    assert "No stock here." in outcome.message
    reasons = [e.diagnostic for e in engine.events(directory, 0, 1000) if e.diagnostic]
    assert reasons[0].address == "Server"


def test_without_rollback_what_was_made_stays(engine, cloud, finish, tmp_path):
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


def test_a_creation_that_failed_is_made_anew(engine, run, cloud):
    cloud.set(fail=["Server"])
    directory, _ = run(order())
    _, outcome = run(on(engine.state(directory), order(token="task-2")))
    assert outcome.ok, outcome.message
    assert [each["status"] for each in cloud.stacks] == [
        "DELETE_COMPLETE",
        "CREATE_COMPLETE",
    ]


def test_a_saved_plan_is_carried_out(engine, run, launched, cloud):
    planned, _ = run(on(launched, other(action="plan", token="plan-1")))
    saved = engine.plan_file(planned)
    _, outcome = run(on(launched, other(token="task-2", plan=saved)))
    assert outcome.ok, outcome.message


def test_a_plan_whose_stack_has_moved_is_refused(engine, run, launched, cloud):
    planned, _ = run(on(launched, other(action="plan", token="plan-1")))
    saved = engine.plan_file(planned)
    run(on(launched, other("10.2.0.0/16", token="task-2")))
    before = cloud.stacks
    _, outcome = run(on(launched, other(token="task-3", plan=saved)))
    assert not outcome.ok
    assert not outcome.applying
    assert "out of date" in outcome.message
    assert cloud.stacks == before


def test_a_plan_that_would_do_something_else_is_refused(engine, run, launched):
    planned, _ = run(on(launched, other(action="plan", token="plan-1")))
    found = json.loads(engine.plan_file(planned))
    found["changes"].pop()
    saved = json.dumps(found).encode()
    _, outcome = run(on(launched, other(token="task-2", plan=saved)))
    assert "out of date" in outcome.message


def test_a_replacement_is_told_as_one(engine, run, launched):
    document = json.loads(json.dumps(NETWORK))
    document["Resources"]["Vpc"]["Properties"]["Replaced"] = True
    directory, _ = run(on(launched, order("plan", document=document)))
    assert {c.address: c.action for c in engine.changes(directory)}["Vpc"] == "Replace"


def test_a_stack_of_somebody_else_is_left_alone(engine, run, cloud):
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
    assert "not made for this instance" in outcome.message
    assert len(cloud.stacks) == 1


def test_terraform_runs_there_and_its_log_is_told(engine, run, cloud):
    files = {"main.tf": 'resource "alicloud_vpc" "net" {}\n'}
    given = order(files=files, parameters={"count": 3, "zones": ["a"]}, secrets={})
    directory, outcome = run(given)
    assert outcome.ok, outcome.message
    (stack,) = cloud.stacks
    assert json.loads(stack["body"])["Transform"].startswith("Aliyun::Terraform-v")
    assert stack["parameters"] == {"count": "3", "zones": '["a"]'}
    assert "alicloud_vpc.net: create complete" in said(engine, directory)


def test_the_probe_asks_for_something_harmless(engine, run, cloud):
    _directory, outcome = run(order("probe", files={}))
    assert outcome.ok, outcome.message
    assert cloud.calls("CreateStack") == []


def test_wrong_credentials_are_told_in_words(engine, run):
    wrong = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "nobody",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "nothing",
    }
    _, outcome = run(order("probe", files={}, environment=wrong))
    assert not outcome.ok
    assert "InvalidAccessKeyId" in outcome.message


def test_what_the_cloud_repeats_of_a_secret_is_written_nowhere(run, cloud):
    cloud.set(refuse="The value s3cret-of-alice is too short.")
    directory, outcome = run(order())
    assert "is too short" in outcome.message
    written = b"".join(path.read_bytes() for path in directory.iterdir())
    assert b"s3cret-of-alice" not in written
