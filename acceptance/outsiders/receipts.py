"""Holds receipts of single records, and those inside an evidence bundle, against software from elsewhere.

Each has a control that must be refused.

    receipts.py COUNTERSIGN FOLDER INDEX…

The folder is the one that COUNTERSIGN works in; nothing serves it. Prints what was accepted and refused, as JSON.
"""

import base64
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import cryptography.hazmat.primitives.serialization as serialization
from google.protobuf.json_format import ParseDict
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

program, folder, indices = sys.argv[1], sys.argv[2], [int(word) for word in sys.argv[3:]]
beside = pathlib.Path(sys.executable).parent
work = pathlib.Path(tempfile.mkdtemp())
log = pathlib.Path(folder) / "data" / "log"
counts = {}


def run(*words, text=None):
    return subprocess.run([str(word) for word in words], capture_output=True, timeout=30, check=False, input=text)


def countersign(*words):
    done = run(program, "--dir", folder, "log", *words)
    if done.returncode != 0:
        sys.exit(f"{words}: {done.stderr.decode()}")
    return done.stdout.decode().strip()


def must(by, what, is_so, said=""):
    """Counts what one program was right about; the first thing it was wrong about ends the run."""
    if not is_so:
        sys.exit(f"{by}: {what}: {said}")
    counts[by] = counts.get(by, 0) + 1


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


log_key = countersign("key")
statement_key = countersign("key", "--statement")
pem = work / "statement.pem"
pem.write_text(countersign("key", "--statement", "--pem") + "\n")


def proofbundle(proof, payload, *more):
    return run(beside / "proofbundle", "verify-proof", proof, "--payload-file", payload, "--log-vkey", log_key, *more)


def tlog_proof(index, leaf, wrong):
    file = work / "one.tlog-proof"
    countersign("receipt", index, "--format", "tlog-proof", "--output", file, "--leaf", leaf)
    wrong.write_bytes(flipped(leaf.read_bytes(), -1 % leaf.stat().st_size))

    done = proofbundle(file, leaf, "--expected-origin", log_key.split("+")[0])
    must("proofbundle", "accepts the proof", done.returncode == 0, done.stdout)
    must("proofbundle", "refuses another leaf", proofbundle(file, wrong).returncode != 0)
    altered = work / "altered.tlog-proof"
    altered.write_text(file.read_text().replace(f"index {index}\n", f"index {index ^ 1}\n"))
    must("proofbundle", "refuses another index", proofbundle(altered, leaf).returncode != 0)
    needs = ("--witness-vkey", log_key, "--threshold", "1")
    must("proofbundle", "counts the log as no witness", proofbundle(file, leaf, *needs).returncode != 0)

    done = run(beside / "tlog-tiles", "gen-proof", log, index)
    must("tlog-scales", "makes the very proof that we make", done.stdout == file.read_bytes(), done.stderr)
    done = run(beside / "tlog-tiles", "get-leaf", "--check", log, index)
    must("tlog-scales", "finds and checks the leaf", done.stdout == leaf.read_bytes(), done.stderr)
    theirs = work / "theirs.tlog-proof"
    theirs.write_bytes(run(beside / "tlog-tiles", "gen-proof", log, index).stdout)
    ours(theirs, leaf, wrong, log_key)


def ours(file, leaf, wrong, key, *more):
    """Our own verifier on the same file: what others accept and refuse, it does."""
    verify = program + "-verify"
    done = run(verify, file, "--key", key, "--leaf", leaf, *more)
    must("countersign-verify", f"accepts {file.name}", done.returncode == 0, done.stdout + done.stderr)
    done = run(verify, file, "--key", key, "--leaf", wrong, *more)
    must("countersign-verify", f"refuses {file.name} for another leaf", done.returncode == 1, done.stdout + done.stderr)


def cose(index, leaf, wrong):
    file = work / "one.cose"
    countersign("receipt", index, "--format", "cose", "--output", file)

    def scitt(receipt, entry, key=pem):
        words = ("--receipt", receipt, "--receipt-log-pubkey", key, "--leaf-entry-hex", entry.read_bytes().hex(), "--json")
        done = run(beside / "scitt-cose", *words)
        return done.returncode, done.stdout

    code, said = scitt(file, leaf)
    found = json.loads(said)["receipt"] if code == 0 else {}
    checkpoint = (log / "checkpoint").read_text().split("\n")
    must("scitt-cose", "accepts the receipt", code == 0 and found["leaf_index"] == index, said)
    must("scitt-cose", "rebuilds the checkpoint's root", bytes.fromhex(found["root"]) == base64.b64decode(checkpoint[2]))
    must("scitt-cose", "refuses another leaf", scitt(file, wrong)[0] == 1)
    altered = work / "altered.cose"
    altered.write_bytes(flipped(file.read_bytes(), file.stat().st_size - 1))
    must("scitt-cose", "refuses a flipped signature", scitt(altered, leaf)[0] == 1)
    log_pem = work / "log.pem"
    log_pem.write_text(countersign("key", "--pem") + "\n")
    must("scitt-cose", "refuses the log's own key", scitt(file, leaf, log_pem)[0] == 1)
    ours(file, leaf, wrong, statement_key)


def dsse(index, leaf, wrong):
    file = work / "one.dsse.json"
    countersign("receipt", index, "--format", "dsse", "--output", file)
    public = serialization.load_pem_public_key(pem.read_bytes())
    key = SSlibKey.from_crypto(public, "statement")
    wire = json.loads(file.read_text())
    # The id of a key is a hint; this library looks signatures up by it.
    wire["signatures"][0]["keyid"] = key.keyid
    envelope = Envelope.from_dict(wire)
    must("securesystemslib", "accepts the envelope", set(envelope.verify([key], 1)) == {key.keyid})

    def refuses(altered):
        try:
            altered.verify([key], 1)
        except VerificationError:
            return True
        return False

    other = Envelope(flipped(envelope.payload, 100), envelope.payload_type, envelope.signatures)
    must("securesystemslib", "refuses a flipped payload", refuses(other))
    typed = Envelope(envelope.payload, "application/json", envelope.signatures)
    must("securesystemslib", "refuses another payload type", refuses(typed))

    statement = json.loads(envelope.payload)
    Statement.copy_from_pb(ParseDict(statement, StatementMessage())).validate()
    must("in-toto-attestation", "accepts the statement", True)
    for part in ("predicateType", "subject"):
        lacking = {name: value for name, value in statement.items() if name != part}
        try:
            Statement.copy_from_pb(ParseDict(lacking, StatementMessage())).validate()
        except ValueError:
            must("in-toto-attestation", f"refuses a statement without its {part}", True)
        else:
            must("in-toto-attestation", f"refuses a statement without its {part}", False)
    ours(file, leaf, wrong, statement_key, "--log-key", log_key)


def bundle():
    """An evidence bundle is a ZIP: whoever unpacks it holds its proofs against its leaves with software from elsewhere."""
    agent = next((pathlib.Path(folder) / "keys").glob("agent-*.key")).stem.removeprefix("agent-")
    file, unpacked = work / "agent.evidence", work / "unpacked"
    countersign("export", "--agent", agent, "--output", file)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(unpacked)
    proofs = sorted((unpacked / "records").glob("*.tlog-proof"))
    must("proofbundle", "finds the records of a bundle", len(proofs) > 3)
    for proof in proofs[:: max(1, len(proofs) // 4)]:
        leaf, wrong = proof.with_suffix(".leaf"), work / "wrong"
        wrong.write_bytes(flipped(leaf.read_bytes(), 0))
        done = proofbundle(proof, leaf)
        must("proofbundle", f"accepts {proof.name} of a bundle", done.returncode == 0, done.stdout)
        must("proofbundle", f"refuses another leaf for {proof.name}", proofbundle(proof, wrong).returncode != 0)


for index in indices:
    leaf, wrong = work / "leaf", work / "wrong"
    tlog_proof(index, leaf, wrong)
    cose(index, leaf, wrong)
    dsse(index, leaf, wrong)
bundle()
print(json.dumps(counts))
