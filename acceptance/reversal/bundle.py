"""Makes of a starter bundle for the server `orders` one in which an agent changes two test databases by itself: `orders` and `ledger`."""

import pathlib
import re
import sys

bundle, ledger = pathlib.Path(sys.argv[1]), sys.argv[2]


def edit(name, *parts):
    path = bundle / name
    text = path.read_text()
    for old, new in parts:
        assert old in text, f"{old!r} is not in {name}"
        text = text.replace(old, new)
    path.write_text(text)


KEYED = "# The server says that it does a call once under this argument"
catalog = (bundle / "catalog/orders.toml").read_text()
head, tail = catalog.split("[tools.change]", 1)
tail = tail.replace(KEYED, 'resource = { kind = "Database", is = "orders" }\n' + KEYED, 1)
catalog = f"{head}[tools.change]{tail}"
(bundle / "catalog/orders.toml").write_text(catalog)
other = re.sub(r'(?m)^command = .*$', f'command = ["countersign", "target", "sql"]\nenv = ["{ledger}"]', catalog)
other = other.replace('is = "orders"', 'is = "ledger"')
program = re.search(r'(?m)^command = \["([^"]+)"', catalog).group(1)
(bundle / "catalog/ledger.toml").write_text(other.replace('["countersign"', f'["{program}"'))

schema = (bundle / "schema.cedarschema").read_text()
schema = schema.replace("entity Server;", "entity Server;\nentity Database { env: String };")
actions = re.findall(r'(?ms)^action "orders\.[^"]+" in .*?^};\n', schema)
changed = {old: old.replace("[Server]", "[Database]", 1) if '"orders.change"' in old else old for old in actions}
for old, new in changed.items():
    schema = schema.replace(old, new)
schema += '\naction "server:ledger";\n' + "\n".join(new.replace("orders", "ledger") for new in changed.values())
(bundle / "schema.cedarschema").write_text(schema)

(bundle / "inventory").mkdir(exist_ok=True)
(bundle / "inventory/databases.toml").write_text(
    "".join(f'[[Database]]\nid = "{name}"\nenv = "test"\n' for name in ("orders", "ledger")))
(bundle / "inventory.toml").write_text(
    '[kinds.Database.attributes]\nenv = "string"\n\n[sources.databases]\nfile = "inventory/databases.toml"\n')
edit("classes.toml", ("routine = false", "routine = true"))
edit("limits.toml", ("burst = 60", "burst = 5000"), ("burst = 10", "burst = 5000"))
policies = bundle / "policies/starter.cedar"
writes = re.compile(r'@escalate\("owner"\)\n@obligations\("careful"\)\n(permit \([^;]*class:write[^;]*)Mode::"approved"')
policies.write_text(writes.sub(r'\1Mode::"monitored"', policies.read_text()))
edit("tests/starter.toml", (
    'expect = "escalate"\ncode = "policy-escalates"',
    'expect = "escalate"\ncode = "level-escalates"\n'
    'resource = { kind = "Database", id = "orders", attributes = { env = "test" } }'))
