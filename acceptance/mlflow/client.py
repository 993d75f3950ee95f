"""What a stock client of MLflow does all day, told as one JSON object: `client.py URL [KEY]`.

The same script runs against MLflow's own server and against ours, with the client's present release and with an older one; what it tells must be
equal. Ids and times that servers make up are left out or given names; nothing else is.
"""
import json
import os
import pathlib
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
url, key = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
if key:
    os.environ["MLFLOW_TRACKING_TOKEN"] = key

import mlflow
import numpy
import pandas
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LogisticRegression

mlflow.set_tracking_uri(url)
CLIENT = mlflow.MlflowClient()
MARK = f"{mlflow.__version__.replace('.', '-')}"
told = {}


def refused(work):
    """Tells the code and the text of a refusal, but for what MLflow's database driver says."""
    try:
        return f"not refused: {work()}"
    except MlflowException as error:
        return [error.error_code, error.message.replace(MARK, "MARK").split(" Error: (")[0]]


def runs():
    mlflow.set_experiment(f"fluent-{MARK}")
    with mlflow.start_run(run_name="one", tags={"team": "risk"}, description="the first") as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_params({"layers": 3, "kind": "it's \"quoted\" é"})
        for step in range(50):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"auc": 0.9, "nothing": float("nan"), "much": float("inf")}, step=7)
        mlflow.log_input(mlflow.data.from_pandas(pandas.DataFrame({"x": [1, 2]}), name="table"), context="training")
        mlflow.log_dict({"a": [1, 2]}, "config/dict.json")
        mlflow.log_text("héllo", "notes/note one.txt")
    with mlflow.start_run(run_name="two"):
        mlflow.log_metric("loss", 3)
        mlflow.set_tags({"team": "fraud", "extra": "yes"})
        mlflow.delete_tag("extra")
    kept = CLIENT.get_run(run.info.run_id)
    told["run"] = [kept.info.run_name, kept.info.status, kept.data.params, sorted(map(str, kept.data.metrics.items())),
                   {name: value for name, value in kept.data.tags.items() if not name.startswith("mlflow.")}]
    told["history"] = [[point.step, point.value] for point in CLIENT.get_metric_history(run.info.run_id, "loss")]
    told["inputs"] = [[one.dataset.name, one.dataset.digest, one.dataset.source_type] for one in kept.inputs.dataset_inputs]
    told["files"] = [[[file.path, file.is_dir, file.file_size] for file in CLIENT.list_artifacts(run.info.run_id, path)] for path in [None, "config", "notes", "none"]]
    told["text"] = [mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/note one.txt"), mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/config/dict.json")]
    told["no file"] = refused(lambda: mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/none.txt"))[0]
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "deep/er").mkdir(parents=True)
        (pathlib.Path(folder) / "deep/er/a.bin").write_bytes(bytes(range(256)) * 4_096)
        (pathlib.Path(folder) / "b.txt").write_text("b")
        CLIENT.log_artifacts(run.info.run_id, folder, "all")
    with tempfile.TemporaryDirectory() as folder:
        there = pathlib.Path(CLIENT.download_artifacts(run.info.run_id, "all", folder))
        told["folder"] = sorted([str(path.relative_to(there)), path.stat().st_size] for path in there.rglob("*") if path.is_file())
    searches = ["metrics.loss < 0.5", "params.layers = '3' and tags.team ILIKE 'RISK'", "attributes.run_name = 'two'", "dataset.name = 'table'", "metrics.none > 1", "tags.team IS NOT NULL"]
    for search in searches:
        found = mlflow.search_runs(filter_string=search, order_by=["metrics.loss DESC"], output_format="list")
        told[f"search {search}"] = [one.info.run_name for one in found]
    told["wrong search"] = [refused(lambda: CLIENT.search_runs(["0"], wrong)) for wrong in ["metrics.a = 'x'", "a or b", "params.x > 1"]]
    told["wrong"] = [refused(lambda: CLIENT.get_run("0" * 32)), refused(lambda: CLIENT.log_param(run.info.run_id, "lr", "other"))[0],
                     refused(lambda: CLIENT.create_experiment(f"fluent-{MARK}")), refused(lambda: CLIENT.log_metric(run.info.run_id, "k" * 300, 1))]
    CLIENT.delete_run(run.info.run_id)
    told["deleted"] = [CLIENT.get_run(run.info.run_id).info.lifecycle_stage, len(mlflow.search_runs(output_format="list"))]
    CLIENT.restore_run(run.info.run_id)
    pages, token = [], None
    while True:
        page = CLIENT.search_experiments(max_results=1, filter_string=f"name LIKE '%{MARK}'", order_by=["name"], page_token=token)
        pages.append([one.name.replace(MARK, "MARK") for one in page])
        token = page.token
        if not token:
            break
    told["pages"] = pages
    return run.info.run_id


def models():
    name = f"champion-{MARK}"
    x, y = numpy.array([[0.0], [1.0], [2.0], [3.0]]), numpy.array([0, 0, 1, 1])
    fitted = LogisticRegression().fit(x, y)
    with mlflow.start_run(run_name="training") as run:
        mlflow.log_metric("auc", 0.75)
        logged = mlflow.sklearn.log_model(fitted, name="model", input_example=x[:1], registered_model_name=name)
    model = CLIENT.get_logged_model(logged.model_id)
    told["logged"] = [model.name, str(model.status), sorted(file.path for file in CLIENT.list_logged_model_artifacts(logged.model_id))]
    told["found"] = [one.name for one in CLIENT.search_logged_models([run.info.experiment_id], "name = 'model'")]
    CLIENT.create_model_version(name, f"models:/{logged.model_id}", run.info.run_id, model_id=logged.model_id, tags={"n": "2"})
    CLIENT.set_registered_model_alias(name, "champion", 1)
    for uri in [logged.model_uri, f"models:/{name}/1", f"models:/{name}@champion", f"models:/{name}/latest", f"runs:/{run.info.run_id}/model"]:
        told[f"loaded {uri.split('/')[0]} {'@' in uri} {uri[-1]}" if not uri.startswith("models:/m-") else "loaded"] = mlflow.pyfunc.load_model(uri).predict(x).tolist()
    CLIENT.set_registered_model_alias(name, "champion", 2)
    CLIENT.set_registered_model_tag(name, "owner", "ana")
    CLIENT.set_model_version_tag(name, 1, "checked", "yes")
    CLIENT.update_model_version(name, 1, "the first")
    CLIENT.transition_model_version_stage(name, 1, "Staging")
    CLIENT.transition_model_version_stage(name, 2, "Staging", archive_existing_versions=True)
    registered = CLIENT.get_registered_model(name)
    told["registered"] = [registered.aliases, registered.tags, [[one.version, one.current_stage, one.status, one.tags] for one in registered.latest_versions]]
    told["versions"] = [[one.version, one.current_stage, one.description] for one in CLIENT.search_model_versions(f"name = '{name}'", order_by=["version_number ASC"])]
    told["by alias"] = CLIENT.get_model_version_by_alias(name, "champion").version
    told["models"] = [one.name.replace(MARK, "MARK") for one in CLIENT.search_registered_models(f"name ILIKE 'CHAMPION-{MARK}'")]
    told["wrong model"] = [refused(lambda: CLIENT.get_registered_model("nobody")), refused(lambda: CLIENT.get_model_version(name, 9)), refused(lambda: CLIENT.create_registered_model(name)),
                           refused(lambda: CLIENT.get_model_version_by_alias(name, "none")), refused(lambda: CLIENT.set_registered_model_alias(name, "v1", 1))]
    CLIENT.delete_registered_model_alias(name, "champion")
    CLIENT.delete_model_version(name, 1)
    told["left"] = [one.version for one in CLIENT.search_model_versions(f"name = '{name}'")]
    CLIENT.rename_registered_model(name, f"{name}-old")
    CLIENT.delete_registered_model(f"{name}-old")
    told["gone"] = refused(lambda: CLIENT.get_registered_model(f"{name}-old"))


def prompts():
    name = f"greeting-{MARK}"
    mlflow.genai.register_prompt(name=name, template="Hello {{who}}", commit_message="first", tags={"t": "1"})
    mlflow.genai.register_prompt(name=name, template="Good day, {{who}}")
    mlflow.genai.set_prompt_alias(name, "live", 1)
    told["prompt"] = [mlflow.genai.load_prompt(f"prompts:/{name}@live").format(who="Ana"), mlflow.genai.load_prompt(name, version=2).template]
    told["prompts"] = [one.name.replace(MARK, "MARK") for one in mlflow.genai.search_prompts(f"name = '{name}'")]
    told["no model"] = len(CLIENT.search_registered_models(f"name = '{name}'"))


runs()
models()
prompts()
print(json.dumps(told, sort_keys=True))
