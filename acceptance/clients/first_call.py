"""Makes one call over the line that `countersign init` prints: `first_call.py LINE TOOL ARGUMENTS EXPECTED`."""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters

line, tool, arguments, expected = sys.argv[1:]


async def run():
    (entry,) = json.loads(line).values()
    server = StdioServerParameters(command=entry["command"], args=entry["args"])
    async with Client(server) as client:
        result = await client.call_tool(tool, json.loads(arguments))
        text = result.content[0].text
        if result.is_error or expected not in text:
            raise SystemExit(f"{tool} answers: {text}")


asyncio.run(run())
