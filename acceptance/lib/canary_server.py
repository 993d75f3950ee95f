"""An MCP server over stdio whose tools take and give secrets, and say them aloud where a careless server would.

What it gives away of itself is read from the file that CANARY_FILE names; CANARY_CREDENTIAL is its own credential.
"""

import json
import os
import sys
import time

CANARIES = json.loads(open(os.environ["CANARY_FILE"]).read())

ARGUMENTS = {
    "type": "object",
    "required": ["mode"],
    "properties": {
        "mode": {"type": "string"},
        "note": {"type": "string"},
        "password": {"type": "string"},
        "pin": {"type": "integer", "writeOnly": True},
        "box": {"type": "object", "x-secret": True},
        "codes": {"type": "array", "items": {"type": "string", "format": "password"}},
        "deep": {"type": "array", "items": {"type": "object", "properties": {"apiKey": {"type": "string"}}}},
    },
}
RESULTS = {
    "type": "object",
    "properties": {
        "session": {"x-secret": True},
        "token": {"type": "string"},
        "numbers": {"type": "array", "items": {"type": "integer", "writeOnly": True}},
        "note": {"type": "string"},
    },
}


def tool(name, **hints):
    return {"name": name, "description": f"Does {name}", "inputSchema": ARGUMENTS, "outputSchema": RESULTS, "annotations": hints}


TOOLS = [
    tool("peek", readOnlyHint=True),
    tool("store", readOnlyHint=False, destructiveHint=False),
    tool("burn", readOnlyHint=False, destructiveHint=True),
]


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def receive():
    line = sys.stdin.readline()
    if not line:
        raise SystemExit
    return json.loads(line)


def given(note):
    return {
        "session": {"id": CANARIES["result object"], "again": [CANARIES["result list"]]},
        "token": CANARIES["result named"],
        "numbers": [int(CANARIES["result number"])],
        "note": note,
    }


def ask(arguments):
    """Asks the person for a password, with the arguments in the question, and waits for the answer."""
    schema = {"type": "object", "properties": {"password": {"type": "string"}}}
    message = f"is {arguments['password']} wrong, or {arguments['pin']}?"
    send({"id": "q", "method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}})
    while True:
        answer = receive()
        if answer.get("id") == "q":
            return answer


def call(params):
    arguments, mode = params["arguments"], params["arguments"]["mode"]
    everything = json.dumps(arguments)
    if mode == "error":
        return {"error": {"code": -32000, "message": f"bad login {everything}", "data": {"echo": arguments, "token": CANARIES["result named"]}}}
    if mode == "failed":
        return {"result": {"content": [{"type": "text", "text": f"no: {everything}"}], "isError": True}}
    if mode == "progress":
        token = params.get("_meta", {}).get("progressToken")
        send({"method": "notifications/progress", "params": {"progressToken": token, "progress": 1, "message": everything}})
    if mode == "loud":
        print(f"got {everything}, my own is {os.environ['CANARY_CREDENTIAL']}", file=sys.stderr, flush=True)
        sys.stdout.write(f"this is no message: {everything}\n")
    if mode == "ask":
        ask(arguments)
    if mode == "late":
        time.sleep(5)
    if mode == "slow":
        time.sleep(60)
    if mode == "die":
        print(f"died with {everything}", file=sys.stderr, flush=True)
        os._exit(3)
    structured = given(arguments.get("note", ""))
    texts = [json.dumps(structured), f"in plain words: {structured['session']}, {everything}"]
    content = [{"type": "text", "text": text} for text in texts]
    return {"result": {"content": content, "structuredContent": structured}}


def answer(message):
    method = message["method"]
    if method == "initialize":
        capabilities = {"tools": {}, "resources": {}}
        return {"result": {"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": {"name": "vault", "version": "1"}}}
    if method == "tools/list":
        return {"result": {"tools": TOOLS}}
    if method == "tools/call":
        return call(message["params"])
    if method == "resources/read":
        text = f"the resource says {CANARIES['resource text']}"
        inner = json.dumps({"password": CANARIES["resource named"]})
        return {"result": {"contents": [{"uri": "vault://a", "text": text}, {"uri": "vault://b", "text": inner}]}}
    return {"error": {"code": -32601, "message": "no such method"}}


while True:
    request = receive()
    if "id" in request and "method" in request:
        send({"id": request["id"], **answer(request)})
