// Drives one cell with the JavaScript SDK of generation 2: `driver2.mjs stdio|http CELL [TOOL]`; says `CELL ok VERSION`.

import { createRequire } from "node:module";
import { runCell } from "./cells.mjs";

const require = createRequire(`${process.env.PACKAGES}/from-here.js`);
const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
const { StdioClientTransport } = require("@modelcontextprotocol/client/stdio");

const client = new Client({ name: "driver2", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });

await runCell({
  client,
  stdio: (command) => new StdioClientTransport(command),
  http: (url, options) => new StreamableHTTPClientTransport(url, options),
  speaks: () => () => client.getNegotiatedProtocolVersion(),
  wanted: "2026-07-28",
  call: (params, options) => client.callTool(params, options),
});
