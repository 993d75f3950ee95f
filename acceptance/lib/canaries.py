"""Looks for canaries in everything a run leaves behind.

`canaries.py search FILE PATH…`  searches files and folders, and what is packed in them, for the canaries of FILE; each hit is
                               printed, and the exit code is 1 if there is one
`canaries.py prove FILE FOLDER`  plants each form of each canary in a file of FOLDER and demands that it is found
`canaries.py add FILE NAME`      reads one more canary from standard input

FILE is a JSON object: the name of each canary, and its value as a text.
"""

import base64
import gzip
import json
import pathlib
import sys
import urllib.parse
import zipfile


def forms(value):
    """Returns the bytes by which a value would be seen, by the name of the form."""
    raw = value.encode()
    found = {
        "raw": raw,
        "json": json.dumps(value)[1:-1].encode(),
        "json twice": json.dumps(json.dumps(value))[1:-1].strip('\\"').encode(),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "percent": urllib.parse.quote(value, safe="").encode(),
        "percent of each byte": "".join(f"%{byte:02X}" for byte in raw).encode(),
        "utf-16le": value.encode("utf-16-le"),
        "utf-16be": value.encode("utf-16-be"),
    }
    for shift in range(3):
        # What stands in front shifts the groups of three bytes; the first and the last group depend on neighbours.
        coded = base64.b64encode(b"\0" * shift + raw)
        found[f"base64 +{shift}"] = coded[4 if shift else 0 : -4]
        found[f"base64url +{shift}"] = coded.translate(bytes.maketrans(b"+/", b"-_"))[4 if shift else 0 : -4]
    if value.isdigit() and int(value) < 2**64:
        for order in ("big", "little"):
            found[f"{order}-endian"] = int(value).to_bytes(8, order)
    return found


def unpacked(path):
    """Yields the bytes of a file, and of what is packed in it."""
    data = path.read_bytes()
    yield str(path), data
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield f"{path}!{name}", archive.read(name)
    if data[:2] == b"\x1f\x8b":
        yield f"{path}!", gzip.decompress(data)


def files(paths):
    for path in map(pathlib.Path, paths):
        yield from (each for each in (path.rglob("*") if path.is_dir() else [path]) if each.is_file())


def hits(canaries, paths):
    wanted = [(name, form, data) for name, value in canaries.items() for form, data in forms(value).items()]
    count = size = 0
    found = []
    for file in files(paths):
        for place, data in unpacked(file):
            count, size = count + 1, size + len(data)
            found += [(place, name, form) for name, form, needle in wanted if needle in data]
    return found, count, size


def search(canaries, paths):
    found, count, size = hits(canaries, paths)
    for place, name, form in found:
        print(f"{place}: the canary `{name}`, {form}")
    print(f"{len(canaries)} canaries looked for in {count} files, {size} bytes: {len(found)} hits")
    return not found


def prove(canaries, folder):
    folder = pathlib.Path(folder)
    folder.mkdir()
    planted = 0
    for name, value in canaries.items():
        for form, data in forms(value).items():
            path = folder / "planted"
            path.write_bytes(b"before" + data + b"behind")
            if not any(hit[1:] == (name, form) for hit in hits({name: value}, [folder])[0]):
                raise SystemExit(f"the search does not find `{name}` as {form}")
            planted += 1
            path.unlink()
    name, value = next(iter(canaries.items()))
    with zipfile.ZipFile(folder / "packed.evidence", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.json", json.dumps({"a": value}))
    if not any("!inside.json" in hit[0] for hit in hits({name: value}, [folder])[0]):
        raise SystemExit("the search does not look into archives")
    print(f"each of {planted + 1} planted hits is found")
    return True


def main():
    command, file, *rest = sys.argv[1:]
    path = pathlib.Path(file)
    canaries = json.loads(path.read_text())
    if command == "add":
        canaries[rest[0]] = sys.stdin.read().strip()
        path.write_text(json.dumps(canaries))
        return
    done = search(canaries, rest) if command == "search" else prove(canaries, rest[0])
    raise SystemExit(0 if done else 1)


main()
