"""Writes the contract as the fuzzer is to read it: the served document, with real identifiers among the texts to try.

seed.py URL KEYS OUT: makes an action, a held one that a reviewer is asked about, a session, a key, a switch, a permission, a broken glass and
an open breaker by the keys in the folder KEYS, and puts their names beside whatever else schemathesis thinks of, for parameters and members of
the same name, and keeps waits short. An operation that is about one of them gets an example that succeeds, for whoever may. The rest stays
as it is served.
"""

import json
import pathlib
import sys
import urllib.request

url, keys, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])

# Where it is asked to, the server waits up to minutes, which proves nothing.
WAITS = ("wait_ms", "hold_ms")


# The bodies of examples. Those that name what is made here are added where it is.
EXAMPLES = {
    "POST /v1/break-glass/{glass}/confirm": {"reason": "I see it too"},
    "POST /v1/break-glass/{glass}/end": {"reason": "it is over"},
    "POST /v1/break-glass/{glass}/review": {"findings": "nothing ran under it"},
    "POST /v1/breakers/reset": {"breaker": "lookups", "agent": "agent", "tool": "inventory.get_service", "reason": "it is back"},
    "DELETE /v1/keys/{id}": {"reason": "not needed"},
    "DELETE /v1/permissions/{id}": {"reason": "not needed"},
}


def ask(who, method, path, body=None):
    headers = {"authorization": f"Bearer {(keys / who).read_text().strip()}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    answer = urllib.request.urlopen(urllib.request.Request(url + path, data, headers, method=method), timeout=20).read()
    return json.loads(answer) if answer else {}


def propose(tool, **arguments):
    return ask("agent", "POST", "/v1/actions", {"tool": tool, "arguments": arguments})


def given_permission():
    """Asks for a permission, has it approved, and uses it once; returns its id."""
    terms = {"tool": "inventory.scale_service", "arguments": {"service": "web", "replicas": 3}, "minutes": 60, "uses": 10,
             "bounds": {"replicas": {"between": {"from": 1, "to": 9}}}, "purpose": "one to revoke"}
    case = ask("agent", "POST", "/v1/permission-requests", terms)["approval"]["id"]
    vote(case)
    ask("agent", "POST", "/v1/permission-requests", terms)
    used = propose("inventory.scale_service", service="web", replicas=4)
    assert used["verdict"] == "allow_observed", used
    [permission] = ask("person", "GET", "/v1/permissions")["permissions"]
    assert permission["uses_left"] == 9, permission
    return permission["id"]


def vote(case):
    shown = ask("approver", "GET", f"/v1/approvals/{case}")["shown"]
    ask("approver", "POST", f"/v1/approvals/{case}/votes", {"vote": "approve", "reason": "for the fuzzer", "shown": shown})


def broken_glass():
    """Breaks the glass with the keys of two people; a third is left to review it. Returns its id."""
    wanted = {"agent": "agent", "tool": "inventory.draft_mail", "minutes": 60, "reason": "one to end"}
    glass = ask("person", "POST", "/v1/break-glass", wanted)["id"]
    state = ask("helper", "POST", f"/v1/break-glass/{glass}/confirm", {"reason": "I see it too"})["state"]
    assert state == "in_force", state
    return glass


def open_breaker():
    """Has a call fail, which opens its circuit."""
    failed = propose("inventory.get_service", service="web")["action"]
    ask("agent", "POST", f"/v1/actions/{failed}/outcome", {"status": "failed", "error": "no such service"})
    states = {breaker["breaker"]: breaker["state"] for breaker in ask("person", "GET", "/v1/breakers")["circuits"]}
    assert states["lookups"] == "open", states


def names():
    """Returns real names by the path, parameter or member they stand for."""
    read, held = propose("inventory.list_services"), propose("inventory.restart_service", service="web")
    assert read["verdict"] != "deny" and held["verdict"] == "escalate", (read, held)
    # One for the examples, which close it, and one for what is drawn after them.
    other = propose("inventory.restart_service", service="search")["approval"]["id"]
    session = ask("agent", "POST", "/v1/sessions", {})["session"]
    key = ask("person", "POST", "/v1/keys", {"agent": "agent", "reason": "one to revoke"})["id"]
    ask("person", "POST", "/v1/switches", {"target": {"agent": "idle"}, "reason": "one to lift"})
    actions, case = [read["action"], held["action"]], held["approval"]["id"]
    permission, glass = given_permission(), broken_glass()
    open_breaker()
    shown = ask("person", "GET", f"/v1/approvals/{case}")["shown"]
    asked = [one["id"] for one in ask("reviewer", "GET", "/v1/reviews")["open"]]
    assert {case, other} <= set(asked) and ask("reviewer", "GET", f"/v1/reviews/{case}")["shown"] == shown, asked
    EXAMPLES["POST /v1/approvals/{id}/votes"] = {"vote": "approve", "reason": "it is needed", "shown": shown}
    EXAMPLES["POST /v1/reviews/{id}"] = {"advice": "on", "reason": "for people", "shown": shown}
    return {
        "/v1/actions/{id}": actions, "/v1/actions/{id}/outcome": actions, "/v1/approvals/{id}": [case, other],
        "/v1/approvals/{id}/ballot": [case, other], "/v1/approvals/{id}/votes": [case, other], "/v1/keys/{id}": [key],
        "/v1/sessions/{id}": [session], "/v1/permissions/{id}": [permission], "/v1/reviews/{id}": [case, other], "glass": [glass],
        "key": ["agent:idle"], "breaker": ["lookups", "destructive"],
        "tool": ["inventory.restart_service", "inventory.list_services", "inventory.get_service"],
        "name": ["1"], "path": ["0/000.p/5", "0/000", "entries/000"], "action": actions, "session": [session], "agent": ["agent"],
        "person": ["ben", "eve"], "to": ["ben", "eve"], "on_behalf_of": ["eve"], "class": ["read", "write"],
        "shown": [shown, ask("person", "GET", f"/v1/approvals/{other}")["shown"]],
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
        for method, operation in operations.items():
            example = EXAMPLES.get(f"{method.upper()} {path}")
            if example:
                operation["requestBody"]["content"]["application/json"]["example"] = example
            for parameter in operation.get("parameters", []):
                some = known.get(path) if parameter["name"] == "id" else known.get(parameter["name"])
                if example and some:
                    parameter["example"] = some[0]
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
