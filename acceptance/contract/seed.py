"""Writes the contract as the fuzzer is to read it: the served document, with real identifiers among the texts to try.

seed.py URL KEYS OUT: makes an action, a held one, a session, a key and a switch by the keys in the folder KEYS, and puts their names beside
whatever else schemathesis thinks of, for parameters and members of the same name, and keeps waits short. The rest stays as it is served.
"""

import json
import pathlib
import sys
import urllib.request

url, keys, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])

# Where it is asked to, the server waits up to minutes, which proves nothing.
WAITS = ("wait_ms", "hold_ms")


def ask(who, method, path, body=None):
    headers = {"authorization": f"Bearer {(keys / who).read_text().strip()}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    answer = urllib.request.urlopen(urllib.request.Request(url + path, data, headers, method=method), timeout=20).read()
    return json.loads(answer) if answer else {}


def propose(tool, **arguments):
    return ask("agent", "POST", "/v1/actions", {"tool": tool, "arguments": arguments})


def names():
    """Returns real names by the path, parameter or member they stand for."""
    read, held = propose("inventory.list_services"), propose("inventory.restart_service", service="web")
    assert read["verdict"] != "deny" and held["verdict"] == "escalate", (read, held)
    session = ask("agent", "POST", "/v1/sessions", {})["session"]
    key = ask("person", "POST", "/v1/keys", {"agent": "agent", "reason": "one to revoke"})["id"]
    ask("person", "POST", "/v1/switches", {"target": {"agent": "idle"}, "reason": "one to lift"})
    actions, case = [read["action"], held["action"]], held["approval"]["id"]
    return {
        "/v1/actions/{id}": actions, "/v1/actions/{id}/outcome": actions, "/v1/approvals/{id}": [case],
        "/v1/approvals/{id}/ballot": [case], "/v1/approvals/{id}/votes": [case], "/v1/keys/{id}": [key],
        "/v1/sessions/{id}": [session], "key": ["agent:idle"], "tool": ["inventory.restart_service", "inventory.list_services"],
        "name": ["1"], "path": ["0/000.p/5", "0/000", "entries/000"], "action": actions, "session": [session], "agent": ["agent"],
        "person": ["ben", "eve"], "to": ["ben", "eve"], "on_behalf_of": ["eve"], "class": ["read", "write"],
        "shown": [ask("person", "GET", f"/v1/approvals/{case}").get("shown", "")],
    }


def offer(schema, some):
    """Lets a schema of texts begin with real names."""
    kinds = schema.get("type", [])
    if some and isinstance(schema, dict) and "string" in ([kinds] if isinstance(kinds, str) else kinds) and "enum" not in schema:
        described = {k: schema[k] for k in ("description",) if k in schema}
        return {**described, "anyOf": [{"enum": some}, schema]}
    return schema


def main():
    known, document = names(), ask("person", "GET", "/v1/openapi.json")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                some = known.get(path) if parameter["name"] == "id" else known.get(parameter["name"])
                parameter["schema"] = offer(parameter["schema"], some)
                if parameter["name"] in WAITS:
                    parameter["schema"]["maximum"] = 50
    for schema in document["components"]["schemas"].values():
        for name, member in schema.get("properties", {}).items():
            schema["properties"][name] = offer(member, known.get(name))
            if name in WAITS:
                schema["properties"][name]["maximum"] = 50
    out.write_text(json.dumps(document))


main()
