"""Benchmark of the simulation of a ROS template: its translation and its run.

    python -m tests.benchmarks.ros_local [ROUNDS]

The run is compared with bare Terraform commands for the same resources written by hand,
in turns on the same machine; the figures are medians.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from instances.engines.base import Order, Settings
from instances.engines.ros_local import RosLocal, translate

RESOURCES = 20


def document() -> dict[str, Any]:
    """Return a template of 20 resources that refer to each other with common functions."""
    servers = {
        f"Server{number}": {
            "Type": "ALIYUN::ECS::Instance",
            "Properties": {
                "InstanceName": {"Fn::Sub": "${Name}-" + str(number)},
                "VpcId": {"Ref": "Vpc"},
                "VSwitchId": {"Fn::GetAtt": ["VSwitch", "VSwitchId"]},
                "ZoneId": {
                    "Fn::Select": [0, {"Fn::GetAZs": {"Ref": "ALIYUN::Region"}}]
                },
                "InternetMaxBandwidthOut": {"Fn::If": ["IsPublic", 5, 0]},
                "UserData": {
                    "Fn::Replace": [
                        {"@": {"Ref": "Name"}},
                        {"Fn::Join": ["\n", ["#!/bin/sh", "echo @", "exit 0"]]},
                    ]
                },
            },
        }
        for number in range(RESOURCES - 2)
    }
    return {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Parameters": {
            "Name": {"Type": "String", "Default": "demo"},
            "Public": {"Type": "Boolean", "Default": True},
        },
        "Conditions": {"IsPublic": {"Fn::Equals": [{"Ref": "Public"}, "true"]}},
        "Resources": {
            "Vpc": {
                "Type": "ALIYUN::ECS::VPC",
                "Properties": {"CidrBlock": "10.0.0.0/16"},
            },
            "VSwitch": {
                "Type": "ALIYUN::ECS::VSwitch",
                "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"},
            },
            **servers,
        },
        "Outputs": {
            name: {"Value": {"Fn::GetAtt": [name, "PrivateIp"]}} for name in servers
        },
    }


def plain() -> str:
    """Return the same resources and outputs in HCL, written by hand."""
    servers = "".join(
        f"""
resource "terraform_data" "server_{number}" {{
  input = {{
    name   = "${{var.name}}-{number}"
    vpc    = terraform_data.vpc.id
    switch = terraform_data.switch.id
    size   = var.public ? 5 : 0
    script = "#!/bin/sh\\necho ${{var.name}}\\nexit 0"
  }}
}}

output "server_{number}" {{
  value = terraform_data.server_{number}.id
}}
"""
        for number in range(RESOURCES - 2)
    )
    return (
        """
variable "name" {
  type    = string
  default = "demo"
}

variable "public" {
  type    = bool
  default = true
}

resource "terraform_data" "vpc" {
  input = { cidr = "10.0.0.0/16" }
}

resource "terraform_data" "switch" {
  input = { vpc = terraform_data.vpc.id, cidr = "10.0.0.0/24" }
}
"""
        + servers
    )


def bare(binary: str) -> float:
    """Run init, plan and apply from the command line; return seconds."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.tf").write_text(plain())
        quiet = {"PATH": os.environ["PATH"], "HOME": folder, "CHECKPOINT_DISABLE": "1"}
        begun = time.perf_counter()
        for command in (
            ["init", "-input=false"],
            ["plan", "-input=false", "-out=plan.bin"],
            ["apply", "-input=false", "plan.bin"],
        ):
            subprocess.run(
                [binary, *command],
                cwd=folder,
                env=quiet,
                check=True,
                capture_output=True,
            )
        return time.perf_counter() - begun


def simulated(engine: RosLocal) -> float:
    """Launch the template, from its text to its state; return seconds."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder, "run")
        files = {"template.json": json.dumps(document())}
        begun = time.perf_counter()
        engine.start(directory, Order(action="apply", files=files))
        while (outcome := engine.outcome(directory)) is None:
            time.sleep(0.005)
        state = engine.state(directory)
        took = time.perf_counter() - begun
        assert outcome.ok, outcome.message
        assert state is not None
        assert len(state.resources) == RESOURCES
        return took


def translation() -> float:
    """Translate the template; return milliseconds."""
    body = document()
    begun = time.perf_counter()
    translate(body)
    return (time.perf_counter() - begun) * 1000


def benchmark_ros_local(rounds: int) -> None:
    """Print the figures and their limits."""
    binary = shutil.which("tofu") or shutil.which("terraform")
    if binary is None:
        sys.exit("no tofu or terraform on PATH")
    engine = RosLocal(Settings())
    engine.version()
    translation()
    took = statistics.median(translation() for _ in range(50))
    print(f"translation of {RESOURCES} resources: {took:.2f} ms (limit 5 ms)")
    pairs = [(bare(binary), simulated(engine)) for _ in range(rounds)]
    bare_seconds, ours = (
        statistics.median(column) for column in zip(*pairs, strict=True)
    )
    print(f"bare Terraform, {RESOURCES} resources: {bare_seconds:.3f} s")
    print(f"simulated launch, {RESOURCES} resources: {ours:.3f} s")
    ratio = statistics.median(two / one for one, two in pairs)
    print(f"pairwise ratio: {ratio:.2f} (limit 1.5)")


if __name__ == "__main__":
    benchmark_ros_local(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
