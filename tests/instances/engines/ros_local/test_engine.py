"""Runs of ROS templates: resources, events, changes, replacements and removals."""

import json

import pytest

from instances.engines.base import EngineError
from tests.instances.engines.conftest import log_text, wait_for
from tests.instances.engines.ros_local.conftest import PSEUDO, document

pytestmark = pytest.mark.engine

NETWORK = {
    "Vpc": {
        "Type": "ALIYUN::ECS::VPC",
        "Properties": {"VpcName": {"Ref": "Name"}, "CidrBlock": {"Ref": "Cidr"}},
    },
    "VSwitch": {
        "Type": "ALIYUN::ECS::VSwitch",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"},
    },
    "Web": {
        "Type": "ALIYUN::ECS::Instance",
        "Count": {"Ref": "Servers"},
        "Properties": {
            "InstanceName": {"Fn::Sub": "web-${ALIYUN::Index}"},
            "VSwitchId": {"Fn::GetAtt": ["VSwitch", "VSwitchId"]},
        },
    },
    "Bucket": {
        "Type": "ALIYUN::OSS::Bucket",
        "Condition": "Stores",
        "DeletionPolicy": "Retain",
        "Properties": {"BucketName": {"Fn::Sub": "${Name}-data"}},
    },
}
PARAMETERS = {
    "Name": {"Type": "String", "Default": "shop"},
    "Cidr": {"Type": "String", "Default": "10.0.0.0/16"},
    "Servers": {"Type": "Number", "Default": 2},
    "Store": {"Type": "Boolean", "Default": True},
}
OUTPUTS = {
    "Ids": {"Value": {"Ref": "Web"}},
    "First": {"Value": {"Fn::Select": [0, {"Fn::GetAtt": ["Web", "PrivateIp"]}]}},
    "Bucket": {"Condition": "Stores", "Value": {"Ref": "Bucket"}},
    "Named": {"Value": {"Fn::GetAtt": ["Vpc", "VpcName"]}},
}
SITE = document(
    NETWORK,
    Parameters=PARAMETERS,
    Conditions={"Stores": {"Fn::Equals": [{"Ref": "Store"}, "true"]}},
    Outputs=OUTPUTS,
)


@pytest.fixture
def site(engine, run):
    """Return a function that runs an action on the site with some values."""

    def act(action, directory=None, **values):
        state = engine.state(directory).body if directory else None
        return run(action, SITE, parameters=values, state=state)

    return act


@pytest.fixture
def changes(engine):
    def told(directory):
        found = engine.changes(directory)
        return {each.address: each for each in found if each.action != "None"}

    return told


def test_resources_have_names_types_and_ids_of_ros(engine, site):
    state = engine.state(site("apply"))
    found = {each.address: each for each in state.resources}
    assert {name: each.type for name, each in found.items()} == {
        "Vpc": "ALIYUN::ECS::VPC",
        "VSwitch": "ALIYUN::ECS::VSwitch",
        "Web[0]": "ALIYUN::ECS::Instance",
        "Web[1]": "ALIYUN::ECS::Instance",
        "Bucket": "ALIYUN::OSS::Bucket",
    }
    assert found["Vpc"].physical_id.startswith("vpc-bp1")
    assert found["Bucket"].physical_id == "shop-data"


def test_outputs_have_the_ids_of_the_resources(engine, site):
    state = engine.state(site("apply"))
    outputs = {each.key: each.value for each in state.outputs}
    ids = {each.address: each.physical_id for each in state.resources}
    assert outputs["Ids"] == [ids["Web[0]"], ids["Web[1]"]]
    assert outputs["First"].startswith("10.")
    assert (outputs["Bucket"], outputs["Named"]) == ("shop-data", "shop")


def test_events_have_the_names_of_ros(engine, site, status_of):
    directory = site("apply")
    assert ("Web[1]", "CREATE_COMPLETE") in status_of(directory)
    assert ("Bucket", "CREATE_IN_PROGRESS") in status_of(directory)
    events = engine.events(directory, 0, 10_000)
    told = {each.resource.address: each.resource for each in events if each.resource}
    state = engine.state(directory)
    assert {name: each.physical_id for name, each in told.items()} == {
        each.address: each.physical_id for each in state.resources
    }


def test_terraform_data_is_never_shown(engine, site):
    launched = site("apply")
    updated = site("apply", launched, Cidr="10.1.0.0/16", Store=False)
    ended = site("destroy", updated)
    for directory in (launched, updated, ended):
        assert "terraform_data" not in log_text(engine.events(directory, 0, 10_000))
        assert "terraform_data" not in repr(engine.state(directory).resources)
        assert "terraform_data" not in engine.outcome(directory).message


def test_second_plan_has_no_changes(site, changes):
    assert changes(site("plan", site("apply"))) == {}


def test_changed_name_updates_the_vpc_in_place(site, changes):
    found = changes(site("plan", site("apply", Store=False), Name="other", Store=False))
    assert {name: each.action for name, each in found.items()} == {"Vpc": "Modify"}
    assert found["Vpc"].before["VpcName"] == "shop"
    assert found["Vpc"].after["VpcName"] == "other"
    assert found["Vpc"].type == "ALIYUN::ECS::VPC"


def test_changed_range_replaces_the_vpc_and_its_vswitch(site, changes):
    found = changes(site("plan", site("apply"), Cidr="10.1.0.0/16"))
    assert (found["Vpc"].action, found["Vpc"].replace_paths) == (
        "Replace",
        [["CidrBlock"]],
    )
    assert (found["VSwitch"].action, found["VSwitch"].replace_paths) == (
        "Replace",
        [["VpcId"]],
    )


def test_replaced_resource_has_a_new_id(engine, site):
    before, after = site("apply"), None
    after = site("apply", before, Cidr="10.1.0.0/16")
    ids = [
        {each.address: each.physical_id for each in engine.state(directory).resources}
        for directory in (before, after)
    ]
    assert ids[0]["Vpc"] != ids[1]["Vpc"]
    assert ids[0]["Bucket"] == ids[1]["Bucket"]


def test_changed_count_adds_a_resource(engine, site, changes):
    updated = site("apply", site("apply"), Servers=3)
    assert "Web[2]" in {each.address for each in engine.state(updated).resources}
    assert changes(site("plan", updated, Servers=3)) == {}


def test_removal_of_a_retained_resource_is_a_forget(site, changes):
    found = changes(site("plan-destroy", site("apply")))
    assert {each.action for each in found.values()} == {"Remove"}
    assert found["Bucket"].reason == "forget"
    assert found["Vpc"].reason != "forget"


def test_termination_removes_all_resources(engine, site, status_of):
    ended = site("destroy", site("apply"))
    assert engine.state(ended).resources == []
    assert ("Vpc", "DELETE_COMPLETE") in status_of(ended)


def test_saved_plan_is_executed_with_its_own_values(engine, run):
    plan = engine.plan_file(run("plan", SITE, parameters={"Name": "planned"}))
    directory = run("apply", SITE, plan=plan, parameters={"Name": "ignored"})
    outputs = {each.key: each.value for each in engine.state(directory).outputs}
    assert outputs["Named"] == "planned"


def test_untranslatable_template_can_be_terminated(engine, run, site):
    state = engine.state(site("apply")).body
    broken = document({"Vpc": {"Type": "ALIYUN::ECS::VPC", "DependsOn": "Nowhere"}})
    assert engine.state(run("destroy", broken, state=state)).resources == []


def test_template_with_problems_is_not_started(start):
    broken = document({"Vpc": {"Type": "ALIYUN::ECS::VPC", "DependsOn": "Nowhere"}})
    with pytest.raises(EngineError, match=r"Resources\.Vpc: DependsOn names Nowhere"):
        start("apply", {"template.json": json.dumps(broken)})


def test_order_without_a_template_is_not_started(start):
    with pytest.raises(EngineError, match="cannot be read"):
        start("apply", {"main.tf": ""})


def test_changed_type_replaces_the_resource(engine, run, changes):
    def thing(kind):
        return document({"Thing": {"Type": kind, "Properties": {"Name": "a"}}})

    launched = run("apply", thing("ALIYUN::SLS::Project"))
    state = engine.state(launched).body
    found = changes(run("plan", thing("ALIYUN::ECS::Disk"), state=state))["Thing"]
    assert (found.action, found.type) == ("Replace", "ALIYUN::ECS::Disk")
    assert ["Type"] in found.replace_paths


def test_dropped_resource_is_removed_with_its_old_type(engine, run):
    launched = run("apply", SITE)
    state = engine.state(launched).body
    smaller = document({"Vpc": NETWORK["Vpc"]}, Parameters=PARAMETERS)
    updated = run("apply", smaller, state=state)
    told = [
        each.resource for each in engine.events(updated, 0, 10_000) if each.resource
    ]
    removed = {each.address: each.type for each in told if "DELETE" in each.status}
    assert removed["Web[1]"] == "ALIYUN::ECS::Instance"
    assert removed["VSwitch"] == "ALIYUN::ECS::VSwitch"


def test_nested_stack_has_its_own_resources(engine, run):
    inner = document(
        {
            "Disk": {
                "Type": "ALIYUN::ECS::Disk",
                "Properties": {"Size": {"Ref": "Size"}},
            }
        },
        Parameters={"Size": {"Type": "Number"}, "Tags": {"Type": "CommaDelimitedList"}},
        Outputs={
            "DiskId": {"Value": {"Ref": "Disk"}},
            "Tags": {"Value": {"Ref": "Tags"}},
        },
    )
    stack = {
        "Type": "ALIYUN::ROS::Stack",
        "Properties": {
            "TemplateBody": inner,
            "Parameters": {"Size": {"Ref": "Size"}, "Tags": "a,b"},
        },
    }
    body = document(
        {"Inner": stack},
        Parameters={"Size": {"Type": "Number", "Default": 20}},
        Outputs={
            key: {"Value": {"Fn::GetAtt": ["Inner", f"Outputs.{key}"]}}
            for key in ("DiskId", "Tags")
        },
    )
    directory = run("apply", body)
    state = engine.state(directory)
    found = {each.address: each for each in state.resources}
    assert {name: each.type for name, each in found.items()} == {
        "Inner": "ALIYUN::ROS::Stack",
        "Inner.Disk": "ALIYUN::ECS::Disk",
    }
    outputs = {each.key: each.value for each in state.outputs}
    assert outputs == {"DiskId": found["Inner.Disk"].physical_id, "Tags": ["a", "b"]}
    assert "module." not in log_text(engine.events(directory, 0, 10_000))


def test_random_string_has_its_length_and_characters_and_is_stable(engine, run):
    properties = {"length": 12, "sequence": "lowercase"}
    body = document(
        {"Suffix": {"Type": "ALIYUN::RandomString", "Properties": properties}},
        Outputs={"Suffix": {"Value": {"Ref": "Suffix"}}},
    )
    values = []
    state = None
    for _ in range(2):
        directory = run("apply", body, state=state)
        state = engine.state(directory).body
        values += [each.value for each in engine.state(directory).outputs]
    assert values[0] == values[1]
    assert len(values[0]) == 12
    assert values[0].isalpha()
    assert values[0].islower()


def test_wait_condition_is_met_at_once(outputs):
    handle = {"Type": "ALIYUN::ROS::WaitConditionHandle"}
    wait = {
        "Type": "ALIYUN::ROS::WaitCondition",
        "DependsOn": "Handle",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": 3600, "Count": 2},
    }
    found = outputs(
        {
            "Call": {"Fn::GetAtt": ["Handle", "CurlCli"]},
            "Data": {"Fn::GetAtt": ["Wait", "Data"]},
        },
        Resources={"Handle": handle, "Wait": wait},
    )
    assert "simulated.invalid" in found["Call"]
    assert found["Data"] == "{}"


def sleeping(seconds):
    sleep = {"Type": "ALIYUN::ROS::Sleep", "Properties": {"CreateDuration": seconds}}
    return document({"Pause": sleep, "Vpc": NETWORK["Vpc"] | {"DependsOn": "Pause"}})


def test_sleep_waits(engine, run):
    body = document({"Pause": sleeping(2)["Resources"]["Pause"]})
    directory = run("apply", body)
    assert engine.outcome(directory).stages["apply"]["seconds"] >= 2


def test_cancel_ends_a_sleep(engine, start, finish, status_of):
    body = sleeping(600)
    body["Resources"]["Vpc"]["Properties"] = {}
    files = {"template.json": json.dumps(body)}
    directory = start("apply", files, parameters=PSEUDO)
    wait_for(lambda: ("Pause", "CREATE_IN_PROGRESS") in status_of(directory))
    engine.cancel(directory)
    outcome = finish(directory)
    assert (outcome.ok, outcome.canceled) == (False, True)
    wait_for(lambda: not engine.alive(directory))
    assert ("Vpc", "CREATE_IN_PROGRESS") not in status_of(directory)


def test_kept_log_still_has_the_names_of_ros(engine, run):
    directory = run("apply", document({"Vpc": {"Type": "ALIYUN::ECS::VPC"}}))
    before = log_text(engine.events(directory, 0, 10_000))
    engine.clean(directory, keep_events=True)
    assert log_text(engine.events(directory, 0, 10_000)) == before
    assert not (directory / "module").exists()
