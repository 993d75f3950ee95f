"""Makes of a starter bundle for the server `orders` one in which an agent changes test systems by itself: `orders`, `ledger`, and those of other bundles.

bundle.py BUNDLE LEDGER-VARIABLE OTHER…: each OTHER is the starter bundle of one server more.
"""

import pathlib
import re
import sys

bundle, ledger, others = pathlib.Path(sys.argv[1]), sys.argv[2], [pathlib.Path(other) for other in sys.argv[3:]]

KEYED = "# The server says that it does a call once under this argument"


def edit(name, *parts):
    path = bundle / name
    text = path.read_text()
    for old, new in parts:
        assert old in text, f"{old!r} is not in {name}"
        text = text.replace(old, new)
    path.write_text(text)


def placed(catalog, name):
    """Says of each tool that can be taken back that it changes this test system."""
    parts = re.split(r"(?m)^(?=\[tools\.)", catalog)
    place = f'resource = {{ kind = "System", is = "{name}" }}\n'
    return "".join(part.replace(KEYED, place + KEYED, 1) if whole else part for part, whole in marked(parts))


def marked(parts):
    """Says of each part whether it begins a tool that can be taken back: its `undo` is a part of its own."""
    following = parts[1:] + [""]
    return [(part, KEYED in part and ".undo]" in after.split("\n", 1)[0]) for part, after in zip(parts, following)]


def actions(schema, name, changes):
    """Returns the actions of a server, those that change it on the system."""
    found = re.findall(rf'(?ms)^action "{name}\.[^"]+" in .*?^}};\n', schema)
    is_change = lambda text: re.match(rf'action "{name}\.([^"]+)"', text).group(1) in changes
    return [(old, old.replace("[Server]", "[System]", 1) if is_change(old) else old) for old in found]


def changing(catalog):
    return set(re.findall(r'(?m)^\[tools\.([a-z_]+)\.undo\]', catalog))


catalog = (bundle / "catalog/orders.toml").read_text()
(bundle / "catalog/orders.toml").write_text(placed(catalog, "orders"))
other = re.sub(r'(?m)^command = .*$', f'command = ["countersign", "target", "sql"]\nenv = ["{ledger}"]', catalog)
program = re.search(r'(?m)^command = \["([^"]+)"', catalog).group(1)
(bundle / "catalog/ledger.toml").write_text(placed(other.replace('["countersign"', f'["{program}"'), "ledger"))

schema = (bundle / "schema.cedarschema").read_text()
schema = schema.replace("entity Server;", "entity Server;\nentity System { env: String };")
own = actions(schema, "orders", changing(catalog))
for old, new in own:
    schema = schema.replace(old, new)
schema += '\naction "server:ledger";\n' + "\n".join(new.replace("orders", "ledger") for _, new in own)
names = ["orders", "ledger"]
for folder in others:
    for file in (folder / "catalog").glob("*.toml"):
        text = file.read_text()
        if "[server]" not in text:
            continue
        names.append(file.stem)
        (bundle / "catalog" / file.name).write_text(placed(text, file.stem))
        theirs = actions((folder / "schema.cedarschema").read_text(), file.stem, changing(text))
        schema += f'\naction "server:{file.stem}";\n' + "\n".join(new for _, new in theirs)
(bundle / "schema.cedarschema").write_text(schema)

(bundle / "inventory").mkdir(exist_ok=True)
(bundle / "inventory/systems.toml").write_text("".join(f'[[System]]\nid = "{name}"\nenv = "test"\n' for name in names))
(bundle / "inventory.toml").write_text(
    '[kinds.System.attributes]\nenv = "string"\n\n[sources.systems]\nfile = "inventory/systems.toml"\n')
edit("classes.toml", ("routine = false", "routine = true"))
edit("limits.toml", ("burst = 60", "burst = 5000"), ("burst = 10", "burst = 5000"))
policies = bundle / "policies/starter.cedar"
writes = re.compile(r'@escalate\("owner"\)\n@obligations\("careful"\)\n(permit \([^;]*class:write[^;]*)Mode::"approved"')
policies.write_text(writes.sub(r'\1Mode::"monitored"', policies.read_text()))
edit("tests/starter.toml", (
    'expect = "escalate"\ncode = "policy-escalates"',
    'expect = "escalate"\ncode = "level-escalates"\n'
    'resource = { kind = "System", id = "orders", attributes = { env = "test" } }'))
