"""Holds what was imported against the logs of W&B, read by its own messages: `wandb_same.py URL FOLDER`. Tells what differs."""
import json
import math
import subprocess
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import mlflow

mlflow.set_tracking_uri(sys.argv[1])
CLIENT = mlflow.MlflowClient()
READ = """
import json, struct, sys
from wandb.proto import wandb_internal_pb2 as messages
data, at, part, records = open(sys.argv[1], "rb").read(), 7, b"", []
while at + 7 <= len(data):
    if 32768 - at % 32768 < 7:
        at += 32768 - at % 32768
        continue
    _, length, kind = struct.unpack("<IHB", data[at : at + 7])
    part = (part if kind in (3, 4) else b"") + data[at + 7 : at + 7 + length]
    at += 7 + length
    if kind in (1, 4):
        record = messages.Record()
        record.ParseFromString(part)
        if record.WhichOneof("record_type") == "history":
            records.append([record.history.step.num, [[".".join(item.nested_key) or item.key, item.value_json] for item in record.history.item]])
        if record.WhichOneof("record_type") == "run":
            print(json.dumps([record.run.run_id, record.run.project, record.run.display_name]))
print(json.dumps(records))
"""
python = next(Path(__file__).parents[2].glob("target/tools/venv-wandb/bin/python"))
points = 0
for log in sorted(Path(sys.argv[2]).glob("wandb/offline-run-*/run-*.wandb")):
    lines = subprocess.run([python, "-c", READ, log], check=True, capture_output=True, text=True).stdout.splitlines()
    (id, project, name), records = json.loads(lines[0]), json.loads(lines[-1])
    run = CLIENT.get_run(id)
    assert (run.info.run_name, CLIENT.get_experiment(run.info.experiment_id).name) == (name, project)
    assert run.data.params["lr"] == "0.1" and run.data.params["opt.kind"] == "adam", run.data.params
    wanted = {}
    for step, items in records:
        at = next(float(value) for key, value in items if key == "_timestamp")
        for key, value in items:
            value = json.loads(value)
            if not key.startswith("_") and isinstance(value, (int, float)):
                wanted.setdefault(key, []).append([step, round(at * 1_000), float(value).hex()])
    for key, history in wanted.items():
        kept = [[point.step, point.timestamp, float(point.value).hex()] for point in CLIENT.get_metric_history(id, key)]
        assert sorted(kept) == sorted(history), (key, len(kept), len(history))
        points += len(kept)
    assert set(run.data.metrics) == set(wanted)
    beside = {path.name: path.read_text() for path in (log.parent / "files").iterdir()}
    assert {file.path for file in CLIENT.list_artifacts(id)} == set(beside)
    assert mlflow.artifacts.load_text(f"runs:/{id}/note one.txt") == beside["note one.txt"]
assert points > 9_000 and math.isfinite(points), points
print(f"ok      {points:,} points of W&B are those of its logs")
