"""Plays one scenario of requests to a tracking server and writes down every exchange, a JSON object a line.

    exchanges.py URL [KEY] > exchanges.jsonl

What the server names itself (runs, experiments) is written as the name that the scenario has for it, so that two servers can be held
against each other by `compare.py`. Nothing else is changed here.
"""
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

import artifacts
import registry
import traces
import webhooks

API = "/api/2.0/mlflow/"


class Server:
    def __init__(self, url, key):
        self.url, self.key, self.names, self.said = url, key, {}, 0

    def send(self, method, path, body=None, kind="application/json", headers=None):
        """Sends one request; returns its status, the kind of its body, and the body."""
        if not isinstance(body, (bytes, type(None))):
            body = json.dumps(body).encode()
        headers = {**({"Content-Type": kind} if kind and body is not None else {}), **(headers or {})}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        if not kind:
            request.add_unredirected_header("Content-Type", "")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers.get_content_type(), answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers.get_content_type(), error.read().decode()

    def named(self, text):
        for own, name in sorted(self.names.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(own, name)
        return text

    def call(self, method, path, body=None, learn=None, **options):
        """Plays an exchange and writes it down. `learn` is where in the answer an id stands, and what the scenario calls it."""
        full = path if path.startswith("/") else API + path
        status, kind, text = self.send(method, full, body, **options)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = text
        if learn and status == 200:
            place, name = learn
            found = answer
            for step in place.split("."):
                found = found[step]
            self.names[found] = name
        self.said += 1
        shown = body.decode(errors="replace") if isinstance(body, bytes) else body
        line = {"n": self.said, "method": method, "path": full, "body": shown, "status": status, "kind": kind, "answer": answer}
        if options:
            line["options"] = options
        print(self.named(json.dumps(line, sort_keys=True)))
        return answer

    def post(self, path, body=None, **options):
        return self.call("POST", path, {} if body is None else body, **options)

    def get(self, path, **fields):
        query = urllib.parse.urlencode(fields, doseq=True)
        return self.call("GET", f"{path}?{query}" if query else path)


def tag(key, value=None):
    return {"key": key} if value is None else {"key": key, "value": value}


def experiments(server):
    get, post = server.get, server.post
    for field in ["0", "abc", "99", "+0", "1_0", "", "99999999999999999999", " 0 "]:
        get("experiments/get", experiment_id=field)
    get("experiments/get", other="1")
    get("experiments/get")
    post("experiments/create", {"name": "first", "tags": [tag("z", "1"), tag("a", "2"), tag("m", "3")]})
    post("experiments/create", {"name": "first"})
    get("experiments/get", experiment_id="1")
    for name in ["x" * 501, "", None, 5, ["a"], {"a": 1}, True]:
        post("experiments/create", {"name": name})
    post("experiments/create", {})
    post("experiments/create", {"name": "twice", "tags": [tag("a", "1"), tag("a", "2")]})
    for bad in [tag("a$", "1"), tag("", "1"), tag("../a", "1"), tag("k" * 251, "1"), tag("k", "v" * 20_001), tag("/a", "1")]:
        post("experiments/create", {"name": "bad", "tags": [bad]})
    post("experiments/create", {"name": "stored", "artifact_location": "s3://bucket/path?x=1"})
    post("experiments/create", {"name": "bad", "artifact_location": "runs:/a/b"})
    post("experiments/create", {"name": "bad", "artifact_location": "s3://b/" + "p" * 2_100})
    post("experiments/create", {"name": " spaced "})
    post("experiments/create", {"name": "é 漢 💥"})
    for name in ["stored", " spaced ", "é 漢 💥", "spaced", "nobody", ""]:
        get("experiments/get-by-name", experiment_name=name)
    get("experiments/get-by-name")
    for wish in [
        {"experiment_id": "1", "new_name": "renamed"}, {"experiment_id": "1", "new_name": "Default"},
        {"experiment_id": "1", "new_name": "renamed"}, {"experiment_id": "1", "new_name": "x" * 501},
        {"experiment_id": "99", "new_name": "q"}, {"experiment_id": "abc", "new_name": "q"}, {"experiment_id": "1"},
        {"new_name": "q"}, {}, {"experiment_id": 1, "new_name": "q"}, {"experiment_id": "1", "new_name": 5},
    ]:
        post("experiments/update", wish)
    for wish in [
        {"experiment_id": "1", **tag("b", "x")}, {"experiment_id": "1", **tag("a")}, {"experiment_id": "1", **tag("b:c d/e", "x")},
        {"experiment_id": "1", **tag("/b", "x")}, {"experiment_id": "77", **tag("b", "x")}, {"experiment_id": "abc", **tag("b", "x")},
        {"experiment_id": "1"}, {**tag("b", "x")}, {"experiment_id": "1", **tag("k" * 251, "x")},
        {"experiment_id": "1", **tag("b", "v" * 20_001)}, {"experiment_id": "1", "key": 5, "value": "x"},
    ]:
        post("experiments/set-experiment-tag", wish)
    get("experiments/get", experiment_id="1")
    for wish in [
        {"experiment_id": "1", "key": "b"}, {"experiment_id": "1", "key": "b"}, {"experiment_id": "1"}, {"key": "b"},
        {"experiment_id": "99", "key": "b"}, {"experiment_id": "abc", "key": "b"},
    ]:
        post("experiments/delete-experiment-tag", wish)
    staged(server)


def staged(server):
    get, post = server.get, server.post
    post("experiments/create", {"name": "short-lived"})
    post("runs/create", {"experiment_id": "5", "start_time": 5, "run_name": "r"}, learn=("run.info.run_id", "<staged>"))
    for call in ["delete", "delete", "restore", "restore", "delete"]:
        post(f"experiments/{call}", {"experiment_id": "5"})
        get("experiments/get", experiment_id="5")
        server.call("GET", "runs/get?run_id=" + own(server, "<staged>"))
    for call in ["delete", "restore"]:
        for wish in [{}, {"experiment_id": "abc"}, {"experiment_id": "99"}, {"experiment_id": 5}, {"experiment_id": None}]:
            post(f"experiments/{call}", wish)
    post("runs/create", {"experiment_id": "5"})
    post("experiments/update", {"experiment_id": "5", "new_name": "q"})
    post("experiments/set-experiment-tag", {"experiment_id": "5", **tag("b", "x")})
    post("experiments/delete-experiment-tag", {"experiment_id": "5", "key": "b"})
    post("experiments/create", {"name": "short-lived"})
    post("runs/restore", {"run_id": own(server, "<staged>")})
    post("runs/set-tag", {"run_id": own(server, "<staged>"), **tag("k", "v")})
    post("experiments/restore", {"experiment_id": "5"})


def own(server, name):
    """Returns what the server calls what the scenario has a name for."""
    return next(own for own, known in server.names.items() if known == name)


def experiment_searches(server):
    many = {"max_results": 50}
    for wish in [
        {}, {"max_results": 2}, {"max_results": 0}, {"max_results": -1}, {"max_results": 50_001}, {"max_results": "2"}, {"max_results": "x"},
        {"max_results": 2, "page_token": "eyJvZmZzZXQiOiAyfQ=="}, {"max_results": 2, "page_token": "abc"},
        {"max_results": 2, "page_token": "e30="}, {"max_results": 2, "page_token": 5}, {**many, "view_type": "ALL"},
        {**many, "view_type": "DELETED_ONLY"}, {**many, "view_type": "NOBODY"}, {**many, "view_type": 3},
    ]:
        server.post("experiments/search", wish)
    for text in [
        "name LIKE '%e%'", "name like 'e%'", "name ILIKE 'S%'", "name = 'stored'", "name != 'stored'", "name > 'a'", "tags.x > 'a'",
        "tags.a = '2'", "tags.a != '2'", "tags.a LIKE '%'", "tags.`b:c d/e` = 'x'", "tag.a IS NULL", "tags.a IS NOT NULL",
        "creation_time > 0", "creation_time > 1.5", "creation_time = '5'", "last_update_time <= 5", "experiment_id = '1'", "experiment_id = 1",
        "experiment_id IN ('1', '3')", "experiment_id NOT IN ('1')", "experiment_id IN ('1', 'x')", "experiment_id = 'x'", "experiment_id LIKE '1'",
        "attribute.name = 'stored'", "attributes.name = 'stored'", "name = 'a' OR name = 'b'", "(name = 'a')", "name = 'stored' AND tags.a = '2'",
        "params.x = '1'", "name IN ('a')", "nobody = 'a'", "name = 'a", "   ", "name IS NULL", "name",
    ]:
        server.post("experiments/search", {**many, "filter": text})
    for order in [
        ["name"], ["name DESC"], ["name desc"], ["experiment_id"], ["experiment_id DESC"], ["creation_time", "name"], ["tags.x"], ["name", "name desc"],
        ["nobody"], ["name foo"], [""], "name", [5],
    ]:
        server.post("experiments/search", {**many, "order_by": order})
    server.get("experiments/search", max_results=3)
    server.get("experiments/search", max_results=3, order_by=["name DESC"], filter="name LIKE '%e%'")
    server.get("experiments/search")


def runs(server):
    get, post = server.get, server.post
    new = {"experiment_id": "1", "start_time": 1000, "user_id": "u", "run_name": "rn"}
    post("runs/create", {**new, "tags": [tag("z", "1"), tag("a", "2"), tag("mlflow.user", "bob")]}, learn=("run.info.run_id", "<run>"))
    run = own(server, "<run>")
    get("runs/get", run_id=run)
    get("runs/get", run_uuid=run)
    get("runs/get", run_id=run, run_uuid=run)
    named = tag("mlflow.runName", "b")
    for wish in [
        {**new, "run_name": "a", "tags": [named]}, {**new, "run_name": "b", "tags": [named]}, {"experiment_id": "1", "tags": [named]},
        {**new, "tags": [tag("x", "1"), tag("x", "2")]}, {}, {"experiment_id": "abc"}, {"experiment_id": "99"}, {"experiment_id": "1", "start_time": -5},
        {"experiment_id": "1", "run_name": "x" * 300}, {"experiment_id": "1", "start_time": "7", "run_name": "text"}, {"experiment_id": "1"},
        {"experiment_id": 1}, {"experiment_id": "1", "start_time": "soon"}, {"experiment_id": "1", "run_name": ["a"]}, {"experiment_id": "1", "tags": "a"},
        {"experiment_id": "0", "run_name": "zero"},
    ]:
        post("runs/create", wish)
    for id in ["nope", "abcde", "", "a" * 300]:
        get("runs/get", run_id=id)
    get("runs/get")
    for wish in [
        {"run_name": "", "status": "FINISHED", "end_time": 0}, {"run_name": "new", "end_time": 77}, {"status": "RUNNING"}, {"status": "NOBODY"}, {},
        {"end_time": "88"}, {"end_time": "x"}, {"status": "KILLED", "end_time": 99, "run_uuid": run}, {"status": ["A"]}, {"run_name": 5},
    ]:
        post("runs/update", {"run_id": run, **wish})
    for wish in [{"run_id": "nope", "status": "RUNNING"}, {"status": "RUNNING"}, {"run_uuid": run, "run_name": "by-uuid"}, {"run_id": 5}]:
        post("runs/update", wish)
    for call in ["delete", "delete", "restore", "restore"]:
        post(f"runs/{call}", {"run_id": run})
        get("runs/get", run_id=run)
    for call in ["delete", "restore"]:
        for wish in [{}, {"run_id": "nope"}, {"run_id": 5}, {"run_id": ""}]:
            post(f"runs/{call}", wish)
    post("runs/delete", {"run_id": run})
    for call, wish in [
        ("update", {"status": "FAILED"}), ("set-tag", tag("k", "v")), ("delete-tag", {"key": "a"}), ("log-parameter", tag("k", "v")),
        ("log-metric", {"key": "m", "value": 1, "timestamp": 1}), ("log-batch", {"tags": [tag("k", "v")]}), ("log-inputs", {}),
        ("outputs", {"models": []}), ("log-model", {"model_json": "{}"}),
    ]:
        post(f"runs/{call}", {"run_id": run, **wish})
    post("runs/restore", {"run_id": run})


def tags_and_params(server):
    get, post = server.get, server.post
    run = own(server, "<run>")
    for wish in [
        tag("mlflow.runName", "by tag"), tag("mlflow.runName", ""), tag("k$", ""), tag("k" * 251, ""), tag("long", "v" * 8_001), tag("./k", ""),
        tag("empty"), tag("é", "é"), tag("", "v"), {"value": "v"}, {"key": 5, "value": "v"}, {"key": "k", "value": 5}, tag("a b/c.d-e_f:g", "v"),
        tag("a//b", "v"), tag("a/", "v"), tag("..", "v"), tag("/", "v"),
    ]:
        post("runs/set-tag", {"run_id": run, **wish})
    post("runs/set-tag", {"run_id": "nope", **tag("k", "v")})
    post("runs/set-tag", {"run_uuid": run, **tag("by-uuid", "v")})
    post("runs/set-tag", tag("k", "v"))
    get("runs/get", run_id=run)
    for wish in [{"key": "none"}, {"key": "long"}, {"key": "mlflow.runName"}, {}, {"key": ""}, {"key": 5}]:
        post("runs/delete-tag", {"run_id": run, **wish})
    post("runs/delete-tag", {"run_id": "nope", "key": "a"})
    post("runs/delete-tag", {"key": "a"})
    get("runs/get", run_id=run)
    for wish in [
        tag("p", "1"), tag("p", "1"), tag("p", "2"), tag("p$", "2"), tag("k" * 251, "2"), tag("longp", "v" * 6_001), tag("longp", "v" * 6_002),
        tag("e"), tag("a/b", "x"), tag("a//b", "x"), tag("", "x"), {"value": "x"}, {"key": 5}, tag("it's", "x"), {"key": "n", "value": 5},
    ]:
        post("runs/log-parameter", {"run_id": run, **wish})
    post("runs/log-parameter", {"run_id": "nope", **tag("k", "v")})
    post("runs/log-parameter", tag("k", "v"))
    post("runs/log-parameter", {"run_uuid": run, **tag("by-uuid", "v")})
    get("runs/get", run_id=run)


def metrics(server):
    get, post = server.get, server.post
    run = own(server, "<run>")
    point = {"run_id": run, "key": "m", "value": 1, "timestamp": 10}
    for wish in [
        {}, {}, {"value": 2}, {"value": 5, "step": 1, "timestamp": 1}, {"value": 9, "step": 0, "timestamp": 99}, {"value": "NaN", "step": 2},
        {"value": "NaN", "step": 2}, {"value": "Infinity", "key": "inf"}, {"value": "-Infinity", "key": "ninf"}, {"key": "a$"}, {"key": ""},
        {"timestamp": -1}, {"key": "k" * 251}, {"key": "../x"}, {"step": -3, "key": "neg"}, {"run_id": "nope"}, {"key": "a b"},
        {"key": "a:b/c.d-e_f"}, {"key": "é"}, {"value": 1e308, "key": "big"}, {"value": -0.0, "key": "nil"}, {"value": 0.1, "key": "tenth"},
        {"value": "1.5", "key": "text"}, {"value": True, "key": "true"}, {"value": None}, {"timestamp": None}, {"step": None, "key": "stepless"},
        {"value": "x"}, {"value": []}, {"timestamp": "x"}, {"timestamp": "12", "key": "quoted"}, {"key": 5}, {"key": None}, {"run_id": None},
    ]:
        post("runs/log-metric", {**point, **wish})
    for gone in ["run_id", "key", "value", "timestamp"]:
        post("runs/log-metric", {key: value for key, value in point.items() if key != gone})
    for value in ["NaN", -1, 0, "NaN", 1]:
        post("runs/log-metric", {"run_id": run, "key": "order", "value": value, "timestamp": 1})
        get("runs/get", run_id=run)
    history = {"run_id": run, "metric_key": "m"}
    for wish in [
        {}, {"max_results": 2}, {"max_results": 2, "page_token": "eyJvZmZzZXQiOiAyfQ=="}, {"max_results": 4}, {"page_token": "zzz"}, {"page_token": "e30="},
        {"max_results": 0}, {"max_results": -1}, {"max_results": 25_000}, {"run_id": "nope"}, {"metric_key": "none"}, {"metric_key": "order"},
        {"metric_key": "inf"}, {"metric_key": "ninf"}, {"run_uuid": run}, {"metric_key": ""},
    ]:
        get("metrics/get-history", **{**history, **wish})
    get("metrics/get-history", metric_key="m", run_uuid=run)
    get("metrics/get-history", metric_key="m")
    get("metrics/get-history", run_id=run)


def batches(server):
    run = own(server, "<run>")

    def batch(**wish):
        server.post("runs/log-batch", {"run_id": run, **wish})

    def metric(key, value=1, timestamp=1, **more):
        return {"key": key, "value": value, "timestamp": timestamp, **more}

    batch(metrics=[metric("b2"), metric("b1"), metric("b2", 3), metric("b2")], params=[tag("bp2", "1"), tag("bp1", "2")],
          tags=[tag("bt2", "1"), tag("bt1", "1"), tag("bt2", "9")])
    batch(params=[tag("d", "1"), tag("d", "1")])
    batch(params=[tag("p", "zz"), tag("new1", "1")])
    batch(params=[tag("p", "1"), tag("new2", "1")])
    for bad in ["bad$", "", "k" * 251, "../k"]:
        batch(metrics=[metric("fine"), metric(bad)])
        batch(params=[tag("fine", "1"), tag(bad, "1")])
        batch(tags=[tag("fine", "1"), tag(bad, "1")])
    batch(params=[tag(f"q{n}", "1") for n in range(101)])
    batch(tags=[tag(f"q{n}", "1") for n in range(101)])
    batch(metrics=[metric(f"q{n}") for n in range(1_001)])
    batch(metrics=[metric(f"q{n}") for n in range(950)], params=[tag(f"q{n}", "1") for n in range(51)])
    batch(params=[tag("lp", "v" * 6_001)], tags=[tag("lt", "v" * 8_001)])
    batch(tags=[tag("mlflow.runName", "from a batch")])
    batch(metrics=[metric("fine"), metric("late", timestamp=-1)])
    batch(metrics=[metric("nan", "NaN"), metric("inf2", "Infinity", step=4)])
    batch(metrics=[{"value": 1, "timestamp": 1}])
    batch(metrics=[{"key": "m", "timestamp": 1}])
    batch(metrics=[{"key": "m", "value": 1}])
    batch(params=[{"value": "1"}])
    batch(tags=[{"value": "1"}])
    batch(metrics="x")
    batch(metrics={"a": 1})
    batch()
    for wish in [{"run_id": "bad$id"}, {"run_id": "nope"}, {"run_id": ""}, {"run_uuid": run}, {}, {"run_id": 5}]:
        server.post("runs/log-batch", {"tags": [], **wish})
    server.get("runs/get", run_id=run)


def inputs_and_outputs(server):
    run = own(server, "<run>")
    data = {"name": "d1", "digest": "x", "source_type": "local", "source": "s"}

    def inputs(*datasets, **wish):
        server.post("runs/log-inputs", {"run_id": run, "datasets": list(datasets), **wish})

    inputs({"dataset": data, "tags": [tag("mlflow.data.context", "train"), tag("b", "1"), tag("a", "1")]},
           {"dataset": {**data, "digest": "y", "schema": "sc", "profile": "pr"}})
    inputs({"dataset": {**data, "source": "other"}, "tags": [tag("mlflow.data.context", "eval")]})
    for bad in [{"name": "n" * 501}, {"digest": "n" * 37}, {"source": "s" * 65_536}]:
        inputs({"dataset": {**data, **bad}})
    for bad in [[tag("k", "v" * 501)], [tag("k" * 256, "v")], [tag("k", "v"), tag("k", "w")]]:
        inputs({"dataset": {**data, "digest": "z"}, "tags": bad})
    for wish in [{"run_id": "nope"}, {"run_id": "$"}, {"run_id": ""}]:
        inputs({"dataset": data}, **wish)
    inputs()
    server.post("runs/log-inputs", {})
    inputs(models=[{"model_id": "m-x"}])
    inputs(models=[{"model_id": "m-x"}, {"model_id": "m-a"}])
    for wish in [
        {"models": [{"model_id": "m-y", "step": 3}, {"model_id": "m-b"}]}, {"models": [{"model_id": "m-y", "step": 4}]}, {"models": []}, {},
        {"run_id": "nope", "models": []}, {"models": "x"}, {"run_id": "", "models": []},
    ]:
        server.post("runs/outputs", {"run_id": run, **wish})
    model = {"artifact_path": "a", "flavors": {"f": {"config": {"x": 1}, "y": 2}}, "utc_time_created": "t", "run_id": run, "model_uuid": "u"}
    for text in [
        json.dumps(model), json.dumps({**model, "artifact_path": "b", "flavors": {}}), "x", json.dumps({"artifact_path": "a"}), "",
        json.dumps({key: value for key, value in model.items() if key != "flavors"}),
    ]:
        server.post("runs/log-model", {"run_id": run, "model_json": text})
    server.post("runs/log-model", {"run_id": "nope", "model_json": json.dumps(model)})
    server.post("runs/log-model", {"model_json": json.dumps(model)})
    server.get("runs/get", run_id=run)


def run_searches(server):
    post = server.post
    searched = post("experiments/create", {"name": "searched"})["experiment_id"]
    rows = [
        dict(start=5, m=1, p="a", t="x", data=[("dsA", "train"), ("dsB", None)], status="FINISHED", end=100),
        dict(start=6, m="NaN", p="A", t="X", data=[("dsA", "eval")]),
        dict(start=9),
        dict(start=1, m=0, p="b%c", t="x_y"),
        dict(start=7, m=3, p="ab", t="yé"),
    ]
    for n, row in enumerate(rows):
        post("runs/create", {"experiment_id": searched, "start_time": row["start"], "run_name": f"N{n}", "user_id": f"u{n % 2}"},
             learn=("run.info.run_id", f"<R{n}>"))
        run = own(server, f"<R{n}>")
        if "m" in row:
            post("runs/log-batch", {"run_id": run, "metrics": [{"key": "m", "value": row["m"], "timestamp": 1}],
                                    "params": [tag("p", row["p"])], "tags": [tag("t", row["t"])]})
        for name, context in row.get("data", []):
            given = {"dataset": {"name": name, "digest": name.lower(), "source_type": "s", "source": "s"}}
            post("runs/log-inputs", {"run_id": run, "datasets": [{**given, "tags": [tag("mlflow.data.context", context)] if context else []}]})
        if "status" in row:
            post("runs/update", {"run_id": run, "status": row["status"], "end_time": row["end"]})
    post("runs/create", {"experiment_id": searched, "start_time": 3, "run_name": "gone"}, learn=("run.info.run_id", "<gone>"))
    post("runs/delete", {"run_id": own(server, "<gone>")})

    def search(**wish):
        post("runs/search", {"experiment_ids": [searched], **wish})

    ids = [own(server, f"<R{n}>") for n in range(len(rows))]
    for text in [
        "", "   ", "metrics.m >= 0", "metrics.m != 0", "metrics.m != 1", "metrics.m = 1", "metrics.m < 3", "metrics.zz != 1", "metrics.m > -1e3", "metrics.m > .5",
        "metric.m > 0.5 and params.p = 'ab'", "params.p = 'a'", "params.p != 'a'", "params.p LIKE 'a%'", "params.p ILIKE 'a%'", "params.p like '%\\%%'",
        "params.p IS NULL", "params.p IS NOT NULL", "parameters.p = \"a\"", "tags.t LIKE 'x_y'", "tags.t ILIKE 'YÉ'", "tag.t = 'x'", "tags.t is null",
        "end_time != 5", "start_time >= 5.5", "start_time >= 5", "attributes.start_time < 7", "status = 'finished'", "status ILIKE 'finished'",
        "attribute.status = 'FINISHED'", "run_name != 'N1'", "run_name LIKE 'N%'", "`Run Name` = 'N2'", "user_id = 'u1'", "attr.user_id != 'u1'",
        "dataset.name = 'dsA'", "dataset.name != 'dsA'", "datasets.digest IN ('dsb')", "dataset.context = 'eval'", "dataset.context != 'train'",
        "dataset.name = 'dsB' AND dataset.context = 'train'", "params.p LIKE 'a%' AND params.p LIKE '%b'", f"run_id = '{ids[0]}'",
        f"run_id IN ('{ids[0]}', '{ids[3]}')", f"run_id NOT IN ('{ids[0]}')", "artifact_uri LIKE '%artifacts'", "created > 5", "AND metrics.m > 0", "metrics.m > 0 AND",
        "metrics.m > 0 OR metrics.m < 5", "(metrics.m > 0)", "metrics.m > '1'", "params.p = 1", "params.p > 'a'", "metrics.m LIKE 'x'", "tags.t IN ('x')",
        "status IN ('FINISHED')", "nobody = 'a'", "foo.bar = 'a'", "dataset.foo = 'a'", "metrics.m == 1", "metrics.m <> 1", "metrics.a/b > 1", "metrics.`a/b` > 1",
        "metrics.m", "metrics.m >", "1 < metrics.m", "params.p = params.q", "params.p = `a`", "run_id IN ()", "run_id IN (1, 2)", "metrics.m IS NULL", "params.p = 'it''s'",
        "metrics.m BETWEEN 1 AND 2", "params.p = 'a", "metrics.m > 0;", "metrics.m > 0; metrics.m > 1", "tags.`t` = 'x'", "tags.\"t\" = 'x'", "end_time = 100",
    ]:
        search(filter=text)
    for order in [
        ["metrics.m"], ["metrics.m DESC"], ["params.p"], ["params.p DESC"], ["tags.t", "metrics.m desc"], ["start_time"], ["end_time"], ["end_time desc"], ["status"],
        ["metrics.zz"], ["run_name"], ["attributes.run_name DESC"], ["start_time", "created"], ["nobody"], ["dataset.name"], ["metrics.m foo"], [" metrics.m"],
        [""], "start_time", [5], ["user_id", "start_time ASC"],
    ]:
        search(order_by=order)
    for wish in [
        {"max_results": 2}, {"max_results": 2, "page_token": "eyJvZmZzZXQiOiAyfQ=="}, {"max_results": 2, "page_token": "eyJvZmZzZXQiOiA0fQ=="}, {"max_results": 5},
        {"max_results": 0}, {"max_results": -1}, {"max_results": 50_001}, {"max_results": "2"}, {"max_results": "x"}, {"page_token": "abc"},
        {"page_token": "e30="}, {"run_view_type": "ALL"}, {"run_view_type": "DELETED_ONLY"}, {"run_view_type": "NOBODY"}, {"experiment_ids": []},
        {"experiment_ids": ["abc"]}, {"experiment_ids": ["99"]}, {"experiment_ids": [searched, "0"]}, {"experiment_ids": "1"}, {"filter": 5},
    ]:
        search(**wish)
    post("runs/search", {})


def transport(server):
    """What comes before any call: how a body is written, what it is called, and paths that lead nowhere."""
    create = API + "experiments/create"
    server.call("POST", create, b"", kind="application/json")
    server.call("POST", create, b"not json", kind="application/json")
    server.call("POST", create, b"null", kind="application/json")
    server.call("POST", create, b'{"name": "kind"}', kind="text/plain")
    server.call("POST", create, b'{"name": "charset"}', kind="application/json; charset=utf-8")
    server.call("POST", create, b'{"name": "twice", "name": "last"}', kind="application/json")
    server.call("POST", create, b'{"name": "unknown field", "nobody": [1, {"a": null}]}', kind="application/json")
    server.call("GET", "/health")
    server.call("GET", "/version")


def main():
    server = Server(sys.argv[1].rstrip("/"), sys.argv[2] if len(sys.argv) > 2 else None)
    for scene in [experiments, experiment_searches, runs, tags_and_params, metrics, batches, inputs_and_outputs, run_searches, artifacts.play, *registry.SCENES, *traces.SCENES, transport, webhooks.play]:
        scene(server)


main()
