"""Drives one cell with the Python SDK of generation 2: `driver2.py stdio|http CELL [TOOL]`; says `CELL ok VERSION`."""

import asyncio
import contextlib
import os
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

transport, cell, *tool = sys.argv[1:]
WRITE = ("gzip-file-as-resource", {"name": f"{cell}.gz", "data": "data:text/plain,hello", "outputType": "resource"})
LONG = "trigger-long-running-operation"


def refusal(result):
    return (result.meta or {}).get("countersign.dev/refusal", {}).get("code", "")


def expect(found, wanted):
    if found != wanted:
        raise SystemExit(f"{cell}: {found!r} instead of {wanted!r}")


@contextlib.asynccontextmanager
async def server():
    if transport == "stdio":
        words = ["wrap", "--dir", os.environ["CS_DIR"], "--server", os.environ["CS_SERVER"]]
        yield StdioServerParameters(command=os.environ["CS"], args=words)
    else:
        headers = {"Authorization": "Bearer " + os.environ["CS_KEY"]}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as client:
            yield streamable_http_client(os.environ["CS_URL"], http_client=client)


async def withdraw(client, name, arguments):
    """Cancels a call at its first sign of life."""
    seen = asyncio.Event()

    async def progress(*_):
        seen.set()

    call = asyncio.create_task(client.call_tool(name, arguments, progress_callback=progress))
    await seen.wait()
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call


async def run():
    async with server() as reached, Client(reached) as client:
        names = [t.name for t in (await client.list_tools()).tools]
        if cell == "plain":
            expect(tool[0] in names, True)
            expect((await client.call_tool(tool[0], {})).is_error, False)
        elif cell == "call":
            result = await client.call_tool("get-sum", {"a": 2, "b": 40})
            expect("42" in result.content[0].text, True)
        elif cell == "approved":
            result = await client.call_tool(*WRITE)
            expect((refusal(result), result.is_error, result.content[0].type), ("", False, "resource"))
        elif cell == "denied":
            result = await client.call_tool(*WRITE)
            expect((refusal(result), result.is_error), ("approval-denied", True))
        elif cell == "cancelled":
            await withdraw(client, *WRITE)
            await withdraw(client, LONG, {"duration": 10, "steps": 20})
            expect((await client.call_tool("echo", {"message": "still here"})).is_error, False)
        elif cell == "progress":
            steps = []

            async def progress(done, total, _):
                steps.append((done, total))

            result = await client.call_tool(LONG, {"duration": 1, "steps": 4}, progress_callback=progress)
            expect(result.is_error, False)
            expect(steps, [(1, 4), (2, 4), (3, 4), (4, 4)])
        else:
            raise SystemExit(f"{cell}: no such cell")
        version = client.protocol_version
        expect(version, "2026-07-28")
    print(f"{cell} ok {version}")


asyncio.run(run())
