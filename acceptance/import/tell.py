"""Tells all that a tracking server has, as the stock client reads it: `tell.py URL MADE [KEY]`."""
import hashlib
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
url, made = sys.argv[1], json.loads(sys.argv[2])
if len(sys.argv) > 3:
    os.environ["MLFLOW_TRACKING_TOKEN"] = sys.argv[3]
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"

import mlflow
import numpy
from mlflow.entities import ViewType

mlflow.set_tracking_uri(url)
CLIENT = mlflow.MlflowClient()
X = numpy.array([[0.0], [1.0], [2.0], [3.0]])
told = {}


def plain(value):
    """Writes whatever the client has, field by field; floats to the bit."""
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, (str, int, bool, type(None))):
        return value
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in sorted(value.items(), key=lambda pair: str(pair[0]))}
    if isinstance(value, (list, tuple, set)) or "Repeated" in type(value).__name__:
        return [plain(one) for one in value]
    fields = {name: getattr(value, name) for name in dir(type(value)) if isinstance(getattr(type(value), name), property) and not name.startswith("_")}
    fields |= {name: one for name, one in getattr(value, "__dict__", {}).items() if not name.startswith("_")}
    return plain(fields) if fields else str(value)


def listed(search, **asked):
    found, token = [], None
    while True:
        page = search(page_token=token, **asked)
        found += page
        token = page.token
        if not token:
            return found


def files(uri):
    with tempfile.TemporaryDirectory() as folder:
        there = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder))
        return {str(path.relative_to(there)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(there.rglob("*")) if path.is_file() and path.name != "registered_model_meta"}


def listing(list_in, path=None):
    return sorted(entry for file in list_in(path) for entry in ([[file.path, file.file_size]] if not file.is_dir else listing(list_in, file.path)))


experiments = sorted(listed(CLIENT.search_experiments, view_type=ViewType.ALL), key=lambda one: int(one.experiment_id))
told["experiments"] = {one.experiment_id: plain(one) for one in experiments}
told["runs"], told["history"], told["files"], told["models"] = {}, {}, {}, {}
named = set(made["models"])
for experiment in experiments:
    for found in listed(CLIENT.search_runs, experiment_ids=[experiment.experiment_id], run_view_type=ViewType.ALL):
        run = CLIENT.get_run(found.info.run_id)
        id = run.info.run_id
        told["runs"][id] = plain(run)
        told["history"][id] = {key: sorted(plain([[point.timestamp, point.step, point.value] for point in CLIENT.get_metric_history(id, key)])) for key in sorted(run.data.metrics)}
        told["files"][id] = [listing(lambda path: CLIENT.list_artifacts(id, path)), files(f"runs:/{id}/") if CLIENT.list_artifacts(id) else {}]
    if experiment.lifecycle_stage == "active":
        named |= {one.model_id for one in listed(CLIENT.search_logged_models, experiment_ids=[experiment.experiment_id])}
for id in sorted(named):
    try:
        model = CLIENT.get_logged_model(id)
    except mlflow.exceptions.MlflowException as error:
        told["models"][id] = error.error_code
        continue
    told["models"][id] = plain(model)
    told["files"][id] = [listing(lambda path: CLIENT.list_logged_model_artifacts(id, path)), files(f"models:/{id}") if str(model.status) == "READY" else {}]
PROMPTS = "tag.`mlflow.prompt.is_prompt` = 'true'"
registered = [CLIENT.get_registered_model(one.name) for one in listed(CLIENT.search_registered_models)]
versions = [CLIENT.get_model_version(one.name, one.version) for one in listed(CLIENT.search_model_versions)]
told["registered"] = {one.name: plain(one) for one in registered + listed(CLIENT.search_registered_models, filter_string=PROMPTS)}
told["versions"] = {f"{one.name}/{one.version}": plain(one) for one in versions + listed(CLIENT.search_model_versions, filter_string=PROMPTS)}
told["where"] = {f"{one.name}/{one.version}": CLIENT.get_model_version_download_uri(one.name, one.version) for one in versions}
told["loaded"] = {uri: mlflow.pyfunc.load_model(uri).predict(X).tolist() for uri in [f"models:/{made['models'][0]}", "models:/fraud/1", "models:/fraud@champion"]}
told["probability"] = mlflow.sklearn.load_model(f"models:/{made['models'][1]}").predict_proba(X).tolist()
told["by run"] = files(f"runs:/{made['rich']}/deep")
told["prompts"] = [CLIENT.get_prompt_version_by_alias("greeting", "live").template, CLIENT.get_prompt_version("greeting", 2).template]
print(json.dumps(told, sort_keys=True))
