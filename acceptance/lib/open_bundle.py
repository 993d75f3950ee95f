"""Opens a starter bundle wholly, for a fixture server: every tool a read, one policy that permits everything.

What an acceptance run compares is the road, not the policy.
"""

import pathlib
import re
import sys

bundle = pathlib.Path(sys.argv[1])
# Nothing is promoted here.
for path in ("catalog/registry.toml", "policies/registry.cedar"):
    (bundle / path).unlink()
for path in (bundle / "catalog").glob("*.toml"):
    text = path.read_text()
    for name, value in (("class", "read"), ("effect", "read"), ("reversibility", "reversible")):
        text = re.sub(rf'^{name} = .*$', f'{name} = "{value}"', text, flags=re.M)
    path.write_text(text)
schema = bundle / "schema.cedarschema"
lines = []
for line in schema.read_text().splitlines():
    if line.startswith("action ") and "appliesTo" in line:
        line = line.replace('"class:write"', '"class:read"').replace('"class:destructive"', '"class:read"')
    lines.append(line)
schema.write_text("\n".join(lines) + "\n")
(bundle / "policies" / "starter.cedar").write_text('@id("open")\npermit (principal, action, resource);\n')
limits = bundle / "limits.toml"
limits.write_text("[rates.calls]\nburst = 100000\nrefill_ms = 1000\n")
for path in (bundle / "tests").glob("*.toml"):
    path.unlink()
