#!/usr/bin/env python3
"""Has PyPI `model-signing` sign one small model in every way it knows, with keys that are thrown away.

The crate `evidence` must verify what is signed with a key by files and SHA-256, and refuse the rest as what it is: its tests read the
files this writes. They are what the program has put out (model-signing, Apache-2.0); none of its text is in them.

  PYTHON_WITH_MODEL_SIGNING acceptance/model_signing/vectors.py FOLDER
"""

import datetime
import pathlib
import sys
import tempfile

import model_signing
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FILES = {
    "MLmodel": b"flavors: {}\n",
    "a.txt": b"beside the folder a\n",
    "a/b/weights.bin": bytes(range(256)),
    "a/empty": b"",
    "über 模型.txt": "ü\n".encode(),
}


def key(folder, name, curve):
    """Makes a pair of keys, keeps the public one for the tests, and returns where the secret one is."""
    secret = ec.generate_private_key(curve)
    path = folder / f"{name}.key"
    path.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    public = secret.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (TO / f"{name}.pem").write_bytes(public)
    return path, secret


def certificate(folder, secret):
    """Has a key sign its own certificate."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vectors")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    usage = x509.KeyUsage(True, False, False, False, False, True, False, False, False)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(usage, True)
        .sign(secret, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


def sign(model, name, secret, hashing):
    """Signs a model with a key."""
    signing = model_signing.signing.Config().use_elliptic_key_signer(private_key=secret)
    signing.set_hashing_config(hashing).sign(model, TO / f"{name}.sig")


def main(work):
    model = work / "model"
    for name, data in FILES.items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(data)
    by_files = lambda: model_signing.hashing.Config().set_ignored_paths(paths=["model.sig"])
    p256, secret = key(work, "p256", ec.SECP256R1())
    p384, _ = key(work, "p384", ec.SECP384R1())
    p521, _ = key(work, "p521", ec.SECP521R1())
    key(work, "other", ec.SECP256R1())
    sign(model, "p256", p256, by_files())
    sign(model, "p384", p384, by_files())
    sign(model, "p521", p521, by_files())
    sign(model, "links", p256, by_files().set_allow_symlinks(True))
    sign(model, "shards", p256, by_files().use_shard_serialization(shard_size=100))
    sign(model, "blake2", p256, by_files().use_file_serialization(hashing_algorithm="blake2"))
    sign(model, "blake3", p256, by_files().use_file_serialization(hashing_algorithm="blake3"))
    sign(model / "MLmodel", "one-file", p256, model_signing.hashing.Config())
    (work / "nothing").mkdir()
    sign(work / "nothing", "nothing", p256, by_files())
    chain = certificate(work, secret)
    signing = model_signing.signing.Config().use_certificate_signer(
        private_key=p256, signing_certificate=chain, certificate_chain=[chain]
    )
    signing.set_hashing_config(by_files()).sign(model, TO / "certificate.sig")


TO = pathlib.Path(sys.argv[1])
with tempfile.TemporaryDirectory() as work:
    main(pathlib.Path(work))
