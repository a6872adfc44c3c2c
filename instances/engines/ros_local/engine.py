"""The engine for ROS templates: a translation in front of Terraform's."""

import json
from dataclasses import replace
from pathlib import Path

from instances.engines.base import EngineError, Order
from instances.engines.ros_local.translation import translate
from instances.engines.terraform import Terraform

DOCUMENT = "template.json"


class RosLocal(Terraform):
    """Runs a ROS document as simulated resources."""

    def start(self, directory: Path, order: Order) -> None:
        """Translate the document and start it."""
        try:
            document = json.loads(order.files[DOCUMENT])
        except (KeyError, ValueError) as error:
            raise EngineError("The document cannot be read.") from error
        files, _ = translate(document)
        super().start(directory, replace(order, files=files, parameters={}))
