"""Flips bytes of a published log, one at a time on a copy, and demands that a checker refuses each.

    tamper.py LOG_FOLDER FLIPS CHECKER…

`LOG` among the words of the checker stands for the copy. Prints how many flips there were, spread over every file.
"""

import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

source, flips, words = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
copy = pathlib.Path(tempfile.mkdtemp()) / "log"
shutil.copytree(source, copy)
checker = [str(copy) if word == "LOG" else word for word in words]
files = sorted(file for file in copy.rglob("*") if file.is_file())
chosen = random.Random(1)


def accepts():
    return subprocess.run(checker, capture_output=True, timeout=60, check=False).returncode == 0


if not accepts():
    sys.exit("the log is refused as it is")
for number in range(flips):
    file = files[number % len(files)]
    whole = file.read_bytes()
    at = chosen.randrange(len(whole))
    file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << chosen.randrange(8))]) + whole[at + 1 :])
    if accepts():
        sys.exit(f"byte {at} of {file.relative_to(copy)} was flipped, and nothing was noticed")
    file.write_bytes(whole)
print(flips)
