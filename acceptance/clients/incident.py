"""A client of the official Python SDK on a recorded session: `incident.py stdio FILE`, or `incident.py http`."""

import asyncio
import contextlib
import os
import sys

import mcp

way, *file = sys.argv[1:]
REFUSAL = "countersign.dev/refusal"


def hold(result, text, code=""):
    """Demands that a result says something, and is refused with a code or not at all."""
    body = result.model_dump(mode="json", by_alias=True)
    refused = (body.get("_meta") or {}).get(REFUSAL, {}).get("code", "")
    said = body["content"][0]["text"]
    if refused != code or text not in said:
        raise SystemExit(f"{refused!r} instead of {code!r}: {said}")


def said(version, wanted):
    if version != wanted:
        raise SystemExit(f"it speaks {version} instead of {wanted}")
    print("served in", version)


async def use(session, tools):
    names = sorted(tool.name for tool in tools.tools)
    if len(names) != 9 or "restart_service" not in names:
        raise SystemExit(f"the tools are {names}")
    hold(await session.call_tool("list_services", {}), "checkout-staging: staging")
    hold(await session.call_tool("weekly_report", {"week": "2026-W31"}), "")
    hold(await session.call_tool("get_service", {"service": "checkout"}), "never recorded", "not-recorded")


@contextlib.asynccontextmanager
async def streams():
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamable_http_client

    if way == "stdio":
        server = mcp.StdioServerParameters(command="countersign", args=["incident", "serve", *file, "--report", "serve.json"])
        async with stdio_client(server) as pair:
            yield pair
    else:
        async with streamable_http_client(os.environ["COUNTERSIGN_INCIDENT_URL"]) as (read, write, *_):
            yield read, write


async def run():
    if hasattr(mcp, "Client"):
        server = mcp.StdioServerParameters(command="countersign", args=["incident", "serve", *file, "--report", "serve.json"])
        async with mcp.Client(server) as client:
            await use(client, await client.list_tools())
            said(client.protocol_version, "2026-07-28")
        return
    async with streams() as pair, mcp.ClientSession(*pair) as session:
        hello = await session.initialize()
        await use(session, await session.list_tools())
        said(hello.protocolVersion, "2025-11-25")


asyncio.run(run())
