"""Holds PyPI `model-signing` and ours against each other, over the same folders and signatures.

    check.py COUNTERSIGN MODELS SIGNATURES KEY

MODELS are folders as a client has downloaded them, SIGNATURES those of the server, NAME.sig each, KEY its public key. Prints how many
verdicts were given, and ends with 1 at the first that is wrong.
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import model_signing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

OURS, MODELS, SIGNATURES, KEY = sys.argv[1], *map(pathlib.Path, sys.argv[2:5])
THEIRS = pathlib.Path(sys.executable).with_name("model_signing")
DRAW = random.Random(11)
FLIPS = 150
ADDED = "registered_model_meta"
given = {"accepted": 0, "files refused": 0, "signatures refused": 0, "refused by ours alone": 0}


def wrong(what):
    raise SystemExit(f"wrong: {what}")


def ours(model, signature, key, *more):
    """Returns the code of our verdict, and the paths that differ."""
    words = [OURS, "model", "verify", model, "--signature", signature, "--public-key", key, "--json", *more]
    said = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    if said.returncode not in (0, 1, 4):
        wrong(f"ours broke on {model}: {said.stderr}")
    error = json.loads(said.stderr)["error"]["code"] if said.returncode else None
    paths = [one["path"] for one in json.loads(said.stdout)["differences"]] if said.stdout else []
    return said.returncode, error, paths


def theirs(model, signature, key, git=True):
    """Says whether they accept, as their program does."""
    ignored = [os.path.relpath(signature, model)]
    hashing = model_signing.hashing.Config().set_ignored_paths(
        paths=[path for path in ignored if not path.startswith("..")], ignore_git_paths=git
    )
    verifying = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=key)
    try:
        verifying.set_hashing_config(hashing).verify(model, signature)
        return True
    except Exception:
        return False


def accepted(model, signature, key, git=True):
    """Demands that both accept, theirs as a program too."""
    words = [THEIRS, "verify", "key", model, "--signature", signature, "--public_key", key]
    words += [] if git else ["--no-ignore-git-paths"]
    said = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    if said.returncode:
        wrong(f"theirs refused {model} by {signature}: {said.stderr}")
    code, error, paths = ours(model, signature, key)
    if code or not theirs(model, signature, key, git):
        wrong(f"{model} by {signature}: ours {code} {error} {paths}")
    given["accepted"] += 2


def refused(model, signature, key, path):
    """Demands that both refuse, and ours by the path that was changed."""
    code, error, paths = ours(model, signature, key)
    if theirs(model, signature, key, git=False) or (code, error) != (1, "model-differs") or path not in paths:
        wrong(f"{model} with {path} changed: ours {code} {error} {paths}")
    given["files refused"] += 2


def files(model):
    return [path for path in sorted(model.rglob("*")) if path.is_file()]


def tampered(model, signature, key):
    """Changes one thing at a time in a copy of a model, and undoes it."""
    for path in files(model):
        name, data = str(path.relative_to(model)), path.read_bytes()
        if data:
            at = DRAW.randrange(len(data))
            path.write_bytes(data[:at] + bytes([data[at] ^ 1 << DRAW.randrange(8)]) + data[at + 1 :])
            refused(model, signature, key, name)
            path.write_bytes(data[:-1])
            refused(model, signature, key, name)
        path.write_bytes(data + b"\0")
        refused(model, signature, key, name)
        path.unlink()
        refused(model, signature, key, name)
        path.symlink_to(KEY.resolve())
        refused(model, signature, key, name)
        path.unlink()
        path.write_bytes(data)
        other = path.with_name(path.name + "~")
        path.rename(other)
        refused(model, signature, key, str(other.relative_to(model)))
        other.rename(path)
        other.write_bytes(b"")
        refused(model, signature, key, str(other.relative_to(model)))
        other.unlink()
    for one, two in zip(files(model), files(model)[1:]):
        first, second = one.read_bytes(), two.read_bytes()
        if first != second:
            one.write_bytes(second), two.write_bytes(first)
            refused(model, signature, key, str(one.relative_to(model)))
            one.write_bytes(first), two.write_bytes(second)
    if ours(model, signature, key)[0]:
        wrong(f"{model} is not what it was")


def altered(model, signature, key, folder):
    """Flips bits of a signature: whatever theirs refuses, ours does; ours may refuse more."""
    text = signature.read_bytes()
    for _ in range(FLIPS):
        at = DRAW.randrange(len(text))
        other = folder / "altered.sig"
        other.write_bytes(text[:at] + bytes([text[at] ^ 1 << DRAW.randrange(7)]) + text[at + 1 :])
        code, error, _ = ours(model, other, key)
        by_theirs = theirs(model, other, key, git=False)
        if code == 0 and not by_theirs:
            wrong(f"ours accepts {signature} with byte {at} altered")
        if code:
            given["signatures refused"] += 2 - by_theirs
            given["refused by ours alone"] += by_theirs


def key(folder, name, curve):
    """Makes a pair of keys."""
    secret = ec.generate_private_key(curve)
    pem = serialization.Encoding.PEM
    private = (folder / f"{name}.key", folder / f"{name}.pem")
    private[0].write_bytes(
        secret.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    private[1].write_bytes(secret.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    return private


def main(folder):
    models = {path.stem: (MODELS / path.stem, path) for path in sorted(SIGNATURES.glob("*.sig"))}
    for name, (model, signature) in models.items():
        if name == "git":
            # Theirs passes over what belongs to git unless it is told not to, and then misses what was signed.
            if theirs(model, signature, KEY):
                wrong("theirs looks at what belongs to git")
        accepted(model, signature, KEY, git=name != "git")
    # Their signatures, of the same folders, with keys of two kinds; the signature lies beside the files.
    pairs = [key(folder, "p256", ec.SECP256R1()), key(folder, "p384", ec.SECP384R1())]
    for name, (model, _) in models.items():
        for secret, public in pairs:
            signature = model / "theirs.sig"
            words = [THEIRS, "sign", "key", model, "--private_key", secret, "--signature", signature]
            subprocess.run(list(map(str, words)), check=True, capture_output=True)
            accepted(model, signature, public)
            if theirs(model, signature, KEY) or ours(model, signature, KEY)[1] != "model-signature-foreign":
                wrong("a signature by another key passes")
            given["signatures refused"] += 2
            signature.rename(folder / f"{name}-{public.stem}.sig")
    copy = folder / "plain"
    shutil.copytree(models["plain"][0], copy)
    (copy / ADDED).unlink()
    words = [THEIRS, "sign", "key", copy, "--private_key", pairs[0][0], "--signature", folder / "bare.sig"]
    subprocess.run(list(map(str, words)), check=True, capture_output=True)
    for signature, public in [(models["plain"][1], KEY), (folder / "bare.sig", pairs[0][1])]:
        tampered(copy, signature, public)
        altered(copy, signature, public, folder)
    # What MLflow's client writes into each download is passed over by ours, and a signature from elsewhere does not know of it.
    if not (MODELS / "registered" / ADDED).exists():
        wrong(f"MLflow's client writes no {ADDED} any more")
    accepted(MODELS / "registered", models["plain"][1], KEY)
    _, error, paths = ours(MODELS / "registered", folder / "bare.sig", pairs[0][1])
    if (error, paths) != ("model-differs", [ADDED]):
        wrong(f"what MLflow's client adds: {error} {paths}")
    if ours(MODELS / "registered", folder / "bare.sig", pairs[0][1], "--ignore", ADDED)[0]:
        wrong("what MLflow's client adds is passed over, and it is refused nonetheless")


with tempfile.TemporaryDirectory() as work:
    main(pathlib.Path(work))
print(json.dumps(given))
