/** The stage: the demo's server with real data, its agent over MCP, and its people in front of a browser. */

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

interface Told {
  readonly url: string;
  readonly logins: Record<string, string>;
}

export interface Server extends Told {
  readonly agentKey: string;
  readonly adminKey: string;
  readonly stop: () => void;
}

function json(process: ChildProcess): Promise<Told> {
  return new Promise((resolve, reject) => {
    let text = "";
    process.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      try { resolve(JSON.parse(text) as Told); } catch { /* not whole yet */ }
    });
    process.on("exit", (code) => reject(new Error(`the demo ended with ${code}: ${text}`)));
  });
}

/** Plays the demo's story in a folder, and leaves its server running. */
export async function demo(program: string, folder: string): Promise<Server> {
  const child = spawn(program, ["demo", "--listen", "127.0.0.1:0", "--json"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  const told = await json(child);
  const key = (name: string) => readFileSync(join(folder, "countersign-demo/keys", name), "utf8").trim();
  return { ...told, agentKey: key("agent-sre-bot.key"), adminKey: key("admin.key"), stop: () => child.kill("SIGTERM") };
}

/** Asks the contract as whoever holds a key. */
export async function ask(server: Server, key: string, method: string, path: string, body?: unknown): Promise<any> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const answer = await fetch(server.url + path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

export interface Called {
  readonly refused: string | undefined;
  readonly text: string;
}

/** Is the agent: an MCP client of somebody else's making. */
export async function agent(server: Server): Promise<{ call: (tool: string, args: Record<string, unknown>) => Promise<Called>; close: () => Promise<void> }> {
  const transport = new StreamableHTTPClientTransport(new URL(`${server.url}/mcp/inventory`), {
    requestInit: { headers: { authorization: `Bearer ${server.agentKey}` } },
  });
  const client = new Client({ name: "console-test", version: "1.0.0" });
  await client.connect(transport as never);
  const call = async (name: string, args: Record<string, unknown>): Promise<Called> => {
    const result = await client.callTool({ name, arguments: args, _meta: { "countersign.dev/claims": { purpose: "the shop answers slowly" } } }) as any;
    return { refused: result._meta?.["countersign.dev/refusal"]?.code, text: result.content?.[0]?.text ?? "" };
  };
  return { call, close: () => client.close() };
}

export async function browser(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}

/** With CONSOLE_DIST set, browsers get the pages on the disk in place of those in the program, for whoever works on them. */
export async function fresh(context: BrowserContext): Promise<BrowserContext> {
  const dist = process.env["CONSOLE_DIST"];
  if (dist) await context.route(/\/console\.(?:js|css)$/u, (route) => route.fulfill({ path: join(dist, new URL(route.request().url()).pathname) }));
  return context;
}

/** Is everything a page said to its console, and every violation of the policy of contents. */
export const complaints: string[] = [];

export function listen(page: Page): Page {
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => { if (message.type() === "error") complaints.push(`${page.url()}: ${message.text()}`); });
  page.on("request", (request) => {
    if (!/^http:\/\/(?:127\.0\.0\.1|localhost):\d+\//u.test(request.url()) && !request.url().startsWith("data:")) complaints.push(`foreign: ${request.url()}`);
  });
  return page;
}

export async function person(browser: Browser, link: string, options: object = {}): Promise<{ context: BrowserContext; page: Page }> {
  const context = await fresh(await browser.newContext({ viewport: { width: 1360, height: 900 }, locale: "en-GB", timezoneId: "UTC", ...options }));
  const page = listen(await context.newPage());
  await page.goto(link);
  await page.getByRole("navigation", { name: "Rooms" }).waitFor();
  return { context, page };
}

/** Gives a page other answers than the server's. */
export async function alters(page: Page, pattern: string, change: (body: any) => unknown): Promise<void> {
  await page.route(pattern, async (route) => {
    try {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: change(await answer.json()) });
    } catch {
      // The page has gone elsewhere meanwhile, and nobody waits for the answer.
    }
  });
}
