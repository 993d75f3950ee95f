"""Is an agent that makes changes which depend on each other, by turns in each of four servers: PROGRAM COUNT."""

import json
import subprocess
import sys

program, count = sys.argv[1], int(sys.argv[2])


class Server:
    def __init__(self, name):
        words = [program, "wrap", "--server", name]
        self.child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.last = 0
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "agent", "version": "1"}}
        self.ask("initialize", hello)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.ask("tools/list", {})

    def send(self, frame):
        self.child.stdin.write(json.dumps(frame) + "\n")
        self.child.stdin.flush()

    def ask(self, method, params):
        self.last += 1
        self.send({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        while True:
            frame = json.loads(self.child.stdout.readline())
            if frame.get("id") == self.last:
                return frame["result"]

    def call(self, tool, **arguments):
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})
        assert not result["isError"], result
        return result["structuredContent"]

    def end(self):
        self.child.stdin.close()
        self.child.wait()


servers = [Server(name) for name in ("orders", "ledger", "site", "api")]
orders, ledger, site, api = servers
page = "0\n"
for step in range(count):
    # Every step reads what the step before left in its system, or must find it there.
    match step % 4:
        case 0:
            assert orders.call("change", sql="UPDATE counter SET n = (n * 3 + ?) % 1000003 WHERE id = 1", params=[step])["rows"] == 1
        case 1:
            assert ledger.call("change", sql="UPDATE counter SET n = (n * 3 + $1) % 1000003 WHERE id = 1", params=[step])["rows"] == 1
        case 2:
            site.call("change", edits=[{"path": "page.txt", "replace": {"from": page, "to": f"{step}\n"}}])
            page = f"{step}\n"
        case _:
            before = api.call("read_resource", operation="set_limit", arguments={"queue": "a"})["body"]
            api.call("set_limit", queue="a", limit=(before["limit"] * 3 + step) % 1000003)
for server in servers:
    server.end()
