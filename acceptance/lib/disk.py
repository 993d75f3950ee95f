"""What an erasure leaves on the disk: `disk.py note DB FILE` notes everything that is sealed now, `disk.py search FILE DB FOLDER`
looks in every file of a folder for what of it was erased since. `disk.py whole DB FILE` notes everything that this journal alone
holds, `disk.py none FILE FOLDER` demands that no file of a folder has a piece of it."""

import json
import pathlib
import sqlite3
import sys

PIECE = 16


def sealed(database):
    """Returns all sealed contents, wrapped keys and tags that are there, by place."""
    db = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    contents = db.execute("SELECT seq, sealed FROM content WHERE subjects = '' OR trim(subjects) <> ''")
    places = {f"content {seq}": bytes(blob).hex() for seq, blob in contents}
    for number, tag, wrapped in db.execute("SELECT id, tag, wrapped FROM subject"):
        places[f"key {number}"] = bytes(wrapped).hex()
        places[f"tag {number}"] = bytes(tag).hex()
    db.close()
    return places


def windows(folder):
    found = set()
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found.update(data[at : at + PIECE] for at in range(len(data) - PIECE + 1))
    return found


def pieces(places):
    for text in places.values():
        data = bytes.fromhex(text)
        yield from (data[at : at + PIECE] for at in range(0, len(data) - PIECE + 1, PIECE))


def search(noted, database, folder):
    before, now = json.loads(pathlib.Path(noted).read_text()), sealed(database)
    gone = {place: text for place, text in before.items() if place not in now}
    kept = {place: text for place, text in before.items() if place in now}
    disk = windows(folder)
    left = sum(piece in disk for piece in pieces(gone))
    there = sum(piece in disk for piece in pieces(kept))
    print(f"{len(gone)} sealed values erased, {left} pieces of them on the disk; {len(kept)} kept, {there} pieces of those")
    if left or not gone or not there or not any(place.startswith("key") for place in gone):
        raise SystemExit(1)


def whole(database):
    """Returns all contents and wrapped keys. Tags are the same in every journal of a tenant, and leaves share parts."""
    db = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    rows = db.execute("SELECT sealed FROM content UNION ALL SELECT wrapped FROM subject")
    places = {str(number): bytes(blob).hex() for number, (blob,) in enumerate(rows)}
    db.close()
    return places


def none(noted, folder):
    gone, disk = json.loads(pathlib.Path(noted).read_text()), windows(folder)
    left = sum(piece in disk for piece in pieces(gone))
    print(f"{len(gone)} values deleted, {left} pieces of them on the disk")
    if left or not gone:
        raise SystemExit(1)


if sys.argv[1] == "note":
    pathlib.Path(sys.argv[3]).write_text(json.dumps(sealed(sys.argv[2])))
elif sys.argv[1] == "whole":
    pathlib.Path(sys.argv[3]).write_text(json.dumps(whole(sys.argv[2])))
elif sys.argv[1] == "none":
    none(*sys.argv[2:])
else:
    search(*sys.argv[2:])
