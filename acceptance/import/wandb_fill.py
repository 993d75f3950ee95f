"""Leaves offline runs of W&B in a folder, through its own client, without a network: `wandb_fill.py FOLDER`."""
import os
import sys
from pathlib import Path

folder = Path(sys.argv[1])
os.environ |= {"WANDB_MODE": "offline", "WANDB_DIR": str(folder), "WANDB_SILENT": "true", "WANDB_DISABLE_GIT": "true", "WANDB_DISABLE_CODE": "true"}

import wandb

for n, (project, name) in enumerate([("churn", "first"), ("churn", "second"), ("other", "third")]):
    run = wandb.init(project=project, name=name, config={"lr": 0.1, "layers": [1, 2], "opt": {"kind": "adam", "beta": 0.9}, "none": None}, tags=["a", "b"], notes="what it is", group="g", job_type="train")
    for step in range(3_000 if n == 0 else 5):
        run.log({"loss": 1 / (step + 3), "acc": step, "nested": {"deep": step / 7}, "bad": float("nan"), "text": "no number"})
    run.log({"late": 1e308}, step=5_000)
    run.summary["best"] = 0.25
    (Path(run.dir) / "note one.txt").write_text("héllo")
    run.save(str(Path(run.dir) / "note one.txt"), base_path=run.dir)
    if n == 0:
        model = wandb.Artifact("net", type="model")
        with model.new_file("weights.bin", mode="wb") as file:
            file.write(bytes(range(256)) * 100)
        run.log_artifact(model)
    run.finish(exit_code=1 if n == 1 else 0)
