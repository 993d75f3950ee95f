"""What webhooks of the registry are told: one story is played to two tracking servers, and what either delivers is held against the other.

    deliveries.py MLFLOW_URL OUR_URL OUR_KEY

Both servers must be allowed to reach this machine without TLS. Every delivery is verified here, by the formula that MLflow's documentation has.
"""
import base64
import datetime
import hashlib
import hmac
import json
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "a secret, é"
PROMPT = "mlflow.prompt.is_prompt"
EVENTS = {
    "REGISTERED_MODEL": ["CREATED"], "MODEL_VERSION": ["CREATED"], "MODEL_VERSION_TAG": ["SET", "DELETED"], "MODEL_VERSION_ALIAS": ["CREATED", "DELETED"],
    "PROMPT": ["CREATED"], "PROMPT_VERSION": ["CREATED"], "PROMPT_TAG": ["SET", "DELETED"], "PROMPT_VERSION_TAG": ["SET", "DELETED"],
    "PROMPT_ALIAS": ["CREATED", "DELETED"],
}
EVERY = [{"entity": entity, "action": action} for entity, actions in EVENTS.items() for action in actions]


class Receiver(BaseHTTPRequestHandler):
    """Takes what comes below a path; below `/flaky` it takes nothing the first time, and below `/teapot` it never does."""

    came, lock = {}, threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            before = self.came.setdefault(self.path, [])
            before.append((dict(self.headers), body))
            status = 418 if "teapot" in self.path else 503 if "flaky" in self.path and len(before) == 1 else 200
        self.send_response(status)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"heard")

    def log_message(self, *_):
        pass


class Server:
    def __init__(self, url, key=None):
        self.url, self.key = url.rstrip("/"), key

    def call(self, method, path, **body):
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.key}"} if self.key else {})}
        request = urllib.request.Request(f"{self.url}/api/2.0/mlflow/{path}", json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def hook(self, name, url, events, **more):
        return self.call("POST", "webhooks", name=name, url=url, events=events, **more)["webhook"]["webhook_id"]


def tag(key, value):
    return {"key": key, "value": value}


def story(server):
    model = lambda method, path, **body: server.call(method, f"registered-models/{path}", **body)
    version = lambda method, path, **body: server.call(method, f"model-versions/{path}", **body)
    model("POST", "create", name="plain")
    model("POST", "create", name="fraud", description="what it is", tags=[tag("team", "risk"), tag("a", "1"), tag("team", "credit")])
    version("POST", "create", name="fraud", source="s3://b/1")
    version("POST", "create", name="fraud", source="s3://b/é", description="the second", tags=[tag("k", "v"), tag("k", "w")])
    version("POST", "set-tag", name="fraud", version="1", key="k", value="v")
    version("POST", "set-tag", name="fraud", version="1", key="empty")
    version("DELETE", "delete-tag", name="fraud", version="1", key="k")
    model("POST", "set-tag", name="fraud", key="told", value="of no prompt")
    for number in ["1", "2", "2"]:
        model("POST", "alias", name="fraud", alias="champion", version=number)
    model("DELETE", "alias", name="fraud", alias="champion")
    model("POST", "create", name="greeting", description="", tags=[tag(PROMPT, "true"), tag("_mlflow_prompt_type", "text"), tag("tone", "warm")])
    prompt = [tag(PROMPT, "true"), tag("mlflow.prompt.text", "Hello {{name}}!"), tag("_mlflow_prompt_type", "text"), tag("x", "y")]
    version("POST", "create", name="greeting", source="dummy-source", tags=prompt)
    version("POST", "set-tag", name="greeting", version="1", key="k", value="v")
    version("DELETE", "delete-tag", name="greeting", version="1", key="k")
    model("POST", "set-tag", name="greeting", key="k", value="v")
    model("DELETE", "delete-tag", name="greeting", key="k")
    model("POST", "alias", name="greeting", alias="live", version="1")
    model("DELETE", "alias", name="greeting", alias="live")


TOLD = 19


def came(path):
    with Receiver.lock:
        return list(Receiver.came.get(path, []))


def until(what):
    for _ in range(600):
        if what():
            return
        time.sleep(0.1)
    raise SystemExit(f"it has not come to that: {({path: len(all) for path, all in Receiver.came.items()})}")


def read(headers, body):
    """Verifies a delivery and returns its id and what it says, without the time."""
    headers = {name.lower(): value for name, value in headers.items()}
    id, seconds = headers["x-mlflow-delivery-id"], headers["x-mlflow-timestamp"]
    signed = hmac.new(SECRET.encode(), f"{id}.{seconds}.".encode() + body, hashlib.sha256).digest()
    assert headers["x-mlflow-signature"] == "v1," + base64.b64encode(signed).decode(), headers
    assert abs(time.time() - int(seconds)) < 300 and headers["content-type"] == "application/json", headers
    said = json.loads(body)
    at = datetime.datetime.fromisoformat(said.pop("timestamp"))
    assert at.tzinfo and abs(at.timestamp() - time.time()) < 300, at
    return id, said


def play(server, base, name):
    server.hook("all", f"{base}/{name}", EVERY, secret=SECRET)
    server.hook("off", f"{base}/off-{name}", EVERY, status="DISABLED")
    server.hook("flaky", f"{base}/flaky-{name}", [{"entity": "PROMPT", "action": "CREATED"}], secret=SECRET)
    tried = [server.hook(f"tried-{kind}", f"{base}/{kind}-{name}", [EVERY[2]]) for kind in ["well", "teapot"]]
    story(server)
    until(lambda: len(came(f"/{name}")) >= TOLD and len(came(f"/flaky-{name}")) >= 2)
    time.sleep(1)
    results = [server.call("POST", f"webhooks/{id}/test", event=of) for id in tried for of in [EVERY[0], EVERY[9]]]
    examples = [json.loads(body) for kind in ["well", "teapot"] for headers, body in came(f"/{kind}-{name}") if "x-mlflow-signature" not in {h.lower() for h in headers}]
    read_all = [read(*one) for one in came(f"/{name}")]
    assert len({id for id, _ in read_all}) == len(read_all), "an id is given twice"
    flaky = [read(*one) for one in came(f"/flaky-{name}")]
    return {
        "told": sorted((said for _, said in read_all), key=lambda said: json.dumps(said, sort_keys=True)),
        "off": len(came(f"/off-{name}")),
        "again": [len({id for id, _ in flaky}), [said for _, said in flaky]],
        "tried": results,
        "examples": [{key: value for key, value in said.items() if key != "timestamp"} for said in examples if said["data"]["name"].startswith("example")],
    }


def main():
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{receiver.server_port}"
    theirs = play(Server(sys.argv[1]), base, "theirs")
    ours = play(Server(sys.argv[2], sys.argv[3]), base, "ours")
    for what in theirs:
        if theirs[what] != ours[what]:
            raise SystemExit(f"{what} differs:\n{json.dumps(theirs[what], sort_keys=True)}\n{json.dumps(ours[what], sort_keys=True)}")
    assert len(ours["told"]) == TOLD and ours["off"] == 0 and ours["again"][0] == 1, ours
    assert len(ours["examples"]) == 4, ours["examples"]
    print(f"webhooks: {len(ours['told'])} deliveries of each server, alike and verified; one refused for a time came again under its id; 4 tried alike")


main()
