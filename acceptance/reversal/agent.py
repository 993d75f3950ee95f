"""Is an agent that makes changes which depend on each other, by turns in each of two servers: PROGRAM COUNT SESSIONS-FILE."""

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

    def change(self, sql, params):
        result = self.ask("tools/call", {"name": "change", "arguments": {"sql": sql, "params": params}})
        assert not result["isError"], result
        return result["structuredContent"]["rows"]

    def end(self):
        self.child.stdin.close()
        self.child.wait()


servers = [Server("orders"), Server("ledger")]
for step in range(count):
    server = servers[step % 2]
    place = "?" if step % 2 == 0 else "$1"
    # Every step reads what the step before left in this row, and every tenth makes a row that a later one takes away.
    assert server.change(f"UPDATE counter SET n = (n * 3 + {place}) % 1000003 WHERE id = 1", [step]) == 1
for server in servers:
    server.end()
