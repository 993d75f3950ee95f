// Drives one cell with the JavaScript SDK of generation 1: `driver1.mjs stdio|http CELL [TOOL]`; says `CELL ok VERSION`.

import { createRequire } from "node:module";
import { runCell } from "./cells.mjs";

const require = createRequire(`${process.env.PACKAGES}/from-here.js`);
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");

const client = new Client({ name: "driver1", version: "1.0.0" });
const speaks = (transport) => {
  let version;
  const told = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (value) => {
    version = value;
    told?.(value);
  };
  return () => version;
};

await runCell({
  client,
  stdio: (command) => new StdioClientTransport(command),
  http: (url, options) => new StreamableHTTPClientTransport(url, options),
  speaks,
  wanted: "2025-11-25",
  call: (params, options) => client.callTool(params, undefined, options),
});
