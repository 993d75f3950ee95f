// Takes pictures of a running demo, for whoever works on the pages: node tests/browser/look.ts URL ADMIN_KEY FOLDER
import { agent, browser, person, complaints, type Server } from "./stage.ts";
import { shots } from "./shots.ts";

const [url = "", adminKey = "", agentKey = "", folder = "shots", only = ""] = process.argv.slice(2);
const server: Server = { url, adminKey, agentKey, logins: {}, stop: () => {} };
const headers = { authorization: `Bearer ${adminKey}`, "content-type": "application/json" };
await fetch(`${url}/v1/switches/agent:sre-bot`, { method: "DELETE", headers, body: JSON.stringify({ reason: "look" }) });
const bot = await agent(server);
void bot.call("apply_db_change", { database: "orders", statement: "ALTER TABLE orders ADD COLUMN note text\u202e -- \u0430dmin\n  DEFAULT ''" }).catch(() => {});
await new Promise((done) => setTimeout(done, 600));
const link = (await (await fetch(`${url}/v1/login/links`, { method: "POST", headers, body: "{}" })).json()).url as string;
const chrome = await browser();
const { context, page } = await person(chrome, link);
await page.waitForTimeout(800);
const listed = await (await fetch(`${url}/v1/approvals`, { headers })).json();
const used = listed.approvals.find((line: any) => line.state === "consumed");
const open = listed.approvals.find((line: any) => line.state === "open");
const rooms = [
  { name: "inbox", path: `/inbox/${open?.id ?? ""}` }, { name: "live", path: "/live" }, { name: "switches", path: "/switches" },
  { name: "log", path: "/log" }, { name: "action", path: `/actions/${used?.action}` }, { name: "actions", path: "/actions" },
  { name: "overview", path: "/overview" }, { name: "agents", path: "/agents" }, { name: "policies", path: "/policies" }, { name: "escalation", path: "/escalation" },
].filter((room) => only === "" || only.split(",").includes(room.name));
console.log(await shots(chrome, url, context, rooms, folder));
if (only === "") console.log(await shots(chrome, url, undefined, [{ name: "login", path: "/" }], folder));
console.log(complaints);
await chrome.close();
await bot.close();
process.exit(0);
