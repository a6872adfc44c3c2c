"""Benchmark of a launch compared with bare Terraform commands, and of the time to its start.

    python -m tests.benchmarks.launch [ROUNDS]

Both run the same template on the same machine, in turns; the figures are medians.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

TEMPLATE = """\
variable "name" {
  type    = string
  default = "demo"
}

resource "terraform_data" "thing" {
  count = 5
  input = var.name
}

output "name" {
  value = terraform_data.thing[0].output
}
"""


def bare(binary: str) -> float:
    """Run init, plan, apply and output from the command line; return seconds."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.tf").write_text(TEMPLATE)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "CHECKPOINT_DISABLE": "1",
        }
        begun = time.perf_counter()
        for command in (
            ["init", "-input=false"],
            ["plan", "-input=false", "-out=plan.bin"],
            ["apply", "-input=false", "plan.bin"],
            ["output", "-json"],
        ):
            subprocess.run(
                [binary, *command],
                cwd=folder,
                env=environment,
                check=True,
                capture_output=True,
            )
        return time.perf_counter() - begun


def benchmark_launch(rounds: int) -> None:
    data = tempfile.mkdtemp()
    os.environ["CONSOLE_DATA_DIR"] = data
    os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from catalog.models import Product, Region, Template, Version
    from console.lib.users import User
    from instances.models import Instance, ProvisioningSpec, Task, TaskLog

    version = Version.objects.create(
        product=Product.objects.create(name="Benchmark", provider="us"),
        template=Template.objects.from_files({"main.tf": TEMPLATE}),
        name="1",
    )
    region = Region.objects.create(pk="cn-hangzhou", name="Hangzhou")
    user = User.objects.create_user("bench")
    binary = shutil.which("tofu") or shutil.which("terraform")
    assert binary, "no terraform on PATH"
    worker = subprocess.Popen([sys.executable, "manage.py", "work"])
    time.sleep(3)
    plain, ours, latency = [], [], []
    try:
        for number in range(rounds):
            plain.append(bare(binary))
            begun = time.time()
            task = Instance.objects.launch(
                ProvisioningSpec(version, None),
                name=f"b{number}",
                region=region,
                by=user,
            )
            while Task.objects.get(pk=task.pk).status == "InProgress":
                time.sleep(0.005)
            task.refresh_from_db()
            assert task.status == "Succeeded", task.status_message
            assert task.ended_at
            ours.append(task.ended_at.timestamp() - begun)
            first = TaskLog.objects.filter(task=task).first()
            assert first
            at = next(line[0] for line in first.lines if line[0])
            latency.append(datetime.fromisoformat(at).timestamp() - begun)
    finally:
        worker.terminate()
        worker.wait()
        shutil.rmtree(data, ignore_errors=True)
    ratio = statistics.median(o / p for o, p in zip(ours, plain, strict=True))
    print(f"bare init+plan+apply+output  {statistics.median(plain) * 1000:6.0f} ms")
    print(f"launch, button to Succeeded  {statistics.median(ours) * 1000:6.0f} ms")
    print(f"pairwise ratio               {ratio:6.2f}")
    print(f"button to first event        {statistics.median(latency) * 1000:6.0f} ms")


if __name__ == "__main__":
    benchmark_launch(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
