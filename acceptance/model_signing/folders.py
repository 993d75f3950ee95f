#!/usr/bin/env python3
"""Writes folders of models, as awkward as models are: folders.py FOLDER."""

import pathlib
import random
import sys

TO = pathlib.Path(sys.argv[1])
DRAW = random.Random(7)

MODELS = {
    "plain": {
        "MLmodel": b"flavors: {}\n",
        "a.txt": b"beside the folder a\n",
        "a/b/weights.bin": DRAW.randbytes(70_000),
        "a/empty": b"",
        "a/b c/d.e/f": b"deep\n",
        "über 模型 🙂.txt": "ü\n".encode(),
        "e\u0301.txt": b"an accent by itself\n",
        ".hidden/x": b"1",
    },
    "many": {f"part-{n % 7}/{n % 31}/{n}.bin": DRAW.randbytes(n) for n in range(600)},
    "large": {"weights.bin": DRAW.randbytes(100_000_000), "MLmodel": b"flavors: {}\n"},
    "git": {"MLmodel": b"flavors: {}\n", ".gitattributes": b"*.bin binary\n", "a/.gitignore": b"*.tmp\n"},
    "own": {"MLmodel": b"flavors: {}\n", "model.sig": b"{}", "a/model.sig": b"{}"},
}

for model, files in MODELS.items():
    for name, data in files.items():
        path = TO / model / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
