"""Changes each byte that a vote's signature is about, in a copy of a bundle, and has `countersign-verify` read each copy.

    tampered.py PROGRAM LOG_KEY BUNDLE…

Prints counts as JSON.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

from outsiders import is_of_vote, items

program, key = sys.argv[1:3]
counts = {"changed": 0, "refused": 0}


def write(path, members):
    with zipfile.ZipFile(path, "w") as bundle:
        for name, content in members:
            bundle.writestr(name, content)


def verdict(path):
    return subprocess.run([program, str(path), "--key", key], capture_output=True, timeout=60).returncode


def one(path, folder):
    with zipfile.ZipFile(path) as bundle:
        members = [(info, bundle.read(info)) for info in bundle.infolist()]
    copy = folder / "copy.evidence"
    write(copy, members)
    assert verdict(copy) == 0, "an equal copy is not read"
    (at, vote), = [(at, body) for at, (info, content) in enumerate(members) for body in items(info.filename, content) if is_of_vote(body)]
    info, content = members[at]
    for part in (vote[8][number] for number in (1, 2, 3, 4)):
        start = content.index(part)
        for place in range(start, start + len(part)):
            changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            write(copy, members[:at] + [(info, changed)] + members[at + 1 :])
            counts["changed"] += 1
            counts["refused"] += verdict(copy) == 1


with tempfile.TemporaryDirectory() as folder:
    for path in sys.argv[3:]:
        one(path, pathlib.Path(folder))
print(json.dumps(counts))
sys.exit(counts["refused"] != counts["changed"])
