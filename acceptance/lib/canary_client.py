"""An agent over stdio that brings secrets along: `canary_client.py FILE COMMAND…`, COMMAND being `countersign wrap …`.

What comes back is for the agent and is written nowhere; standard output says only what was called and how it ended. Reads
what to do from standard input, a line each: `call TOOL MODE`, `leave TOOL MODE` (not waiting for an answer), `cancel`,
`read URI`, `wait`.
"""

import json
import subprocess
import sys

CANARIES = json.loads(open(sys.argv[1]).read())
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
last = 0


def arguments(mode):
    return {
        "mode": mode,
        "note": CANARIES_SEEN,
        "password": CANARIES["argument named"],
        "pin": int(CANARIES["argument number"]),
        "box": {"inside": [CANARIES["argument object"], {"n": int(CANARIES["argument deep number"])}]},
        "codes": [CANARIES["argument list"]],
        "deep": [{"apiKey": CANARIES["argument deep"]}],
        "body": json.dumps({"password": CANARIES["argument inside a text"]}),
    }


CANARIES_SEEN = "a note that anybody may see"


def send(message):
    child.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    child.stdin.flush()


def request(method, params):
    global last
    last += 1
    send({"id": last, "method": method, "params": params})
    return last


def wait(number):
    """Waits for the answer to a request, and answers what the server asks in between."""
    while True:
        line = child.stdout.readline()
        if not line:
            return "the connection ended"
        message = json.loads(line)
        if "method" in message and "id" in message:
            send({"id": message["id"], "result": {"action": "accept", "content": {"password": CANARIES["answer of a person"]}}})
        elif message.get("id") == number:
            error = message.get("error")
            if error:
                return f"error {error['code']} {(error.get('data') or {}).get('code', '')}"
            return "isError" if message["result"].get("isError") else "done"


def call(tool, mode):
    params = {"name": tool, "arguments": arguments(mode), "_meta": {"progressToken": "p"}}
    params["arguments"]["_countersign"] = {"purpose": f"log in with {CANARIES['argument named']}"}
    return request("tools/call", params)


hello = {"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}}, "clientInfo": {"name": "agent", "version": "1"}}
wait(request("initialize", hello))
send({"method": "notifications/initialized"})
waiting = None
for line in sys.stdin:
    words = line.split()
    if words[0] == "call":
        print(words[1], words[2], wait(call(words[1], words[2])), flush=True)
    elif words[0] == "leave":
        waiting = call(words[1], words[2])
        print(words[1], words[2], "is left", flush=True)
    elif words[0] == "wait":
        print("which", wait(waiting), flush=True)
    elif words[0] == "cancel":
        send({"method": "notifications/cancelled", "params": {"requestId": waiting}})
        print("which is cancelled", flush=True)
    elif words[0] == "read":
        print("read", wait(request("resources/read", {"uri": words[1]})), flush=True)
child.stdin.close()
child.wait(timeout=20)
