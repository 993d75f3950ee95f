"""An agent over HTTP that brings secrets along: `canary_calls.py FILE UP TOKEN TOOL FIELD`.

FILE is where the canaries are written, UP what `countersign up --json` has printed, TOKEN a file with what `key create --json` has,
TOOL a tool of which the catalogue calls the argument FIELD secret. Opens a session, proposes calls with secrets that the
catalogue, their names and nothing at all know (the tool is unknown), and closes it; prints the session and the actions.
"""

import json
import pathlib
import secrets
import sys
import urllib.error
import urllib.request

file, up, token, tool, field = sys.argv[1:]
names = ["by catalogue", "by name", "by name in a list", "inside a text", "of an unknown tool", "metadata of a session", "task of a session"]
canaries = {name: f'c"{secrets.token_urlsafe(18)}/é' for name in names} | {"number": str(secrets.randbelow(8 * 10**15) + 10**15)}
url = json.loads(pathlib.Path(up).read_text())["url"]
key = json.loads(pathlib.Path(token).read_text())["token"]
pathlib.Path(file).write_text(json.dumps(canaries | {"key of the agent": key}))


def ask(method, path, body=None):
    head = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(url + path, json.dumps(body).encode() if body else None, head, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or "{}")
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}")


session = ask("POST", "/v1/sessions", {
    "task": {"prompt": f"log in with {canaries['metadata of a session']} and look around"},
    "metadata": {"api_key": canaries["metadata of a session"], "run": 7},
})["session"]
other = ask("POST", "/v1/sessions", {"task": {"prompt": json.dumps({"do": "look around", "password": canaries["task of a session"]})}})["session"]
arguments = {
    field: canaries["by catalogue"],
    "password": canaries["by name"],
    "deep": [{"apiKey": canaries["by name in a list"], "pin_code": 1, "token": int(canaries["number"])}],
    "body": json.dumps({"password": canaries["inside a text"]}),
}
said = ask("POST", "/v1/actions", {"tool": tool, "arguments": arguments, "session": session})
unknown = ask("POST", "/v1/actions", {"tool": "nobody.knows", "arguments": {"value": canaries["of an unknown tool"]}, "session": session})
for one in (session, other):
    ask("DELETE", f"/v1/sessions/{one}")
print(json.dumps({"sessions": [session, other], "said": [said, unknown]}))
