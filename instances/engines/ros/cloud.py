"""Calls to Alibaba Cloud ROS by its official SDK, repeated with back-off where that helps."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from alibabacloud_ros20190910 import models
from alibabacloud_ros20190910.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

CONNECT_MS, READ_MS = 10_000, 30_000
# One further wait is twice the one before, up to this many seconds.
LONGEST_WAIT = 30.0
BUSY = ("Throttling", "ServiceUnavailable", "InternalError", "RequestTimeout")
GONE = ("StackNotFound", "ChangeSetNotFound")


class CloudRefusedError(Exception):
    """An answer that says no, and would say it again; the text is for the person.

    In `doubt` it is not the first answer: one before it may have been yes, and was lost.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.doubt = False
        super().__init__(f"{message} ({code})" if code else message)


class CloudUnavailableError(Exception):
    """A call that got no usable answer: whether it was carried out is not known."""


class Cloud:
    """The stacks of one region, seen with one set of credentials."""

    def __init__(
        self,
        order: Mapping[str, Any],
        environment: Mapping[str, str],
        wait: Callable[[float], None],
        say: Callable[[str, str], None],
        heard: Callable[[], None],
    ) -> None:
        self.region = order["region"]
        self.pace = float(order["pace"])
        self.wait = wait
        self.say = say
        self.heard = heard
        scheme, _, host = str(order["endpoint"]).rpartition("://")
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

    def call(self, operation: str, **fields: Any) -> Any:
        """The body of the answer. Raises CloudRefusedError; waits and asks again on anything else.

        Only for what may be asked twice: reads, and what a client token makes one.
        `wait` may raise to give up.
        """
        attempt = 0
        while True:
            try:
                return self.once(operation, **fields)
            except CloudUnavailableError as error:
                seconds = min(LONGEST_WAIT, 0.5 * 2 ** min(attempt, 10)) * self.pace
                # Spread, so that many runs that were throttled at once come back apart.
                seconds *= random.uniform(0.5, 1.0)
                attempt += 1
                self.say("warn", f"{operation}: {error} Asking again.")
                self.wait(seconds)
            except CloudRefusedError as refusal:
                refusal.doubt = attempt > 0
                raise

    def once(self, operation: str, **fields: Any) -> Any:
        """One call. Raises CloudRefusedError or CloudUnavailableError."""
        method = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation)
        ask = getattr(self.client, f"{method[1:]}_with_options")
        request = getattr(models, f"{operation}Request")(
            region_id=self.region, **fields
        )
        try:
            body = ask(request, self.runtime).body
        except Exception as error:
            raise _judged(error) from None
        if body is None:
            raise CloudUnavailableError("The answer was empty.")
        self.heard()
        return body

    def tags(self, operation: str, tags: Mapping[str, str]) -> list[Any]:
        """Tags as a request of the operation takes them."""
        kind = getattr(models, f"{operation}RequestTags")
        return [kind(key=key, value=value) for key, value in tags.items()]

    def parameters(self, operation: str, values: Mapping[str, str]) -> list[Any]:
        """Parameters as a request of the operation takes them."""
        kind = getattr(models, f"{operation}RequestParameters")
        return [kind(parameter_key=k, parameter_value=v) for k, v in values.items()]


def _judged(error: Exception) -> Exception:
    """Whether an error is an answer or the lack of one.

    The text of a network error is not passed on: it quotes the address asked, and with it
    every parameter, secret ones too.
    """
    code = str(getattr(error, "code", None) or "")
    status = int(getattr(error, "status_code", None) or 0)
    if not code and not status:
        return CloudUnavailableError("No usable answer came.")
    if code.startswith(BUSY) or status >= 500:
        return CloudUnavailableError(f"The cloud is busy ({code}).")
    data = getattr(error, "data", None) or {}
    said = data.get("Message") if isinstance(data, dict) else None
    return CloudRefusedError(code, str(said or getattr(error, "message", "") or error))
