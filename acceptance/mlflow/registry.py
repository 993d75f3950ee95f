"""The part of the scenario that is about registered models: their versions, aliases, stages, tags and searches, and prompts.

It is played by `exchanges.py`, after the runs. What is about sources of versions needs runs, which this part makes itself. Searches order by the
time of the last change, so between two changes there are milliseconds.
"""
import time

PROMPT = "mlflow.prompt.is_prompt"
BAD_NAMES = ["a/b", "a:b", " ", "\t", ".", "..", "./a", ""]
BAD_KEYS = ["k$", "k" * 251, "../k", "/k", ""]
BAD_VERSIONS = ["x", "1.0", "99", "0", "-1", "1_0", " 1 ", "+1", "", "99999999999999999999"]
WRONG = [5, ["a"], {"a": 1}, True, None]


def tag(key, value=None):
    return {"key": key} if value is None else {"key": key, "value": value}


def calls(server):
    """Returns what asks the server: a call of the registry by its method, its last part and its fields."""

    def model(method, path, learn=None, **fields):
        return sent(server, method, f"registered-models/{path}", fields, learn)

    def version(method, path, learn=None, **fields):
        return sent(server, method, f"model-versions/{path}", fields, learn)

    return model, version


def sent(server, method, path, fields, learn):
    if method == "GET":
        return server.get(path, **fields)
    time.sleep(0.003)
    return server.call(method, path, fields, learn=learn)


def models(server):
    model, _ = calls(server)
    model("POST", "create", name="first", tags=[tag("z", "1"), tag("a", "2"), tag("m", "3")], description="what it is")
    model("POST", "create", name="plain")
    model("POST", "create", name="described", description="")
    model("POST", "create", name="first")
    model("POST", "create", name="first", tags=[tag(PROMPT, "true")])
    for name in [*BAD_NAMES, *WRONG, " spaced ", "é 漢 💥", "it's", 'with "quotes"', "100%", "a?b#c", "a.b", "...", "a@b", "latest", "1", "a\nb"]:
        model("POST", "create", name=name)
    model("POST", "create")
    for key in [*BAD_KEYS, "a b/c.d-e_f:g", "é"]:
        model("POST", "create", name=f"tagged {len(key)}", tags=[tag(key, "v")])
    model("POST", "create", name="twice", tags=[tag("a", "1"), tag("b", "2"), tag("a", "3")])
    model("POST", "create", name="valueless", tags=[tag("a"), tag("b", "")])
    for tags in ["a", [5], 5, {"a": 1}]:
        model("POST", "create", name="unreadable", tags=tags)
    for description in [5, ["a"], True, None]:
        model("POST", "create", name="undescribed", description=description)
    model("POST", "create", name="long", description="d" * 10_000)
    model("POST", "create", name="long value", tags=[tag("k", "v" * 100_001)])
    model("POST", "create", name="n" * 257)
    model("DELETE", "delete", name="n" * 257)
    model("POST", "create", name="n" * 256)
    for name in ["first", "plain", "described", "twice", "valueless", "é 漢 💥", " spaced ", "spaced", "nobody", "a?b#c", "a\nb", *BAD_NAMES]:
        model("GET", "get", name=name)
    model("GET", "get")
    server.call("GET", "registered-models/get?nobody=1")
    changed(server)


def changed(server):
    """Descriptions, names and deletion."""
    model, _ = calls(server)
    for wish in [
        {"name": "first", "description": "anew"}, {"name": "first", "description": ""}, {"name": "first"}, {"name": "nobody", "description": "x"},
        {"name": "nobody"}, {"name": "a/b"}, {"name": "a:b"}, {"name": " "}, {"description": "x"}, {"name": 5}, {"name": "first", "description": 5}, {"name": None}, {},
    ]:
        model("PATCH", "update", **wish)
    model("GET", "get", name="first")
    model("POST", "create", name="old", tags=[tag("k", "v")])
    for wish in [
        {"name": "old", "new_name": "new"}, {"name": "new", "new_name": "new"}, {"name": "new", "new_name": "first"}, {"name": "new", "new_name": "plain"},
        {"name": "new", "new_name": "described"}, {"name": "old", "new_name": "other"}, {"name": "nobody", "new_name": "other"}, {"name": "nobody", "new_name": "first"},
        {"name": "new", "new_name": " "}, {"name": "new", "new_name": "a/b"}, {"name": "new", "new_name": "a:b"}, {"name": "new", "new_name": ".."}, {"name": "a/b", "new_name": "x"},
        {"name": "new", "new_name": ""}, {"name": "new"}, {"new_name": "x"}, {"name": 5, "new_name": "x"}, {"name": "new", "new_name": 5}, {"name": "new", "new_name": None},
        {"name": " ", "new_name": "x"}, {"name": "new", "new_name": "old"},
    ]:
        model("POST", "rename", **wish)
    model("GET", "get", name="old")
    model("GET", "get", name="new")
    for wish in [{"name": "old"}, {"name": "old"}, {"name": "nobody"}, {"name": "a/b"}, {"name": "a:b"}, {"name": " "}, {"name": 5}, {"name": ""}, {}]:
        model("DELETE", "delete", **wish)
    server.call("DELETE", "registered-models/delete?name=first")
    model("DELETE", "delete", name="twice")
    model("DELETE", "delete", name="valueless")
    model("GET", "get", name="old")


def model_tags(server):
    model, _ = calls(server)
    for wish in [
        tag("a", "anew"), tag("n", "1"), tag("empty"), tag("empty", ""), tag("long", "v" * 100_001), tag("a b/c.d-e_f:g", "v"), tag("é", "é"), *[tag(key, "v") for key in BAD_KEYS],
        {"value": "v"}, {"key": 5, "value": "v"}, {"key": "k", "value": 5}, {"key": None, "value": "v"}, tag("null", None),
    ]:
        model("POST", "set-tag", name="first", **wish)
    for name in ["nobody", "a/b", "a:b", " ", "", 5, None]:
        model("POST", "set-tag", name=name, **tag("k", "v"))
    model("POST", "set-tag", **tag("k", "v"))
    model("GET", "get", name="first")
    for wish in [{"key": "n"}, {"key": "n"}, {"key": "nobody"}, {}, {"key": 5}, {"key": None}, *[{"key": key} for key in BAD_KEYS]]:
        model("DELETE", "delete-tag", name="first", **wish)
    for name in ["nobody", "a/b", "a:b", " ", "", 5, None]:
        model("DELETE", "delete-tag", name=name, key="k")
    model("DELETE", "delete-tag", key="k")
    model("GET", "get", name="first")


def versions(server):
    model, version = calls(server)
    for source in ["s3://b/1", "s3://b/2", "s3://b/3"]:
        version("POST", "create", name="first", source=source)
    version(
        "POST", "create", name="first", source="gs://b/4", run_id="some run", run_link="http://there/run", description="the fourth",
        tags=[tag("z", "1"), tag("a", "2"), tag("z", "3")],
    )
    version("POST", "create", name="first", source="dbfs:/5", description="", run_link="", run_id="", tags=[])
    for name in ["nobody", "a/b", "a:b", " ", *WRONG, ""]:
        version("POST", "create", name=name, source="s3://b/x")
    version("POST", "create", source="s3://b/x")
    version("POST", "create", name="first")
    for source in ["", *WRONG]:
        version("POST", "create", name="first", source=source)
    for key in BAD_KEYS:
        version("POST", "create", name="first", source="s3://b/x", tags=[tag(key, "v")])
    version("POST", "create", name="first", source="s3://b/x", tags=[tag("k", "v" * 100_001)])
    version("POST", "create", name="first", source="s3://b/x", tags=[tag("mlflow.prompt.text", "v" * 100_001)])
    for field in ["run_id", "run_link", "description", "model_id", "tags"]:
        for value in [5, True, {"a": 1}]:
            version("POST", "create", name="first", source="s3://b/x", **{field: value})
    for number in ["1", "4", "5", *BAD_VERSIONS, "6"]:
        version("GET", "get", name="first", version=number)
        server.get("model-versions/get-download-uri", name="first", version=number)
    for name in ["nobody", "a/b", "a:b", " ", ""]:
        version("GET", "get", name=name, version="1")
        server.get("model-versions/get-download-uri", name=name, version="1")
    for path in ["model-versions/get?name=first", "model-versions/get?version=1", "model-versions/get", "model-versions/get-download-uri",
                 "model-versions/get-download-uri?version=1", "model-versions/get-download-uri?name=first", "model-versions/get?name=nobody&version=x"]:
        server.call("GET", path)
    for wish in [
        {"version": "1", "description": "anew"}, {"version": "1", "description": ""}, {"version": "1"}, {"version": "4"}, *[{"version": n, "description": "x"} for n in BAD_VERSIONS],
        {"description": "x"}, {"version": 1, "description": "x"}, {"version": "1", "description": 5}, {"version": None}, {"version": ["1"]},
    ]:
        version("PATCH", "update", name="first", **wish)
    for name in ["nobody", "a/b", "a:b", " ", "", 5]:
        version("PATCH", "update", name=name, version="1", description="x")
    version("PATCH", "update", version="1")
    version("GET", "get", name="first", version="4")
    model("GET", "get", name="first")
    version_tags(server)


def version_tags(server):
    _, version = calls(server)
    for wish in [
        tag("a", "anew"), tag("n", "1"), tag("empty"), tag("long", "v" * 100_001), tag("mlflow.prompt.text", "v" * 100_001), *[tag(key, "v") for key in BAD_KEYS],
        {"value": "v"}, {"key": 5, "value": "v"}, {"key": "k", "value": 5}, {"key": None, "value": "v"},
    ]:
        version("POST", "set-tag", name="first", version="4", **wish)
    for number in [*BAD_VERSIONS, 4, None]:
        version("POST", "set-tag", name="first", version=number, **tag("k", "v"))
        version("DELETE", "delete-tag", name="first", version=number, key="k")
    for name in ["nobody", "a/b", "a:b", " ", "", 5, None]:
        version("POST", "set-tag", name=name, version="4", **tag("k", "v"))
        version("DELETE", "delete-tag", name=name, version="4", key="k")
    version("POST", "set-tag", name="first", **tag("k", "v"))
    version("POST", "set-tag", version="4", **tag("k", "v"))
    version("POST", "set-tag", name="first", version="x", **tag("k$", "v"))
    version("GET", "get", name="first", version="4")
    for wish in [{"key": "n"}, {"key": "n"}, {"key": "nobody"}, {}, {"key": 5}, {"key": None}, *[{"key": key} for key in BAD_KEYS]]:
        version("DELETE", "delete-tag", name="first", version="4", **wish)
    version("DELETE", "delete-tag", name="first", key="k")
    version("DELETE", "delete-tag", version="4", key="k")
    version("GET", "get", name="first", version="4")


def aliases(server):
    model, version = calls(server)
    for alias, number in [("champion", "1"), ("a-1_b", "1"), ("champion", "2"), ("champion", "2"), ("zulu", "2"), ("é", "4"), ("1", "3"), ("vv1", "3"), ("plus", "+3"), ("_", " 3 ")]:
        model("POST", "alias", name="first", alias=alias, version=number)
    for alias in ["latest", "LATEST", "Latest", "v1", "V12", "v0", "a b", "a.b", "a/b", "a" * 256, "", *WRONG]:
        model("POST", "alias", name="first", alias=alias, version="1")
    for number in ["x", "1.0", "99", "0", "", 1, None]:
        model("POST", "alias", name="first", alias="other", version=number)
    for name in ["nobody", "a/b", "a:b", " ", "", 5, None]:
        model("POST", "alias", name=name, alias="other", version="1")
        model("DELETE", "alias", name=name, alias="other")
        model("GET", "alias", name="None" if name is None else name, alias="other")
    model("POST", "alias", name="first", alias="other")
    model("POST", "alias", name="first", version="1")
    model("POST", "alias", alias="other", version="1")
    model("GET", "get", name="first")
    for alias in ["champion", "a-1_b", "zulu", "é", "plus", "latest", "LATEST", "nobody", "v1", "Champion", "a b", "a.b", "a" * 256, ""]:
        model("GET", "alias", name="first", alias=alias)
    model("GET", "alias", name="plain", alias="latest")
    model("GET", "alias", name="described", alias="latest")
    model("GET", "alias", name="nobody", alias="latest")
    for path in ["registered-models/alias?name=first", "registered-models/alias?alias=a", "registered-models/alias"]:
        server.call("GET", path)
    for number in ["1", "2", "3"]:
        version("GET", "get", name="first", version=number)
    for alias in ["a-1_b", "a-1_b", "nobody", "latest", "v1", "a b", "a.b", "a" * 256, "", *WRONG]:
        model("DELETE", "alias", name="first", alias=alias)
    model("DELETE", "alias", name="first")
    model("DELETE", "alias", alias="a")
    server.call("DELETE", "registered-models/alias?name=first&alias=champion")
    version("PATCH", "update", name="first", version="2", description="with aliases")
    model("GET", "get", name="first")


def stages(server):
    model, version = calls(server)
    move = {"name": "first"}
    for number, stage, more in [
        ("2", "Staging", {}), ("1", "staging", {}), ("3", "PRODUCTION", {}), ("3", "Production", {}), ("1", "Production", {"archive_existing_versions": True}),
        ("2", "Production", {"archive_existing_versions": False}), ("4", "Archived", {}), ("4", "None", {}), ("5", "Staging", {"archive_existing_versions": True}),
        ("+2", "Production", {"archive_existing_versions": True}),
    ]:
        version("POST", "transition-stage", **move, version=number, stage=stage, **more)
        model("GET", "get", name="first")
        model("GET", "get-latest-versions", name="first")
    for stage in ["nowhere", "Deleted_Internal", "", " Staging", *WRONG]:
        version("POST", "transition-stage", **move, version="1", stage=stage)
    for stage in ["None", "Archived", "archived"]:
        version("POST", "transition-stage", **move, version="1", stage=stage, archive_existing_versions=True)
    for number in [*BAD_VERSIONS, 1, None]:
        version("POST", "transition-stage", **move, version=number, stage="Staging")
    for name in ["nobody", "a/b", "a:b", " ", "", 5, None]:
        version("POST", "transition-stage", name=name, version="1", stage="Staging")
    for archive in ["true", 1, [], None]:
        version("POST", "transition-stage", **move, version="1", stage="Staging", archive_existing_versions=archive)
    version("POST", "transition-stage", **move, version="1")
    version("POST", "transition-stage", **move, stage="Staging")
    version("POST", "transition-stage", version="1", stage="Staging")
    for path in ["", "&stages=staging", "&stages=Staging&stages=PRODUCTION", "&stages=None", "&stages=nowhere", "&stages=Staging&stages=nowhere", "&stages="]:
        server.call("GET", f"registered-models/get-latest-versions?name=first{path}")
    for wish in [
        {}, {"stages": []}, {"stages": ["archived"]}, {"stages": ["Production", "None"]}, {"stages": ["nowhere"]}, {"stages": [""]}, {"stages": "Staging"}, {"stages": [5]}, {"stages": 5},
        {"stages": None},
    ]:
        model("POST", "get-latest-versions", name="first", **wish)
    for name in ["nobody", "plain", "a/b", "a:b", " ", ""]:
        model("POST", "get-latest-versions", name=name)
        model("GET", "get-latest-versions", name=name, stages="nowhere")
    model("POST", "get-latest-versions", stages=["Staging"])
    model("GET", "get-latest-versions")


def sources(server):
    """Where a version's files may be, and whose they must be."""
    model, version = calls(server)
    run = server.post("runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "source"}, learn=("run.info.run_id", "<source>"))["run"]["info"]["run_id"]
    disk = server.post("experiments/create", {"name": "on disk", "artifact_location": "/srv/elsewhere"})["experiment_id"]
    local = server.post("runs/create", {"experiment_id": disk, "start_time": 1, "run_name": "local"}, learn=("run.info.run_id", "<local>"))["run"]["info"]["run_id"]
    model("POST", "create", name="sourced")
    model("POST", "create", name="asked", tags=[tag(PROMPT, "true")])
    root = f"mlflow-artifacts:/0/{run}/artifacts"
    place = f"/srv/elsewhere/{local}/artifacts"
    for source, of in [
        (f"runs:/{run}/model", {"run_id": run}), (f"runs:/{run}", {"run_id": run}), ("runs:/nobody/model", {"run_id": "nobody"}), (f"runs:/{run}/model", {}),
        (f"runs:/{run}/model", {"run_id": "nobody"}), ("runs:/", {"run_id": run}), ("runs:", {"run_id": run}), (f"runs://{run}/model", {"run_id": run}), (f"runs:/{run}/../x", {"run_id": run}),
        (f"runs:/{run}/%2e%2e/x", {"run_id": run}), (f"runs:/{run}/model", {"model_id": "m-1"}),
        (root, {"run_id": run}), (f"{root}/model", {"run_id": run}), (f"{root}//model/", {"run_id": run}), (f"{root}2/model", {"run_id": run}), (f"{root}/model", {}),
        (f"{root}/model", {"run_id": "nobody"}), (f"{root}/../x", {"run_id": run}), (f"{root}/%2e%2e/x", {"run_id": run}), (f"{root}/%252e%252e/x", {"run_id": run}), (f"{root}/./x", {"run_id": run}),
        (f"{root}/a%00", {"run_id": run}), ("mlflow-artifacts:/", {"run_id": run}), ("mlflow-artifacts:0", {"run_id": run}), (f"mlflow-artifacts://there/0/{run}/artifacts", {"run_id": run}),
        (f"{root}/model", {"model_id": "m-1"}), (place, {"run_id": local}), (f"{place}/model", {"run_id": local}), (f"{place}2", {"run_id": local}), (f"{place}/model", {}),
        (f"{place}/model", {"run_id": "nobody"}), (f"{place}/model", {"run_id": run}), (f"{place}/model", {"model_id": "m-1"}), ("/etc/passwd", {}), ("file:///etc/passwd", {}),
        ("/etc/passwd", {"run_id": local}), (f"file://{place}/model", {"run_id": local}), ("http://there/x", {}), ("HTTPS://there/x", {}), ("ftp://there/x", {}), ("sftp://there/x", {}),
        ("hdfs://there/x", {}), ("abfss://a@there/x", {}), ("r2://a@there/x", {}), ("b2://a@there/x", {}), ("viewfs:/x", {}), ("s3://b", {}), ("s3://b/", {}), ("s3://b/a/..", {}), ("s3://b/a/../c", {}),
        ("s3://b/%2e%2e/c", {}), ("s3://b//c//", {}), ("s3://b/c?x=../y", {}), ("s3://b/c#x", {}), ("wasbs://c@a/x", {}), ("dbfs:/x", {"run_id": "nobody"}), ("dbfs:x", {}), ("unknown:/x", {}),
        ("models:/", {}), ("models:", {}), ("models:/a/b/c", {}), ("models://there/a/1", {}), ("models:/ /1", {}), ("models:/a/ ", {}), ("models:/a@", {}), ("models:/m-1", {}), ("models:/m-1", {"model_id": "m-2"}),
        ("models:/m-1", {"model_id": "m-1"}), ("s3://b/x", {"model_id": "m-1"}), ("models:/m-1", {"run_id": run}),
        ("models:/nobody/1", {}), ("models:/nobody/latest", {}), ("models:/nobody@a", {}), ("models:/asked/1", {}), ("models:/asked@a", {}), ("models:/first/99", {}), ("models:/first/nowhere", {}),
        ("models:/first@nobody", {}), ("models:/plain/latest", {}), ("models:/plain/Staging", {}), ("models:/plain/LATEST", {}), ("models:/first/1", {"run_id": "other"}), ("models:/first/1", {"model_id": "m-1"}),
        ("models:/first/4", {"run_id": ""}), ("models:/first/1", {}), ("models:/first/4", {}), ("models:/first/4", {"run_id": "some run"}), ("models:/first/004", {}), ("models:/first/latest", {}),
        ("models:/first/production", {}), ("models:/first@champion", {}), ("models:/first@latest", {}), ("models:/first/1", {"run_id": "", "model_id": ""}), ("models:/sourced/1", {}),
    ]:
        version("POST", "create", name="sourced", source=source, **of)
    model("GET", "get", name="sourced")
    for number in range(1, 40):
        server.get("model-versions/get-download-uri", name="sourced", version=str(number))
    # MLflow's server refuses this, and keeps it.
    model("POST", "create", name="half")
    version("POST", "create", name="half", source="s3://b/x", model_id="m-1", run_id="some run")
    version("GET", "get", name="half", version="1")
    model("DELETE", "delete", name="half")
    version("POST", "create", name="nobody", source="http://there/x", tags=[tag("k$", "v")])
    version("POST", "create", name="nobody", source="s3://b/x", tags=[tag("k$", "v")])
    version("POST", "create", name="a/b", source="s3://b/x", tags=[tag("k$", "v")])
    version("POST", "create", name="a/b", source="/etc/passwd")


def deletions(server):
    model, version = calls(server)
    model("POST", "create", name="short-lived")
    for source in ["s3://b/1", "s3://b/2", "s3://b/3"]:
        version("POST", "create", name="short-lived", source=source, tags=[tag("k", "v")])
    model("POST", "alias", name="short-lived", alias="top", version="3")
    model("POST", "alias", name="short-lived", alias="two", version="2")
    for number in ["3", "3", "x", "99", "1.0", "", 2, None, "+1"]:
        version("DELETE", "delete", name="short-lived", version=number)
        model("GET", "get", name="short-lived")
    for name in ["nobody", "a/b", "a:b", " ", "", 5]:
        version("DELETE", "delete", name=name, version="1")
        version("DELETE", "delete", name=name, version="x")
    version("DELETE", "delete", name="short-lived")
    version("DELETE", "delete", version="1")
    version("GET", "get", name="short-lived", version="3")
    model("GET", "alias", name="short-lived", alias="top")
    model("POST", "alias", name="short-lived", alias="top", version="3")
    version("PATCH", "update", name="short-lived", version="3", description="x")
    version("POST", "set-tag", name="short-lived", version="3", **tag("k", "v"))
    version("POST", "transition-stage", name="short-lived", version="3", stage="Staging")
    server.get("model-versions/get-download-uri", name="short-lived", version="3")
    version("POST", "create", name="short-lived", source="s3://b/4")
    server.get("model-versions/search", filter="name = 'short-lived'")
    model("POST", "rename", name="short-lived", new_name="renamed")
    for number in ["2", "4"]:
        version("GET", "get", name="short-lived", version=number)
        version("GET", "get", name="renamed", version=number)
    model("GET", "alias", name="renamed", alias="two")
    model("DELETE", "delete", name="renamed")
    version("GET", "get", name="renamed", version="2")
    # What was deleted is not born again: numbers go on, and a name that had versions is no other model's.
    model("POST", "create", name="renamed")
    model("GET", "get", name="renamed")
    version("POST", "create", name="renamed", source="s3://reborn/1")
    model("POST", "create", name="burnt")
    version("POST", "create", name="burnt", source="s3://b/1")
    model("DELETE", "delete", name="burnt")
    model("POST", "create", name="moving")
    version("POST", "create", name="moving", source="s3://b/1")
    model("POST", "rename", name="moving", new_name="burnt")
    for name in ["renamed", "moving", "burnt"]:
        model("DELETE", "delete", name=name, description="at last")


def prompts(server):
    model, version = calls(server)
    text = "mlflow.prompt.text"
    model("POST", "create", name="greeting", tags=[tag(PROMPT, "true"), tag("mood", "kind")])
    model("POST", "create", name="greeting", tags=[tag(PROMPT, "true")])
    model("POST", "create", name="greeting", tags=[tag(PROMPT, "false")])
    model("POST", "create", name="greeting")
    model("POST", "create", name="it's one", tags=[tag(PROMPT, "TRUE")])
    model("POST", "create", name="it's one")
    model("POST", "create", name="no prompt", tags=[tag(PROMPT, "false")])
    for source in ["dummy-source", "prompt-template", "s3://b/x", "http://there/x", "models:/first/1", "/etc/passwd", ""]:
        version("POST", "create", name="greeting", source=source, tags=[tag(PROMPT, "true"), tag(text, "Hello {{name}}")])
    version("POST", "create", name="greeting", source="s3://b/x", tags=[tag(PROMPT, "TRUE")])
    version("POST", "create", name="greeting", source="dummy-source", tags=[tag(PROMPT, "true"), tag(PROMPT, "false")])
    version("POST", "create", name="greeting", source="dummy-source", tags=[tag(PROMPT, "false"), tag(PROMPT, "true")])
    version("POST", "create", name="greeting", source="dummy-source")
    version("POST", "create", name="first", source="dummy-source", tags=[tag(PROMPT, "true")])
    version("POST", "create", name="greeting", source="dummy-source", model_id="m-1", tags=[tag(PROMPT, "true")])
    version("POST", "create", name="greeting", source="dummy-source", model_id="m-1", run_id="some run", tags=[tag(PROMPT, "true")])
    model("POST", "alias", name="greeting", alias="live", version="1")
    model("GET", "alias", name="greeting", alias="live")
    model("GET", "get", name="greeting")
    version("GET", "get", name="greeting", version="1")


def searches(server):
    model, version = calls(server)
    for name, mood in [("s1", "kind"), ("s2", "KIND"), ("s3", "stern"), ("S4", None)]:
        model("POST", "create", name=name, tags=[tag("mood", mood)] if mood else [])
        for number in range(1, 4):
            version("POST", "create", name=name, source=f"s3://{name}/{number}", run_id=f"run{number}", tags=[tag("mood", f"{mood}{number}")] if mood else [])
    version("POST", "transition-stage", name="s1", version="1", stage="Staging")
    version("POST", "transition-stage", name="s1", version="2", stage="Production")
    version("POST", "transition-stage", name="s2", version="3", stage="Archived")
    prompt = f"tags.`{PROMPT}`"
    both = [
        "name = 's1'", "name != 's1'", "name LIKE 's%'", "name like 's%'", "name ILIKE 'S%'", "name IN ('s1', 's3')", "name NOT IN ('s1')", "name in ('S4')", "name = 'nobody'", "name > 's1'",
        "tags.mood = 'kind'", "tag.mood = 'kind'", "tags.mood != 'kind'", "tags.mood LIKE 'k%'", "tags.mood ILIKE 'k%'", "tags.mood = 'kind' AND name = 's1'", "tags.mood LIKE '%' AND tags.mood != 'kind1'",
        "tags.nobody != 'a'", "tags.mood > 'a'", "tags.mood IN ('kind')", f"{prompt} = 'true'", f"{prompt} != 'true'", f"{prompt} = 'TRUE'", f"{prompt} = 'false'", f"{prompt} != 'false'",
        f"{prompt} LIKE 'true'", f"{prompt} != 'true' AND {prompt} = 'true'", f"{prompt} = 'true' AND name = 'greeting'", f"name = 'greeting' AND {prompt} != 'true'", "name = 'greeting'", "name ILIKE '%'",
        "nobody = 'a'", "params.a = 'b'", "name = 5", "name = s1", "name", "name = 's1' OR name = 's2'", "(name = 's1')", "", " ", "tags.mood IS NULL", "tags.`mood` = 'kind'", "`name` = 's1'",
        "attribute.name = 's1'", "attributes.name = 's1'", "name IS NULL", "name = \"s1\"", "name = 's1' AND name = 's2'", "tags.z = '1' AND tags.a = '2'",
    ]
    for text in both:
        server.get("registered-models/search", filter=text)
        server.get("model-versions/search", filter=text)
    for text in [
        "run_id = 'run1'", "run_id != 'run1'", "run_id IN ('run1', 'run2')", "run_id NOT IN ('run1')", "run_id LIKE 'run%'", "source_path = 's3://s1/1'", "source_path LIKE 's3://s%'", "source_path ILIKE 'S3://S%'",
        "source_path IN ('a')", "version_number = 1", "version_number > 1", "version_number >= '2'", "version_number != 1", "version_number < 2 AND name = 's1'", "version_number <= 1", "version_number = 1.0",
        "version_number = 'x'", "version_number LIKE '1'", "version_number IN (1)", "version = 1", "run_id = 5", "creation_timestamp > 5", "version_number = 1 AND run_id = 'run1' AND tags.mood = 'kind1'",
        "current_stage = 'Staging'",
    ]:
        server.get("model-versions/search", filter=text)
    found = f"{prompt} != 'x' AND name ILIKE 's_'"
    for order in [
        ["name"], ["name DESC"], ["timestamp"], ["last_updated_timestamp DESC"], ["name", "timestamp DESC"], ["timestamp", "last_updated_timestamp"], ["name", "name DESC"], ["nobody"], ["name foo"],
        [""], ["version_number"], ["version_number DESC", "name"], ["creation_timestamp DESC"], ["tags.mood"], ["tags.name"], ["attribute.name"],
    ]:
        server.get("registered-models/search", filter=found, order_by=order)
        server.get("model-versions/search", filter=found, order_by=order)
    for wish in [
        {"max_results": 2}, {"max_results": 2, "page_token": "eyJvZmZzZXQiOiAyfQ=="}, {"max_results": 2, "page_token": "eyJvZmZzZXQiOiA0fQ=="}, {"max_results": 4}, {"max_results": 12}, {"max_results": 0},
        {"max_results": -1}, {"max_results": 1_000}, {"max_results": 1_001}, {"max_results": 200_000}, {"max_results": 200_001}, {"max_results": "x"}, {"max_results": "1.5"}, {"page_token": "abc"},
        {"page_token": "e30="}, {"page_token": "YQ=="}, {"page_token": ""},
    ]:
        server.get("registered-models/search", filter=found, order_by=["name"], **wish)
        server.get("model-versions/search", filter=found, order_by=["name"], **wish)
    server.get("model-versions/search", max_results=0, filter="nobody = 'a'")
    server.get("registered-models/search", filter="nobody = 'a'", order_by=["nobody"], page_token="abc")
    server.get("registered-models/search", order_by=["nobody"], page_token="abc")


def logged(server):
    """Versions of models that runs have logged: what they take over of these, and what these are told."""
    model, version = calls(server)
    experiment = server.post("experiments/create", {"name": "logged"})["experiment_id"]
    run = server.post("runs/create", {"experiment_id": experiment, "start_time": 1, "run_name": "l"}, learn=("run.info.run_id", "<logging>"))["run"]["info"]["run_id"]
    own, alone = (
        server.post("logged-models", {"experiment_id": experiment, "name": name, **more}, learn=("model.info.model_id", f"<{name}>"))["model"]["info"]["model_id"]
        for name, more in [("own", {"source_run_id": run}), ("alone", {})]
    )
    for name in ["one", "two", "late"]:
        model("POST", "create", name=name)
    other = server.post("runs/create", {"experiment_id": experiment, "start_time": 1, "run_name": "o"}, learn=("run.info.run_id", "<other>"))["run"]["info"]["run_id"]
    root = f"mlflow-artifacts:/{experiment}/models/{own}/artifacts"
    wishes = [
        (f"models:/{own}", {"model_id": own}), (f"models:/{own}", {"model_id": own, "run_id": run}), (f"models:/{own}", {"model_id": own, "run_id": other}),
        (f"models:/{own}", {}), (f"models:/{own}", {"run_id": run}), (f"models:/{own}", {"model_id": alone}), (f"models:/{alone}", {"model_id": alone}),
        (root, {"model_id": own}), (f"{root}/below", {"model_id": own}), (f"{root}x", {"model_id": own}), (root, {"model_id": alone}), (root, {"run_id": run}),
        (root, {}), ("s3://elsewhere/x", {"model_id": own}), ("s3://elsewhere/x", {"model_id": own, "run_id": other}), (f"runs:/{run}/x", {"model_id": own}),
        ("models:/one/1", {"model_id": own}), ("models:/one/1", {"run_id": other}), ("models:/one/1", {}), ("models:/two/1", {"model_id": alone}),
    ]
    for name in ["one", "two"]:
        for source, more in wishes:
            version("POST", "create", name=name, source=source, **more)
    version("POST", "create", name="nobody", source=f"models:/{own}", model_id=own)
    for one in [own, alone]:
        server.get(f"logged-models/{one}")
    for name in ["one", "two"]:
        for number in range(1, 12):
            version("GET", "get", name=name, version=str(number))
            version("GET", "get-download-uri", name=name, version=str(number))
    version("GET", "search", filter=f"run_id = '{run}'")
    version("GET", "search", filter=f"source_path = 'models:/{own}'")
    version("DELETE", "delete", name="one", version="1")
    server.get(f"logged-models/{own}")
    version("GET", "get-download-uri", name="two", version="1")
    server.call("DELETE", f"logged-models/{own}")
    version("POST", "create", name="late", source=f"models:/{own}", model_id=own)
    version("GET", "get-download-uri", name="two", version="1")
    for path in ["runs/delete", "runs/restore"]:
        server.post(path, {"run_id": run})
        version("POST", "create", name="two", source=f"models:/{alone}", model_id=alone, run_id=run)


SCENES = [models, model_tags, versions, aliases, stages, sources, logged, deletions, prompts, searches]
