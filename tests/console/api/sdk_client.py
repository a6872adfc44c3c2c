"""A client of the vendor's SDK. Importing this module skips the test if it is not installed."""

import asyncio
import gc
import inspect
import os

import pytest

from console.api.access_keys import AccessKey
from console.api.examples import snake

try:
    from alibabacloud_servicecatalog20210901 import client as sdk
    from alibabacloud_servicecatalog20210901 import models
    from alibabacloud_tea_openapi import exceptions  # noqa: F401 - for the tests
    from alibabacloud_tea_openapi import models as config
    from darabonba.core import DaraCore
except ImportError:
    if os.environ.get("CI"):
        raise
    pytest.skip("the vendor's SDK is not installed", allow_module_level=True)


def hang_up():
    """Close the kept-alive connections of the SDK, each of which occupies a server thread."""
    for session in DaraCore._sessions.values():
        session.close()
    # The answer that an exception holds keeps its connection.
    gc.collect()


class Hand:
    """The SDK client of a user; it stores the answers of all operations."""

    def __init__(self, live_server, user, answers, *, mode="sync", **changed):
        key = AccessKey.objects.issue(user, by=user)
        host = live_server.url.removeprefix("http://")
        options = {
            "access_key_id": key.pk,
            "access_key_secret": key.secret_text,
            "endpoint": host,
            "protocol": "http",
            "read_timeout": 60000,
        }
        self.client = sdk.Client(config.Config(**options | changed))
        self.mode, self.answers = mode, answers

    def __call__(self, action, **params):
        method = getattr(
            self.client, snake(action) + ("_async" if self.mode == "async" else "")
        )
        model = getattr(models, f"{action}Request", None)
        response = method(model(**params)) if model else method()
        if inspect.isawaitable(response):
            response = asyncio.run(finished(response))
        assert response.body is not None, response.to_map()
        self.answers.setdefault(action, response.body)
        return response.body


async def finished(awaitable):
    return await awaitable


def entry(action, field, **values):
    return getattr(models, f"{action}Request{field}")(**values)


def unset(answer, path):
    """Return the paths of documented fields that are missing in the answer."""
    for name, value in vars(answer).items():
        wire = "".join(part.title() for part in name.split("_"))
        inner = value if isinstance(value, list) else [value]
        brackets = "[]" if isinstance(value, list) else ""
        if value is None:
            yield f"{path}.{wire}"
        for each in inner:
            if hasattr(each, "to_map"):
                yield from unset(each, f"{path}.{wire}{brackets}")
