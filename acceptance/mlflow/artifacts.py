"""The part of the scenario that is about logged models and artifacts: `exchanges.py` plays it."""
import base64
import json
import urllib.parse

FILES = "/api/2.0/mlflow-artifacts/artifacts"


def tag(key, value=None):
    return {"key": key} if value is None else {"key": key, "value": value}


def own(server, name):
    return next(key for key, known in server.names.items() if known == name)


def logged_models(server):
    get, post = server.get, server.post
    experiment = post("experiments/create", {"name": "of models"})["experiment_id"]
    gone = post("experiments/create", {"name": "of no models"})["experiment_id"]
    post("experiments/delete", {"experiment_id": gone})

    def create(learn=None, **wish):
        return post("logged-models", {"experiment_id": experiment, **wish}, learn=("model.info.model_id", learn) if learn else None)

    create("<M0>", name="first", model_type="agent", source_run_id="r1", params=[tag("z", "1"), tag("a", "2")],
           tags=[tag("t2", "x"), tag("t1", "y"), tag("empty")])
    create("<M1>", name="second")
    create("<M2>", name="third", params=[tag("a", "3")], tags=[tag("t1", "z")])
    create("<M3>", name="fourth")
    post("logged-models", {"experiment_id": "0"}, learn=("model.info.model_id", "<unnamed>"))
    server.call("DELETE", f"logged-models/{own(server, '<unnamed>')}")
    for name in ["a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", 5, ["x"]]:
        create(name=name)
    create(params=[tag("a", "1"), tag("a", "2")])
    create(tags=[tag("a", "1"), tag("a", "1")])
    for wish in [{"experiment_id": "99"}, {"experiment_id": "abc"}, {"experiment_id": gone}, {"experiment_id": ""}, {"experiment_id": 5}]:
        post("logged-models", {**wish, "name": "n"})
    post("logged-models", {})
    models = [own(server, f"<M{n}>") for n in range(4)]
    for model in [models[0], models[1], "m-none", "x"]:
        get(f"logged-models/{model}")
    get("logged-models/search")
    get("logged-models/search", allow_deleted="true")
    get("logged-models/search", filter="name = 'first'")
    metrics(server, experiment, models)
    # Tags and parameters, as they come and go.
    first = f"logged-models/{models[0]}"
    patch = lambda path, body: server.call("PATCH", path, body)
    for body in [{"tags": [tag("t1", "new"), tag("t3", "a"), tag("t3", "b")]}, {"tags": []}, {}, {"tags": "x"}, {"tags": [tag("no value")]}]:
        patch(f"{first}/tags", body)
    patch("logged-models/m-none/tags", {"tags": [tag("a", "1")]})
    for path in [f"{first}/tags/t3", f"{first}/tags/t3", "logged-models/m-none/tags/a", f"{first}/tags/no%20value"]:
        server.call("DELETE", path)
    for body in [{"params": [tag("p", "1")]}, {"params": [tag("p", "2")]}, {"params": [tag("q")]}, {"params": []}, {"params": "x"}]:
        post(f"{first}/params", {"model_id": models[0], **body})
    post(f"{first}/params", {"params": [tag("r", "1")]})
    post("logged-models/m-none/params", {"model_id": "m-none", "params": [tag("a", "1")]})
    get(first)
    searches(server, experiment, gone, models)
    # How a model stands.
    patch(f"logged-models/{models[1]}", {"model_id": models[1], "status": "LOGGED_MODEL_PENDING"})
    for status in ["LOGGED_MODEL_UPLOAD_FAILED", 1, 3, "1", "LOGGED_MODEL_NOBODY", 99, None, []]:
        patch(f"logged-models/{models[3]}", {"model_id": models[3], "status": status})
    patch(f"logged-models/{models[3]}", {"status": "LOGGED_MODEL_READY"})
    patch(f"logged-models/{models[3]}", {"model_id": models[3]})
    patch("logged-models/m-none", {"model_id": "m-none", "status": "LOGGED_MODEL_READY"})
    patch(f"logged-models/{models[3]}", {"model_id": models[3], "status": "LOGGED_MODEL_READY"})
    patch(f"logged-models/{models[3]}", {"model_id": models[3], "status": "LOGGED_MODEL_READY"})
    patch(f"logged-models/{models[3]}", {"model_id": models[3], "status": "LOGGED_MODEL_PENDING"})
    patch(f"logged-models/{models[1]}", {"model_id": models[3], "status": "LOGGED_MODEL_PENDING"})
    for model in [models[2], models[2], "m-none"]:
        server.call("DELETE", f"logged-models/{model}")
    get(f"logged-models/{models[2]}")
    get(f"logged-models/{models[2]}", allow_deleted="true")
    get(f"logged-models/{models[2]}", allow_deleted="TRUE")
    get(f"logged-models/{models[2]}", allow_deleted="false")
    get(f"logged-models/{models[2]}/artifacts/directories")
    patch(f"logged-models/{models[2]}/tags", {"tags": [tag("late", "1")]})
    patch(f"logged-models/{models[2]}", {"model_id": models[2], "status": "LOGGED_MODEL_UPLOAD_FAILED"})
    post("logged-models/search", {"experiment_ids": [experiment], "filter": "name != 'fourth'", "order_by": [{"field_name": "name"}]})


def metrics(server, experiment, models):
    post = server.post
    post("runs/create", {"experiment_id": experiment, "start_time": 5, "run_name": "of models"}, learn=("run.info.run_id", "<of models>"))
    run = own(server, "<of models>")

    def log(model, value, step=0, **more):
        post("runs/log-metric", {"run_id": run, "key": "auc", "value": value, "timestamp": 7, "step": step, "model_id": model, **more})

    on = {"dataset_name": "d", "dataset_digest": "x"}
    log(models[0], 0.5)
    log(models[0], 0.5)
    log(models[0], 0.6)
    log(models[0], 0.7, 1, **on)
    log(models[0], 0.7, 1)
    log(models[2], 0.9, 1, dataset_name="d", dataset_digest="y")
    log(models[2], "Infinity", 2)
    log("m-none", 1)
    log("", 1, 9)
    log(models[1], 1, 3, dataset_name="d")
    log(models[1], 1, 3, dataset_digest="x")
    post("runs/log-metric", {"run_id": "nope", "key": "$", "value": 1, "timestamp": 7, "model_id": models[0]})
    post("runs/log-metric", {"run_id": run, "key": "k", "value": 1, "timestamp": 7, "model_id": 5})
    point = {"key": "batched", "value": 2, "timestamp": 8}
    post("runs/log-batch", {"run_id": run, "metrics": [{**point, "model_id": models[0]}, {**point, "model_id": models[1], "step": 4, **on}, point]})
    for model in [models[0], models[1], models[2]]:
        server.get(f"logged-models/{model}")
    server.get("runs/get", run_id=run)
    server.get("metrics/get-history", run_id=run, metric_key="auc")


def searches(server, experiment, gone, models):
    def search(**wish):
        return server.post("logged-models/search", {"experiment_ids": [experiment], "order_by": [{"field_name": "name"}], **wish})

    for text in [
        "name = 'first'", "attributes.name = 'first'", "name != 'first'", "name LIKE 'f%'", "name like 'F%'", "name ILIKE 'F%'", "name IN ('first', 'third')",
        "name NOT IN ('first')", "params.a = '2'", "params.a = 2", "params.a != '2'", "params.nobody = '1'", "params.`a` = '2'", "tags.t1 = 'z'", "tags.t1 LIKE '%'",
        "metrics.auc > 0.6", "metrics.auc >= 0.5", "metrics.auc < 0.6 AND metrics.auc > 0.6", "metrics.auc != 0.5", "metrics.nobody != 1", "metrics.batched = 2.0",
        "model_type = 'agent'", "model_type = ''", "source_run_id = 'r1'", "source_run_id = ''", "status = 1", "status = '1'", "status = 2", "lifecycle_stage = 'active'",
        f"experiment_id = '{experiment}'", f"model_id = '{models[0]}'", "artifact_location LIKE 'mlflow-artifacts:%'", "creation_time > 0", "creation_timestamp > 1000",
        "last_updated_timestamp < 5", "name = 'first' AND params.a = '2'", "name = \"first\"", "  ", "name = 'first' OR name = 'third'", "(name = 'first')", "name",
        "attribute.name = 'first'", "metric.auc > 1", "params.a > '1'", "metrics.auc LIKE '1'", "creation_time = 'x'", "metrics.auc > 'x'", "nobody = 'x'", "name IS NULL",
        "name = 'a'; name = 'b'", "tags.t1 IN ('y')", "name = 'it''s'", "status > 1",
    ]:
        search(filter=text)
    for order in [
        [{"field_name": "name", "ascending": False}], [{"field_name": "metrics.auc"}, {"field_name": "name"}], [{"field_name": "metrics.auc", "ascending": False}, {"field_name": "name"}],
        [{"field_name": "metrics.auc", "dataset_name": "d", "dataset_digest": "x"}, {"field_name": "name"}], [{"field_name": "attributes.name"}], [{"field_name": "params.a"}],
        [{"field_name": "nobody"}], [{"field_name": "status"}, {"field_name": "name"}], [{"field_name": "name"}, {"field_name": "name", "ascending": False}], [{"field_name": ""}], "name",
        [{"field_name": "source_run_id"}, {"field_name": "name"}], [{"field_name": "model_type", "ascending": False}, {"field_name": "name"}],
    ]:
        search(order_by=order)
    on = {"dataset_name": "d", "dataset_digest": "x"}
    for datasets in [[on], [{"dataset_name": "d", "dataset_digest": "y"}], [on, {"dataset_name": "d", "dataset_digest": "y"}], [{}], [{"dataset_name": ""}], [{"dataset_digest": "x"}], [], "x",
                     [{"dataset_name": "nobody", "dataset_digest": "x"}]]:
        search(datasets=datasets)
        search(datasets=datasets, filter="metrics.auc > 0.1")
    order = [{"field_name": "name", "ascending": True, "dataset_name": None, "dataset_digest": None}]
    token = lambda **parts: base64.b64encode(json.dumps({"experiment_ids": [experiment], "filter_string": None, "order_by": order, "offset": 2, **parts}).encode()).decode()
    search(max_results=2)
    for wish in [
        {"page_token": token()}, {"page_token": token(filter_string="name = 'x'")}, {"page_token": token(experiment_ids=["9"])}, {"page_token": token(order_by=None)}, {"page_token": ""},
        {"page_token": token(), "filter": "name = 'first'"}, {"page_token": token(offset=99)}, {"page_token": base64.b64encode(b"x").decode()},
    ]:
        search(max_results=2, **wish)
    for most in [1, 4, 0, "2", "x", 5]:
        search(max_results=most)
    for ids in [[], ["abc"], ["99"], [gone], [experiment, "0"], "1", [5]]:
        search(experiment_ids=ids)
    server.post("logged-models/search", {})
    search(filter=5)


def files(server):
    get, post = server.get, server.post
    put = lambda path, body, **more: server.call("PUT", f"{FILES}/{path}", body, kind=None, **more)
    delete = lambda path: server.call("DELETE", f"{FILES}/{path}")
    read = lambda path: server.call("GET", f"{FILES}/{path}")
    files_of = lambda run, path: get("artifacts/list", run_id=run) if path is None else server.call("GET", f"artifacts/list?{urllib.parse.urlencode({'run_id': run, 'path': path})}")
    listed = lambda path: server.call("GET", f"{FILES}?{urllib.parse.urlencode({'path': path})}")
    experiment = post("experiments/create", {"name": "of files"})["experiment_id"]
    post("runs/create", {"experiment_id": experiment, "start_time": 5, "run_name": "of files"}, learn=("run.info.run_id", "<of files>"))
    run = own(server, "<of files>")
    root = f"{experiment}/{run}/artifacts"
    for path, body in [("a.txt", b"text"), ("d/b.txt", b"below"), ("d/e/f.bin", b"deep"), ("empty", b""), ("d%20space/c.json", b"{}"), ("%C3%A9.csv", b"a,b"), ("a.txt", b"other text"),
                       ("d-e", b"beside"), ("d.e", b"beside"), ("MLmodel", b"flavors: {}")]:
        put(f"{root}/{path}", body)
    for path in ["a.txt", "d/b.txt", "d/e/f.bin", "empty", "d%20space/c.json", "d%2520space/c.json", "%C3%A9.csv", "d", "d/", "nothing", "d/nothing", "a.txt/x", "MLmodel", "d%2Fb.txt", "d/./b.txt"]:
        read(f"{root}/{path}")
    for wrong in ["..", "a/../b", "%2e%2e/x", "..%2fx", "%252e%252e%252fx", "x%23y", "C:/x", "file:%2f%2f%2fetc"]:
        read(wrong)
        put(wrong, b"x")
        delete(wrong)
        listed(wrong)
    read("%2fetc%2fpasswd")
    put("%2fetc%2fpasswd", b"x")
    put(f"{root}/new/", b"x")
    put(f"{root}/.artifact.uploading.x", b"x")
    put(f"{root}/d", b"onto a folder")
    put(f"{root}/a.txt/below", b"below a file")
    put(f"{experiment}/a%5cb", b"x")
    put(f"{experiment}/a%00b", b"x")
    for path in [root, f"{root}/d", f"{root}/d/e", f"{root}/d/", f"{root}/nothing", f"{root}/a.txt", f"{experiment}/{run}"]:
        listed(path)
    for path in [None, "", "d", "d/e", "d/", "./d", "nothing", "a.txt", "..", "d/../..", "%2e%2e", "/etc", "a#b"]:
        files_of(run, path)
    get("artifacts/list", run_uuid=run)
    get("artifacts/list", run_id="nope")
    files_of("nope", "..")
    server.call("GET", "artifacts/list?path=d")
    for path in ["d/b.txt", "d/b.txt", "d/e/f.bin", "empty", "nothing/at/all"]:
        delete(f"{root}/{path}")
    delete(f"{root}/d")
    get("artifacts/list", run_id=run)
    post("runs/delete", {"run_id": run})
    get("artifacts/list", run_id=run)
    parts(server, run)
    models(server, experiment, put, read, delete)


def parts(server, run):
    post = server.post
    mpu = "/api/2.0/mlflow-artifacts/mpu"
    for call, body in [("create", {"path": "a", "num_parts": 2}), ("complete", {"path": "a", "upload_id": "u", "parts": []}), ("abort", {"path": "a", "upload_id": "u"})]:
        for path in ["a", "d/b", "x"]:
            server.call("POST", f"{mpu}/{call}/{path}", {**body, "path": path})
    for path in ["a", "d/b", "x"]:
        server.call("GET", f"/api/2.0/mlflow-artifacts/presigned/{path}")
    for wish in [{"run_id": run, "path": "a"}, {"path": "a"}, {"run_id": run, "model_id": "m", "path": "a"}, {"run_id": run, "path": "../a"}, {"run_id": "nope", "path": "a"},
                 {"model_id": "m-none", "path": "a"}, {"run_id": run}, {}]:
        post("artifacts/presigned-upload-url", wish)
    for wish in [{"run_id": run, "path": "a"}, {"run_id": run, "path": "../a"}, {"run_id": run, "path": "a", "expiration": 0}, {"run_id": run, "path": "a", "expiration": 604801},
                 {"run_id": "nope", "path": "a"}, {"run_id": run}, {"path": "a"}]:
        post("artifacts/presigned-download-url", wish)


def models(server, experiment, put, read, delete):
    """A model whose files are written, sealed, and then attacked; what differs here is what the seal is for."""
    get, post = server.get, server.post
    post("logged-models", {"experiment_id": experiment, "name": "sealed"}, learn=("model.info.model_id", "<sealed>"))
    model = own(server, "<sealed>")
    root = f"{experiment}/models/{model}/artifacts"
    put(f"{root}/MLmodel", b"flavors: {}")
    put(f"{root}/data/weights", b"1234")
    put(f"{root}/data/weights", b"12345")
    for path in [None, "", "data", "nothing", "MLmodel", ".."]:
        get(f"logged-models/{model}/artifacts/directories", **({} if path is None else {"artifact_directory_path": path}))
    get("logged-models/m-none/artifacts/directories")
    get("logged-models/m-none/artifacts/directories", artifact_directory_path="..")
    server.call("PATCH", f"logged-models/{model}", {"model_id": model, "status": "LOGGED_MODEL_READY"})
    put(f"{root}/MLmodel", b"flavors: {}")
    read(f"{root}/MLmodel")
    # From here on MLflow's server lets everything be changed.
    put(f"{root}/added", b"sealed")
    put(f"{root}/data%2Fadded", b"sealed")
    delete(f"{root}/data")
    delete(f"{experiment}/models")
    # To MLflow's server this is the root of all artifacts.
    delete("%2523")
    server.call("PATCH", f"logged-models/{model}", {"model_id": model, "status": "LOGGED_MODEL_PENDING"})


def play(server):
    for scene in [logged_models, files]:
        scene(server)
