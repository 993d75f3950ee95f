"""Fills an MLflow server with a history, through the stock client: `fill.py URL`. Tells what was made that others need to know."""
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import mlflow
import numpy
import pandas
from sklearn.linear_model import LogisticRegression

mlflow.set_tracking_uri(sys.argv[1])
CLIENT = mlflow.MlflowClient()
X, Y = numpy.array([[0.0], [1.0], [2.0], [3.0]]), numpy.array([0, 0, 1, 1])
made = {}


def rich(name):
    with mlflow.start_run(run_name=name, tags={"team": "risk", "note": "é, \"quoted\", it's"}, description="what it is") as run:
        mlflow.log_params({"lr": 0.1, "kind": "x" * 5_000, "empty": ""})
        for step in range(0, 3_000, 500):
            CLIENT.log_batch(run.info.run_id, metrics=[mlflow.entities.Metric("loss", 1 / (at + 3), 1_700_000_000_000 + at, at) for at in range(step, step + 500)])
        CLIENT.log_batch(run.info.run_id, metrics=[
            mlflow.entities.Metric("odd", value, at, step)
            for value, at, step in [(0.1 + 0.2, 5, 0), (float("nan"), 6, 0), (float("inf"), 7, 1), (float("-inf"), 8, -3), (5e-324, 9, 2), (1.7976931348623157e308, 9, 2), (-0.0, 9, 3), (1 / 3, 9, 2**53 + 1)]
        ])
        mlflow.log_input(mlflow.data.from_pandas(pandas.DataFrame({"x": [1, 2]}), name="table"), context="training", tags={"k": "v"})
        mlflow.log_dict({"a": [1, 2]}, "config/dict.json")
        mlflow.log_text("héllo", "notes/note one.txt")
        mlflow.log_text("", "notes/empty.txt")
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "big.bin").write_bytes(os.urandom(3_000_000))
            # MLflow 3.6.0 keeps a name beyond ASCII and fails to serve it, also to its own client.
            odd = "uni & co+1.txt" if mlflow.__version__ == "3.6.0" else "ünï & co+1.txt"
            (Path(folder) / odd).write_text("x")
            CLIENT.log_artifacts(run.info.run_id, folder, "deep/er")
        with mlflow.start_run(run_name="child", nested=True):
            mlflow.log_metric("loss", 2)
    return run.info.run_id


def runs():
    mlflow.set_experiment("risk")
    mlflow.set_experiment_tags({"owner": "ana", "mlflow.note.content": "the first"})
    made["rich"] = rich("one")
    with mlflow.start_run(run_name="failed") as run:
        mlflow.log_metric("loss", 1)
    CLIENT.set_terminated(run.info.run_id, "FAILED", 1_700_000_000_123)
    going = CLIENT.create_run("1", run_name="going")
    CLIENT.log_metric(going.info.run_id, "loss", 1, step=4)
    killed = CLIENT.create_run("1", run_name="killed")
    CLIENT.set_terminated(killed.info.run_id, "KILLED")
    gone = CLIENT.create_run("1", run_name="gone", tags={"a": "b"})
    CLIENT.log_param(gone.info.run_id, "p", "1")
    CLIENT.log_text(gone.info.run_id, "still there", "left.txt")
    CLIENT.set_terminated(gone.info.run_id)
    CLIENT.delete_run(gone.info.run_id)
    mlflow.set_experiment("Default")
    with mlflow.start_run(run_name="in the first experiment"):
        mlflow.log_metric("m", 1)
    other = CLIENT.create_experiment("thrown away", tags={"why": "old"})
    thrown = CLIENT.create_run(other, run_name="thrown")
    CLIENT.set_terminated(thrown.info.run_id)
    CLIENT.delete_experiment(other)
    for n in range(30):
        CLIENT.create_run(CLIENT.create_experiment(f"many {n}"), run_name=f"r{n}")


def models():
    mlflow.set_experiment("risk")
    logged = []
    for n in range(4):
        with mlflow.start_run(run_name=f"training {n}"):
            fitted = LogisticRegression(C=1.0 + n).fit(X, Y)
            one = mlflow.sklearn.log_model(fitted, name="model", input_example=X[:1], registered_model_name="fraud" if n < 3 else None, params={"C": str(n)}, tags={"n": str(n)})
            data = mlflow.data.from_pandas(pandas.DataFrame({"x": [n]}), name="holdout")
            mlflow.log_metric("auc", 0.9 + n / 100, model_id=one.model_id, dataset=data)
            mlflow.log_metric("auc", 0.5 + n / 100, step=1, model_id=one.model_id)
            logged.append(one)
    made["models"] = [one.model_id for one in logged]
    CLIENT.delete_logged_model(logged[3].model_id)
    pending = CLIENT.create_logged_model("1", name="pending", tags={"a": "b"})
    failed = CLIENT.create_logged_model("1", name="failed", model_type="agent")
    CLIENT.finalize_logged_model(failed.model_id, "FAILED")
    with mlflow.start_run(run_name="reads a model") as run:
        CLIENT.log_inputs(run.info.run_id, models=[mlflow.entities.LoggedModelInput(logged[0].model_id)])
    made["pending"] = pending.model_id


def registry():
    CLIENT.update_registered_model("fraud", "finds it")
    CLIENT.set_registered_model_tag("fraud", "owner", "ana")
    CLIENT.set_model_version_tag("fraud", 1, "checked", "yes")
    CLIENT.update_model_version("fraud", 1, "the first")
    CLIENT.delete_model_version("fraud", 2)
    CLIENT.create_model_version("fraud", f"runs:/{made['rich']}/deep", made["rich"], description="of a run")
    CLIENT.create_model_version("fraud", "s3://bucket/model", description="elsewhere")
    CLIENT.create_model_version("fraud", CLIENT.get_run(made["rich"]).info.artifact_uri + "/deep", made["rich"])
    CLIENT.set_registered_model_alias("fraud", "champion", 3)
    CLIENT.set_registered_model_alias("fraud", "old", 1)
    CLIENT.set_registered_model_alias("fraud", "blocked", 4)
    CLIENT.transition_model_version_stage("fraud", 1, "Archived")
    CLIENT.transition_model_version_stage("fraud", 3, "Production")
    CLIENT.create_registered_model("empty", tags={"a": "b"}, description="of no version")
    mlflow.genai.register_prompt(name="greeting", template="Hello {{who}}", commit_message="first", tags={"t": "1"})
    mlflow.genai.register_prompt(name="greeting", template="Good day, {{who}}")
    mlflow.genai.set_prompt_alias("greeting", "live", 1)


runs()
models()
registry()
print(json.dumps(made))
