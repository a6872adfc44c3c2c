"""Calls to Alibaba Cloud ROS by its official SDK, repeated with back-off where that helps."""

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from alibabacloud_ros20190910 import models
from alibabacloud_ros20190910.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

from instances.engines.ros.answers import CloudStack, TerraformLog
from instances.engines.ros.run_files import RunOrder

CONNECT_MS, READ_MS = 10_000, 30_000
# Each wait is twice as long as the one before, up to this many seconds.
MAX_WAIT_SECONDS = 30.0
BUSY = ("Throttling", "ServiceUnavailable", "InternalError", "RequestTimeout")
GONE = ("StackNotFound", "ChangeSetNotFound")


class CloudRefusedError(Exception):
    """An error that the cloud would answer again; its text is shown to the user.

    It is in `doubt` after an earlier attempt without an answer, which may have succeeded.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.doubt = False
        super().__init__(f"{message} ({code})" if code else message)


class CloudUnavailableError(Exception):
    """A call without a usable answer, which may or may not have been carried out."""


class Cloud:
    """The stacks of one region, accessed with one set of credentials.

    `wait` takes seconds, `say` a level and a message for the log; `answered` is called after
    each usable answer.
    """

    def __init__(
        self,
        order: RunOrder,
        environment: Mapping[str, str],
        wait: Callable[[float], None],
        say: Callable[[str, str], None],
        answered: Callable[[], None],
    ) -> None:
        self.region = order["region"]
        self.pace = order["pace"]
        self.wait = wait
        self.say = say
        self.answered = answered
        scheme, _, host = order["endpoint"].rpartition("://")
        self.client = Client(
            Config(
                access_key_id=environment.get("ALIBABA_CLOUD_ACCESS_KEY_ID"),
                access_key_secret=environment.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
                security_token=environment.get("ALIBABA_CLOUD_SECURITY_TOKEN"),
                region_id=self.region,
                endpoint=host or None,
                protocol=scheme or "https",
            )
        )
        self.runtime = RuntimeOptions(
            autoretry=False, connect_timeout=CONNECT_MS, read_timeout=READ_MS
        )

    def call(self, operation: str, **fields: object) -> Any:
        """Return the body of the answer, retrying with back-off while there is none.

        Only for idempotent calls: reads, and changes with a client token. Raises
        CloudRefusedError, and whatever `wait` raises.
        """
        attempt = 0
        while True:
            try:
                return self.call_once(operation, **fields)
            except CloudUnavailableError as error:
                seconds = MAX_WAIT_SECONDS
                seconds = min(seconds, 0.5 * 2 ** min(attempt, 10)) * self.pace
                # Jitter, so that runs throttled at the same time do not retry together.
                seconds *= random.uniform(0.5, 1.0)
                attempt += 1
                self.say("warn", f"{operation}: {error} Retrying.")
                self.wait(seconds)
            except CloudRefusedError as refusal:
                refusal.doubt = attempt > 0
                raise

    def call_once(self, operation: str, **fields: object) -> Any:
        """Return the body. Raises CloudRefusedError or CloudUnavailableError."""
        method = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation)
        send = getattr(self.client, f"{method[1:]}_with_options")
        kind = getattr(models, f"{operation}Request")
        try:
            body = send(kind(region_id=self.region, **fields), self.runtime).body
        except Exception as error:
            raise _classified(error) from None
        if body is None:
            raise CloudUnavailableError("The response was empty.")
        self.answered()
        return body

    def get_stack(self, stack_id: str) -> CloudStack:
        """Return a stack without its outputs, also one that was deleted."""
        found: CloudStack = self.call(
            "GetStack", stack_id=stack_id, output_option="Disabled"
        )
        return found

    def tags(self, operation: str, tags: Mapping[str, str]) -> list[object]:
        """Return tags as the request of an operation takes them."""
        kind = getattr(models, f"{operation}RequestTags")
        return [kind(key=key, value=value) for key, value in tags.items()]

    def parameters(self, operation: str, values: Mapping[str, str]) -> list[object]:
        """Return parameters as the request of an operation takes them."""
        kind = getattr(models, f"{operation}RequestParameters")
        return [kind(parameter_key=k, parameter_value=v) for k, v in values.items()]


def terraform_logs(stack: CloudStack) -> Iterable[TerraformLog]:
    """Return the logs of Terraform, where ROS runs Terraform for a stack."""
    return (stack.log.terraform_logs if stack.log else None) or ()


def _classified(error: Exception) -> CloudRefusedError | CloudUnavailableError:
    """Return the error of a call as one of ours.

    The text of a network error is dropped: it quotes the request's URL, which holds every
    parameter, secret ones too.
    """
    code = str(getattr(error, "code", None) or "")
    status = int(getattr(error, "status_code", None) or 0)
    if not code and not status:
        return CloudUnavailableError("The cloud did not return a valid response.")
    if code.startswith(BUSY) or status >= 500:
        return CloudUnavailableError(f"The cloud is busy ({code}).")
    data = getattr(error, "data", None) or {}
    message = data.get("Message") if isinstance(data, dict) else None
    message = message or getattr(error, "message", "") or error
    return CloudRefusedError(code, str(message))
