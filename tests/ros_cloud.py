"""A fake of Alibaba Cloud ROS on loopback, in a process of its own.

    python -m tests.ros_cloud [PORT]

It takes requests by the SDK's models only: an unknown field, a missing one, a value of the
wrong type or a wrong signature is an error, and its own answers must fit the SDK's response
models. Stacks change by the clock, one resource every `step` seconds. `POST /_control` sets
the faults and returns the stacks and calls.
"""

import hashlib
import hmac
import inspect
import json
import random
import re
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlsplit

from alibabacloud_ros20190910 import models

from tests.ros_server import KEY, SECRET, TOKEN

REQUIRED = {
    "CreateStack": {"RegionId", "StackName", "TemplateBody"},
    "UpdateStack": {"RegionId", "StackId", "TemplateBody"},
    "DeleteStack": {"RegionId", "StackId"},
    "GetStack": {"RegionId", "StackId"},
    "PreviewStack": {"RegionId", "TemplateBody"},
    "ListStackEvents": {"RegionId", "StackId"},
    "ListStackResources": {"RegionId", "StackId"},
    "ListStacks": {"RegionId"},
    "CancelStackOperation": {"RegionId", "StackId"},
}
KNOBS = {
    "step": 0.01,  # seconds a resource takes
    "faults": [],  # of [action, kind], taken in order as calls come
    "seed": None,  # faults at random, as often as `rate`
    "rate": 0.25,
    "fail": [],  # logical IDs that fail
    "tokens": True,  # client tokens are used
    "names": True,  # a region has one stack of a name
    "lag": 0.0,  # seconds until ListStacks shows a new stack
    "old_status": 0.0,  # seconds for which GetStack still shows the status before
    "touch": [],  # stacks that another user changes now
    "refuse": "",  # the error of PreviewStack
    "regions": [],  # the existing regions, all when empty
}
KINDS = ("throttle", "unavailable", "internal", "drop_before", "drop_after", "garbage")


class ApiError(Exception):
    """An error answer of ROS."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


# Requests and answers, strictly by the SDK's models


def nested(flat):
    """Return fields such as `Parameters.1.ParameterKey` as lists of objects."""
    whole = {}
    for name, value in flat.items():
        first, *rest = name.split(".")
        if not rest:
            whole[first] = value
            continue
        if not rest[0].isdigit() or len(rest) > 2:
            raise ApiError(400, "InvalidParameter", f"{name} is not a parameter.")
        entry = whole.setdefault(first, {}).setdefault(int(rest[0]), {})
        if len(rest) == 2:
            entry[rest[1]] = value
        else:
            whole[first][int(rest[0])] = value
    return {
        name: [value[i] for i in sorted(value)] if isinstance(value, dict) else value
        for name, value in whole.items()
    }


def filtered(kind, document):
    """Return a document without the fields that a model does not have."""
    return whole(kind().from_map(document).to_map())


def whole(value):
    """Return a document without empty lists, which the models add."""
    if isinstance(value, dict):
        return {k: whole(v) for k, v in value.items() if v != []}
    return [whole(v) for v in value] if isinstance(value, list) else value


def checked(action, flat):
    """Return the request. Raises ApiError for unknown and missing fields."""
    if action not in REQUIRED:
        raise ApiError(404, "InvalidAction.NotFound", f"{action} is no action here.")
    request = nested(flat)
    kind = getattr(models, f"{action}Request")
    back = filtered(kind, request)
    if back != request:
        unknown = sorted(set(request) - set(back)) or sorted(request)
        raise ApiError(400, "InvalidParameter", f"Unknown: {unknown}.")
    if missing := sorted(REQUIRED[action] - set(request)):
        raise ApiError(400, f"Missing{missing[0]}", f"{missing[0]} is mandatory.")
    hints = inspect.signature(kind.__init__).parameters
    for name, value in request.items():
        python = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        hint = str(hints[python].annotation)
        good = {"int": str(value).isdigit(), "bool": value in ("True", "False")}
        if not good.get(hint, True) or value == "":
            raise ApiError(400, f"Invalid{name}", f"{value} does not fit {name}.")
    return request


def fitting(action, body):
    """Return the answer, of which the SDK's model must have every field."""
    kind = getattr(models, f"{action}ResponseBody")
    assert filtered(kind, body) == whole(body), (action, body)
    return body


def signed(handler, query, body):
    """Return whether the call has a valid signature and session token."""
    headers = {name.lower(): value for name, value in handler.headers.items()}
    found = re.fullmatch(
        r"ACS3-HMAC-SHA256 Credential=(.+),SignedHeaders=(.+),Signature=(\w+)",
        headers.get("authorization", ""),
    )
    if not found or found[1] != KEY or headers.get("x-acs-security-token") != TOKEN:
        return False
    names = found[2].split(";")
    pairs = "&".join(
        f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(query)
    )
    digest = hashlib.sha256(body).hexdigest()
    canonical = "\n".join(
        [
            "POST",
            "/",
            pairs,
            "".join(f"{name}:{headers[name]}\n" for name in names),
            found[2],
            digest,
        ]
    )
    whole = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    mine = hmac.new(SECRET.encode(), whole.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(mine, found[3]) and digest == headers.get(
        "x-acs-content-sha256"
    )


# Stacks


def resources_of(body):
    """Return types and properties by logical IDs, of either kind of template."""
    template = json.loads(body)
    if template.get("ROSTemplateFormatVersion") != "2015-09-01":
        raise ApiError(
            400, "InvalidTemplate", "The version of the template is invalid."
        )
    if str(template.get("Transform", "")).startswith("Aliyun::Terraform"):
        text = "\n".join(template["Workspace"].values())
        found = re.findall(r'resource\s+"(\w+)"\s+"(\w+)"', text)
        return {f"{kind}.{name}": (kind, {}) for kind, name in found}
    return {
        name: (each["Type"], each.get("Properties", {}))
        for name, each in template.get("Resources", {}).items()
    }


class Stack:
    """A stack, and the operation that runs on it."""

    def __init__(self, cloud, request):
        self.cloud = cloud
        self.id = str(uuid.uuid4())
        self.name = request["StackName"]
        self.rollback = request.get("DisableRollback") != "True"
        self.created, self.born = cloud.now(), time.monotonic()
        self.updated = ""
        self.status, self.reason, self.previous = "", "", ""
        self.resources, self.events, self.steps, self.log = {}, [], [], []
        self.take(request)
        self.begin("CREATE", list(resources_of(self.body)), [])

    def take(self, request):
        self.body = request["TemplateBody"]
        self.parameters = {
            each["ParameterKey"]: each["ParameterValue"]
            for each in request.get("Parameters", [])
        }
        if "Tags" in request:
            self.tags = request["Tags"]
        if "RamRoleName" in request:
            self.role = request["RamRoleName"]
        else:
            self.role = getattr(self, "role", "")
        self.minutes = int(request.get("TimeoutInMinutes", 60))

    def begin(self, operation, make, remove):
        """Start an operation, which makes or changes resources, then removes others."""
        self.operation, self.canceled, self.began = operation, False, time.monotonic()
        self.steps = [(name, operation) for name in make]
        self.steps += [(name, "DELETE") for name in remove]
        self.due = time.monotonic() + self.cloud.knobs["step"]
        self.set_status(f"{operation}_IN_PROGRESS")

    def set_status(self, status, reason=""):
        self.previous, self.changed_at = self.status, time.monotonic()
        self.status, self.reason = status, reason
        self.event(self.name, "ALIYUN::ROS::Stack", self.id, status, reason)

    def event(self, name, kind, physical, status, reason=""):
        self.events.append(
            {
                "EventId": f"event-{self.cloud.number()}",
                "LogicalResourceId": name,
                "PhysicalResourceId": physical,
                "ResourceType": kind,
                "Status": status,
                "StatusReason": reason,
                "StackId": self.id,
                "StackName": self.name,
                "CreateTime": self.cloud.now(),
            }
        )

    def advance(self):
        """Run the steps that are due."""
        while self.status.endswith("IN_PROGRESS") and time.monotonic() >= self.due:
            self.due += self.cloud.knobs["step"]
            if self.canceled:
                self.end_failed("The operation was canceled.")
            elif self.steps:
                self.step(*self.steps.pop(0))
            else:
                self.end()

    def step(self, name, action):
        kind, properties = resources_of(self.body).get(name, ("", {}))
        known = self.resources.get(name)
        kind = known["ResourceType"] if known else kind
        if action == "UPDATE" and known is None:
            action = "CREATE"
        physical = known["PhysicalResourceId"] if known else ""
        self.event(name, kind, physical, f"{action}_IN_PROGRESS")
        if name in self.cloud.knobs["fail"]:
            self.put(name, kind, physical, f"{action}_FAILED", "No stock here.")
            self.end_failed(f"Resource {name} failed.")
            return
        physical = physical or f"{kind.rpartition('::')[2].lower()}-{len(self.events)}"
        if action == "DELETE":
            self.event(name, kind, physical, "DELETE_COMPLETE")
            self.resources.pop(name, None)
        else:
            self.put(name, kind, physical, f"{action}_COMPLETE")
            self.resources[name]["Properties"] = json.dumps(
                self.resolved(properties), sort_keys=True
            )
        self.log.append(f"{name}: {action.lower()} complete")

    def put(self, name, kind, physical, status, reason=""):
        self.resources[name] = {
            "ResourceType": kind,
            "PhysicalResourceId": physical,
            "Status": status,
            "StatusReason": reason,
        }
        self.event(name, kind, physical, status, reason)

    def end_failed(self, reason):
        self.steps = []
        if self.operation.endswith("ROLLBACK") or self.operation == "DELETE":
            self.set_status(f"{self.operation}_FAILED", reason)
        elif self.rollback:
            back = "CREATE_ROLLBACK" if self.operation == "CREATE" else "ROLLBACK"
            remove = list(self.resources) if self.operation == "CREATE" else []
            self.operation, self.canceled = back, False
            self.steps = [(name, "DELETE") for name in remove]
            self.set_status(f"{back}_IN_PROGRESS", reason)
            self.cloud.knobs["fail"] = []
        else:
            self.set_status(f"{self.operation}_FAILED", reason)

    def end(self):
        self.set_status(f"{self.operation}_COMPLETE")

    def resolved(self, properties):
        """Return properties with parameters in place of Ref."""
        text = json.dumps(properties)
        for key, value in self.parameters.items():
            text = text.replace(json.dumps({"Ref": key}), json.dumps(value))
        return json.loads(text)

    def shown_status(self):
        old = self.cloud.knobs["old_status"]
        if self.previous and time.monotonic() - self.changed_at < old:
            return self.previous
        return self.status

    def outputs(self):
        declared = json.loads(self.body).get("Outputs", {})
        return [
            {
                "OutputKey": key,
                "OutputValue": self.output(each["Value"]),
                "Description": each.get("Description", "No description given"),
            }
            for key, each in declared.items()
        ]

    def output(self, value):
        if isinstance(value, dict) and "Ref" in value:
            name = value["Ref"]
            known = self.resources.get(name, {}).get("PhysicalResourceId")
            return known or self.parameters.get(name, "")
        return value

    def changes_to(self, body, parameters):
        """Return the changes that another template or other parameters would make."""
        new, told = resources_of(body), []
        later = Stack.__new__(Stack)
        later.parameters = parameters
        for name, (kind, properties) in new.items():
            known = self.resources.get(name)
            wanted = json.dumps(Stack.resolved(later, properties), sort_keys=True)
            if known is None:
                told.append((name, kind, "Add", properties, ""))
            elif known.get("Properties") != wanted or body != self.body:
                told.append((name, kind, "Modify", json.loads(wanted), "False"))
            else:
                told.append((name, kind, "None", json.loads(wanted), ""))
        for name, known in self.resources.items():
            if name not in new:
                told.append((name, known["ResourceType"], "Remove", {}, ""))
        return told


class Cloud:
    """All stacks, and the faults of calls."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        self.knobs = json.loads(json.dumps(KNOBS))
        self.stacks, self.answers, self.calls = {}, {}, []
        self.created = []
        self.count = 0
        self.random = random.Random(0)

    def now(self):
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())

    def number(self):
        self.count += 1
        return self.count

    def fault(self, action):
        """Return the fault of a call, else an empty text."""
        for entry in self.knobs["faults"]:
            if entry[0] in (action, "*"):
                self.knobs["faults"].remove(entry)
                return entry[1]
        if self.knobs["seed"] is not None and self.random.random() < self.knobs["rate"]:
            return self.random.choice(KINDS)
        return ""

    def stack(self, request):
        found = self.stacks.get(request["StackId"])
        if found is None:
            message = f"The Stack ({request['StackId']}) could not be found."
            raise ApiError(404, "StackNotFound", message)
        found.advance()
        return found

    def answer(self, action, request):
        """Return the answer to a valid request."""
        regions = self.knobs["regions"]
        if regions and request["RegionId"] not in regions:
            raise ApiError(400, "InvalidRegionId", "The region does not exist.")
        token = request.get("ClientToken")
        if token and self.knobs["tokens"] and (action, token) in self.answers:
            before, body = self.answers[action, token]
            if before != request:
                raise ApiError(400, "IdempotentParameterMismatch", "Another request.")
            return body
        body = getattr(self, action)(request)
        body = fitting(action, {**body, "RequestId": str(uuid.uuid4()).upper()})
        if token:
            self.answers[action, token] = (request, body)
        return body

    def CreateStack(self, request):
        name = request["StackName"]
        if self.knobs["names"]:
            for each in self.stacks.values():
                each.advance()
                if each.name == name and each.status != "DELETE_COMPLETE":
                    raise ApiError(409, "StackExists", f"The Stack ({name}) exists.")
        made = Stack(self, request)
        self.stacks[made.id] = made
        self.created.append(made.id)
        return {"StackId": made.id}

    def UpdateStack(self, request):
        found = self.stack(request)
        if found.status.endswith("IN_PROGRESS"):
            raise ApiError(409, "ActionInProgress", "An action is in progress.")
        if found.status.startswith(("DELETE", "CREATE_ROLLBACK", "CREATE_FAILED")):
            raise ApiError(400, "NotSupported", f"{found.status} cannot be updated.")
        parameters = {
            each["ParameterKey"]: each["ParameterValue"]
            for each in request.get("Parameters", [])
        }
        changes = found.changes_to(request["TemplateBody"], parameters)
        if all(change[2] == "None" for change in changes):
            message = "Update the completely same stack is not supported."
            raise ApiError(400, "NotSupported", message)
        found.take(request)
        found.updated = f"{self.now()}-{self.number()}"
        remove = [change[0] for change in changes if change[2] == "Remove"]
        make = [change[0] for change in changes if change[2] in ("Add", "Modify")]
        found.begin("UPDATE", make, remove)
        return {"StackId": found.id}

    def DeleteStack(self, request):
        found = self.stack(request)
        if found.status.endswith("IN_PROGRESS"):
            raise ApiError(409, "ActionInProgress", "An action is in progress.")
        if found.status != "DELETE_COMPLETE":
            found.begin("DELETE", [], list(found.resources))
        return {}

    def CancelStackOperation(self, request):
        found = self.stack(request)
        if request.get("CancelType", "Safe") not in ("Safe", "Quick"):
            raise ApiError(400, "InvalidCancelType", "Safe or Quick.")
        if not found.status.endswith("IN_PROGRESS"):
            raise ApiError(409, "NotSupported", "No operation is in progress.")
        found.canceled = True
        return {}

    def GetStack(self, request):
        found = self.stack(request)
        body = {
            "StackId": found.id,
            "StackName": found.name,
            "Status": found.shown_status(),
            "StatusReason": found.reason or "Stack operation",
            "RegionId": request["RegionId"],
            "CreateTime": found.created,
            "UpdateTime": found.updated,
            "Tags": found.tags,
            "TimeoutInMinutes": found.minutes,
            "DisableRollback": not found.rollback,
            "RamRoleName": found.role,
        }
        if str(json.loads(found.body).get("Transform", "")):
            content = "".join(f"{line}\n" for line in found.log)
            log = {"Command": "apply", "Stream": "stdout", "Content": content}
            body["Log"] = {"TerraformLogs": [log]}
        if request.get("OutputOption", "Enabled") == "Enabled":
            body["Outputs"] = found.outputs()
        return body

    def ListStacks(self, request):
        for each in self.stacks.values():
            each.advance()
        names = request.get("StackName")
        shown = time.monotonic() - self.knobs["lag"]
        found = [
            each
            for each in self.stacks.values()
            if each.born <= shown and (not names or each.name in names)
        ]
        return {
            "PageNumber": int(request.get("PageNumber", 1)),
            "PageSize": int(request.get("PageSize", 10)),
            "TotalCount": len(found),
            "Stacks": [
                {
                    "StackId": each.id,
                    "StackName": each.name,
                    "Status": each.status,
                    "RegionId": request["RegionId"],
                    "CreateTime": each.created,
                    "UpdateTime": each.updated,
                    "Tags": each.tags,
                }
                for each in found[: int(request.get("PageSize", 10))]
            ],
        }

    def ListStackEvents(self, request):
        found = self.stack(request)
        size = int(request.get("PageSize", 10))
        if size > 50:
            raise ApiError(400, "InvalidPageSize", "At most 50.")
        start = (int(request.get("PageNumber", 1)) - 1) * size
        newest = found.events[::-1]
        return {
            "Events": newest[start : start + size],
            "PageNumber": start // size + 1,
            "PageSize": size,
            "TotalCount": len(newest),
        }

    def ListStackResources(self, request):
        found = self.stack(request)
        return {
            "Resources": [
                {
                    "LogicalResourceId": name,
                    "PhysicalResourceId": each["PhysicalResourceId"],
                    "ResourceType": each["ResourceType"],
                    "Status": each["Status"],
                    "StatusReason": each["StatusReason"],
                    "StackId": found.id,
                    "StackName": found.name,
                }
                for name, each in found.resources.items()
            ]
        }

    def PreviewStack(self, request):
        if ("StackId" in request) == ("StackName" in request):
            raise ApiError(400, "InvalidParameter", "Either StackId or StackName.")
        if self.knobs["refuse"]:
            raise ApiError(400, "InvalidParameter", self.knobs["refuse"])
        parameters = {
            each["ParameterKey"]: each["ParameterValue"]
            for each in request.get("Parameters", [])
        }
        declared = json.loads(request["TemplateBody"]).get("Parameters", {})
        for key in parameters:
            if declared and key not in declared:
                raise ApiError(400, "InvalidParameter", f"{key} is not a parameter.")
        if "StackId" in request:
            changes = self.stack(request).changes_to(
                request["TemplateBody"], parameters
            )
        else:
            later = Stack.__new__(Stack)
            later.parameters = parameters
            changes = [
                (name, kind, "Add", Stack.resolved(later, properties), "")
                for name, (kind, properties) in resources_of(
                    request["TemplateBody"]
                ).items()
            ]
        return {"Stack": self.previewed(request, changes)}

    def previewed(self, request, changes):
        known = self.stacks.get(request.get("StackId", ""))
        resources = []
        for name, kind, action, properties, replacement in changes:
            each = {
                "LogicalResourceId": name,
                "ResourceType": kind,
                "Action": action,
                "Properties": properties,
            }
            if action in ("Modify", "Remove"):
                each["PhysicalResourceId"] = known.resources[name]["PhysicalResourceId"]
            if action == "Modify":
                replaced = properties.get("Replaced")
                each["Replacement"] = "True" if replaced else replacement
            resources.append(each)
        return {
            "RegionId": request["RegionId"],
            "StackName": request.get("StackName", known.name if known else ""),
            "Resources": resources,
            "TimeoutInMinutes": int(request.get("TimeoutInMinutes", 60)),
        }

    def control(self, asked):
        """Set faults; return the stacks and calls."""
        if asked.pop("reset", False):
            self.reset()
        unknown = set(asked) - set(KNOBS)
        assert not unknown, unknown
        self.knobs |= asked
        if "seed" in asked:
            self.random = random.Random(asked["seed"])
        for each in self.stacks.values():
            each.advance()
            if each.id in self.knobs["touch"]:
                each.updated = f"{self.now()}-{self.number()}"
        self.knobs["touch"] = []
        return {
            "created": self.created,
            "calls": self.calls,
            "stacks": [
                {
                    "id": each.id,
                    "name": each.name,
                    "status": each.status,
                    "role": each.role,
                    "minutes": each.minutes,
                    "rollback": each.rollback,
                    "parameters": each.parameters,
                    "tags": {tag["Key"]: tag.get("Value") for tag in each.tags},
                    "resources": sorted(each.resources),
                    "body": each.body,
                }
                for each in self.stacks.values()
            ],
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        cloud = self.server.cloud
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/_control":
            with cloud.lock:
                self.send(200, cloud.control(json.loads(body)))
            return
        query = parse_qsl(urlsplit(self.path).query, keep_blank_values=True)
        flat = dict(query) | dict(parse_qsl(body.decode(), keep_blank_values=True))
        action = self.headers.get("x-acs-action", "")
        with cloud.lock:
            kind = cloud.fault(action)
            cloud.calls.append([action, kind])
            if kind == "drop_before":
                self.drop()
                return
            status, answer = self.answer(cloud, kind, action, flat, query, body)
        if kind == "drop_after":
            self.drop()
        elif kind == "garbage":
            self.send(200, None, raw=json.dumps(answer).encode()[:-7])
        else:
            self.send(status, answer)

    def answer(self, cloud, kind, action, flat, query, body):
        try:
            if kind == "throttle":
                raise ApiError(400, "Throttling.User", "Request was denied.")
            if kind == "unavailable":
                raise ApiError(503, "ServiceUnavailable", "Try again later.")
            if kind == "internal":
                raise ApiError(500, "InternalError", "Something happened.")
            if not signed(self, query, body):
                raise ApiError(403, "InvalidAccessKeyId.NotFound", "Wrong key.")
            return 200, cloud.answer(action, checked(action, flat))
        except ApiError as error:
            return error.status, {
                "Code": error.code,
                "Message": str(error),
                "RequestId": str(uuid.uuid4()).upper(),
                "HostId": "ros.aliyuncs.com",
            }

    def drop(self):
        self.close_connection = True
        self.connection.close()

    def send(self, status, document, raw=b""):
        content = raw or json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        """Ignore callers that closed their connection, which tests do."""


def serve_cloud(port=0):
    server = Server(("127.0.0.1", port), Handler)
    server.cloud = Cloud()
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve_cloud(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
