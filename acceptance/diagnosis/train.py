"""Trains a small model and logs it with the stock MLflow client:
train.py URL KEY NAME DATA lr=… seed=… batch=… [hidden=…]

Prints the run's id, its status, and the step at which the loss was no finite number first, or none. What is hidden changes the
training and is not logged.
"""

import hashlib
import importlib.metadata
import os
import platform
import sys

url, key, name, data, *rest = sys.argv[1:]
os.environ["MLFLOW_TRACKING_TOKEN"] = key

import mlflow
import numpy as np

import preprocess
import stepper

EPOCHS = 60
given = dict(word.split("=") for word in rest)
hidden = float(given.pop("hidden", "1"))
lr, seed, batch = float(given["lr"]), int(given["seed"]), int(given["batch"])

mlflow.set_tracking_uri(url)
mlflow.set_experiment("diagnosis")
np.seterr(all="ignore")

table = np.loadtxt(data, delimiter=",", dtype=np.float32)
features, targets = preprocess.prepared(table[:, :-1]), table[:, -1]
rng = np.random.default_rng(seed)
weights = rng.normal(0, 0.1, features.shape[1]).astype(np.float32)
bias = np.float32(0)
onset = "none"
run = mlflow.start_run(run_name=name)
try:
    with run:
        mlflow.log_params({**given, "epochs": EPOCHS, "model": "linear"})
        mlflow.set_tag("countersign.env.python", platform.python_version())
        packages = ["numpy", "mlflow", "stepper"]
        mlflow.log_text("".join(f"{one}=={importlib.metadata.version(one)}\n" for one in packages), "requirements.txt")
        digest = hashlib.sha256(open(data, "rb").read()).hexdigest()[:16]
        dataset = mlflow.data.from_numpy(table, name="claims", digest=digest)
        mlflow.log_input(dataset, context="training")
        bad = 0
        for step in range(EPOCHS):
            chosen = rng.permutation(len(targets))[:batch]
            error = features[chosen] @ weights + bias - targets[chosen]
            slope = np.float32(hidden) * 2 * (features[chosen].T @ error) / np.float32(batch)
            weights = stepper.stepped(weights, slope, np.float32(lr))
            bias = bias - np.float32(min(lr, 0.1)) * 2 * error.mean()
            loss = float(np.mean((features @ weights + bias - targets) ** 2))
            mlflow.log_metrics({"loss": loss, "slope": float(np.abs(slope).max())}, step=step)
            if not np.isfinite(loss):
                onset = step if onset == "none" else onset
                bad += 1
            if bad == 3:
                raise FloatingPointError("the loss is no number")
except FloatingPointError:
    pass
print(run.info.run_id, mlflow.get_run(run.info.run_id).info.status, onset)
