"""Makes a log grow: an agent that executes by itself proposes, most of it is allowed, and it reports what came of that.

    traffic.py URL KEY ACTIONS

ends once the published checkpoint holds all of it, as the log's folder in LOG_FOLDER says.
"""

import json
import os
import pathlib
import sys
import time
import urllib.request

url, key, actions = sys.argv[1], sys.argv[2], int(sys.argv[3])
checkpoint = pathlib.Path(os.environ["LOG_FOLDER"]) / "checkpoint"

CALLS = [
    ("inventory.list_services", {}),
    ("inventory.weekly_report", {"week": "2026-W40"}),
    ("inventory.get_service", {"service": "web"}),
    ("inventory.no_such_tool", {}),
]


def call(method, path, body=None):
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def published():
    return int(checkpoint.read_text().split("\n")[1])


for number in range(actions):
    tool, arguments = CALLS[number % len(CALLS)]
    said = call("POST", "/v1/actions", {"tool": tool, "arguments": arguments})
    if said.get("permit"):
        call("POST", f"/v1/actions/{said['action']}/outcome", {"status": "done", "result": {"number": number}})

size = call("GET", "/v1/health")["records"]
for _ in range(200):
    if published() >= size:
        break
    time.sleep(0.05)
else:
    sys.exit(f"{size} records, but {published()} are published")
print(size)
