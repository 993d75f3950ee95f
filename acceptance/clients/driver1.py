"""Drives one cell with the Python SDK of generation 1: `driver1.py stdio|http CELL [TOOL]`; says `CELL ok VERSION`."""

import asyncio
import contextlib
import os
import sys

import httpx
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
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
async def streams():
    if transport == "stdio":
        words = ["wrap", "--dir", os.environ["CS_DIR"], "--server", os.environ["CS_SERVER"]]
        async with stdio_client(StdioServerParameters(command=os.environ["CS"], args=words)) as pair:
            yield pair
    else:
        headers = {"Authorization": "Bearer " + os.environ["CS_KEY"]}
        async with httpx.AsyncClient(headers=headers, timeout=30) as client:
            async with streamable_http_client(os.environ["CS_URL"], http_client=client) as (read, write, _):
                yield read, write


async def withdraw(session, name, arguments):
    """Cancels a call at its first sign of life."""
    seen = asyncio.Event()

    async def progress(*_):
        seen.set()

    # This SDK says the id of a request to nobody; a caller who cancels has to look.
    number = session._request_id
    call = asyncio.create_task(session.call_tool(name, arguments, progress_callback=progress))
    await seen.wait()
    params = types.CancelledNotificationParams(requestId=number, reason="no longer wanted")
    note = types.CancelledNotification(params=params)
    await session.send_notification(types.ClientNotification(note))
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call


async def run():
    async with streams() as pair, ClientSession(*pair) as session:
        hello = await session.initialize()
        names = [t.name for t in (await session.list_tools()).tools]
        if cell == "plain":
            expect(tool[0] in names, True)
            expect((await session.call_tool(tool[0], {})).isError, False)
        elif cell == "call":
            result = await session.call_tool("get-sum", {"a": 2, "b": 40})
            expect("42" in result.content[0].text, True)
        elif cell == "approved":
            result = await session.call_tool(*WRITE)
            expect((refusal(result), result.isError, result.content[0].type), ("", False, "resource"))
        elif cell == "denied":
            result = await session.call_tool(*WRITE)
            expect((refusal(result), result.isError), ("approval-denied", True))
        elif cell == "cancelled":
            await withdraw(session, *WRITE)
            await withdraw(session, LONG, {"duration": 10, "steps": 20})
            expect((await session.call_tool("echo", {"message": "still here"})).isError, False)
        elif cell == "progress":
            steps = []

            async def progress(done, total, _):
                steps.append((done, total))

            result = await session.call_tool(LONG, {"duration": 1, "steps": 4}, progress_callback=progress)
            expect(result.isError, False)
            expect(steps, [(1, 4), (2, 4), (3, 4), (4, 4)])
        else:
            raise SystemExit(f"{cell}: no such cell")
        expect(hello.protocolVersion, "2025-11-25")
    print(f"{cell} ok {hello.protocolVersion}")


asyncio.run(run())
