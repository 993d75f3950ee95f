"""Trains a small model with scikit-learn, and logs it with the stock MLflow client: train.py URL KEY DATA SEED. Prints the run's id."""

import hashlib
import os
import platform
import subprocess
import sys

url, key, data, seed = sys.argv[1:]
os.environ["MLFLOW_TRACKING_TOKEN"] = key

import mlflow
import numpy as np
from sklearn.linear_model import SGDRegressor

mlflow.set_tracking_uri(url)
mlflow.set_registry_uri(url)
mlflow.set_experiment("reproduction")
table = np.loadtxt(data, delimiter=",")
features, targets = table[:, :-1] / 1_000, table[:, -1]
with mlflow.start_run() as run:
    mlflow.log_params({"seed": seed, "rounds": 20})
    digest = hashlib.sha256(open(data, "rb").read()).hexdigest()[:16]
    mlflow.log_input(mlflow.data.from_numpy(table, name="claims", digest=digest), context="training")
    frozen = subprocess.run([sys.executable, "-m", "pip", "freeze"], check=True, capture_output=True, text=True).stdout
    mlflow.log_text(frozen, "requirements-frozen.txt")
    mlflow.set_tags({"countersign.env.hardware": platform.machine(), "countersign.env.python": platform.python_version()})
    model = SGDRegressor(max_iter=20, tol=None, random_state=int(seed)).fit(features[:300], targets[:300])
    mlflow.log_metric("error", float(np.mean((model.predict(features[300:]) - targets[300:]) ** 2)))
    mlflow.sklearn.log_model(model, name="model", registered_model_name="claims", pip_requirements=["scikit-learn", "numpy"])
print(run.info.run_id)
