"""A ROS document as a Terraform configuration of `terraform_data` alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """Something in a document that cannot be simulated, and where it stands."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class Translation:
    """One document on its way to Terraform."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        resources = document.get("Resources") or {}
        self.body: dict[str, Any] = {
            "resource": {
                "terraform_data": {name: {"input": {}} for name in resources}
            },
        }


def problems(document: Mapping[str, Any]) -> list[Problem]:
    """Everything in the document that cannot be simulated."""
    return []


def translate(document: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The files Terraform runs, and the name of each variable."""
    return {"main.tf.json": json.dumps(Translation(document).body)}, {}
