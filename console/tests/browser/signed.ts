// Votes signed in a browser, on a server that counts no others: node tests/browser/signed.ts PROGRAM FOLDER URL
// Leaves approved.evidence and denied.evidence in the folder.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "playwright-core";

import { type Answer, authenticator, enrol, mutations, signs } from "./authenticator.ts";
import { check, close } from "./check.ts";
import { decide, opens as shows } from "./inbox.ts";
import { agent, alters, ask, browser, complaints, person, type Server } from "./stage.ts";

const [program = "", folder = "", url = ""] = process.argv.slice(2);
const file = (name: string) => join(folder, "countersign", name);
const key = (name: string) => readFileSync(file(`keys/${name}`), "utf8").trim();
const server: Server = { url, logins: {}, agentKey: key("agent-agent.key"), adminKey: key("admin.key"), stop: () => undefined };
const home = url.replace("127.0.0.1", "localhost");
const chrome = await browser();
const bot = await agent(server);
const restart = (service: string, reason: string) => bot.call("restart_service", { service, reason });

function countersign(...args: string[]): string {
  return execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

interface Signer {
  readonly page: Page;
  readonly key: string;
}

/** Is a person with a browser, an authenticator and an enrolled passkey. */
async function signer(name: string): Promise<Signer> {
  const made = await ask(server, server.adminKey, "POST", "/v1/keys", { person: name, reason: "they approve" });
  const invitation = await ask(server, server.adminKey, "POST", "/v1/passkeys/invitations", { person: name, reason: "they approve" });
  const link = await ask(server, made.token, "POST", "/v1/login/links", {});
  const { context, page } = await person(chrome, link.url.replace("127.0.0.1", "localhost"));
  await authenticator(context, page);
  await enrol(page, home, invitation.token, name);
  await page.goto(`${home}/inbox`);
  return { page, key: made.token };
}

/** Opens the inbox anew, where nothing that was decided is shown, and moves to the case with the text. */
async function opens(page: Page, text: string): Promise<void> {
  await page.goto(`${home}/inbox`);
  await shows(page, text);
}

/** Returns the one case that is open. */
async function waiting(): Promise<{ id: string; action: string }> {
  for (let tries = 0; tries < 100; tries += 1) {
    const { approvals } = await ask(server, server.adminKey, "GET", "/v1/approvals?state=open");
    if (approvals.length === 1) return approvals[0];
    await new Promise((later) => setTimeout(later, 50));
  }
  return assert.fail("no case is open, or more than one");
}

async function cast(by: string, id: string, assertion: unknown): Promise<{ status: number; code: string | undefined }> {
  const headers = { authorization: `Bearer ${by}`, "content-type": "application/json" };
  const answer = await fetch(`${url}/v1/approvals/${id}/votes`, { method: "POST", headers, body: JSON.stringify({ assertion }) });
  return { status: answer.status, code: ((await answer.json()) as { code?: string }).code };
}

/** Draws a ballot and has it signed in the person's browser, without casting it. */
async function signed(by: Signer, id: string): Promise<Answer> {
  const drawn = await ask(server, by.key, "POST", `/v1/approvals/${id}/ballot`, { vote: "approve", reason: "looked at it" });
  return signs(by.page, drawn.public_key);
}

/** Exports the evidence of the last action of a kind, and has it verified offline. */
async function evidence(name: string, kind: "outcome" | "vote", key: string): Promise<string> {
  const { records } = await ask(server, server.adminKey, "GET", "/v1/records?from=0&limit=1000");
  const { action } = records.findLast((one: { kind: string }) => one.kind === kind);
  countersign("log", "export", action, "-o", name);
  return execFileSync(join(program, "../countersign-verify"), [name, "--key", key], { cwd: folder, encoding: "utf8" });
}

const logKey = countersign("log", "key").trim();
const ben = await signer("ben");
const cleo = await signer("cleo");
/** The answer that a page sent for the first vote, as it went over the wire. */
let sent: Answer | undefined;

await check("an escalated call is approved with a passkey, runs, and the signature is confirmed offline", async () => {
  ben.page.on("request", (request) => { if (request.url().endsWith("/votes")) sent ??= (request.postDataJSON() as { assertion: Answer }).assertion; });
  const calling = restart("web", "memory grows");
  await opens(ben.page, "memory grows");
  await decide(ben.page, "a", "looked at the graphs");
  await ben.page.getByText("Counted. The case is approved").waitFor();
  const called = await calling;
  assert.deepEqual([called.refused, called.text.includes("restarted")], [undefined, true], called.text);
  assert.match(await evidence("approved.evidence", "outcome", logKey), /holds .*person:ben signed this vote with pk_\w+, enrolled in record \d+ on this exact action/u);
});

await check("the same case denied reaches the agent, and who denied it is proved as well", async () => {
  const calling = restart("web", "memory grows");
  await opens(ben.page, "memory grows");
  await decide(ben.page, "d", "not again");
  await ben.page.getByText("Counted. The case is denied").waitFor();
  assert.equal((await calling).refused, "approval-denied");
  assert.match(await evidence("denied.evidence", "vote", logKey), /holds .*person:ben signed this vote with pk_\w+, enrolled in record \d+ on this exact action/u);
});

await check("an approval is for one run: the same call again is another case", async () => {
  const calling = restart("checkout", "once");
  await opens(ben.page, "once");
  await decide(ben.page, "a", "fine");
  assert.equal((await calling).refused, undefined);
  const again = restart("checkout", "once");
  const open = await waiting();
  await ask(server, server.adminKey, "POST", "/v1/switches", { target: { agent: "agent" }, reason: "enough" });
  assert.equal((await again).refused, "approval-void");
  assert.deepEqual(await cast(ben.key, open.id, sent), { status: 409, code: "ballot-used" });
  await ask(server, server.adminKey, "DELETE", "/v1/switches/agent:agent", { reason: "go on" });
});

await check("a replayed answer counts on no case, and neither does another person's", async () => {
  const calling = restart("search", "replayed");
  const { id } = await waiting();
  assert.deepEqual(await cast(ben.key, id, sent), { status: 409, code: "ballot-used" });
  assert.deepEqual(await cast(cleo.key, id, sent), { status: 403, code: "passkey-foreign" });
  const fresh = await signed(ben, id);
  assert.deepEqual(await cast(cleo.key, id, fresh), { status: 403, code: "passkey-foreign" });
  const foreign = await ask(server, ben.key, "POST", `/v1/approvals/${id}/ballot`, { vote: "approve", reason: "x" });
  const options = { ...foreign.public_key, allowCredentials: [] };
  assert.deepEqual(await cast(ben.key, id, await signs(cleo.page, options)), { status: 403, code: "passkey-foreign" });
  const shown = await ask(server, ben.key, "GET", `/v1/approvals/${id}`);
  const plain = { vote: "approve", reason: "by key", shown: shown.shown };
  await assert.rejects(ask(server, ben.key, "POST", `/v1/approvals/${id}/votes`, plain), /vote-unsigned/u);
  assert.deepEqual((await ask(server, ben.key, "GET", `/v1/approvals/${id}`)).votes, []);
  await opens(ben.page, "replayed");
  await decide(ben.page, "d", "enough");
  assert.equal((await calling).refused, "approval-denied");
});

await check("every field of an answer, changed once, is refused, and the case stays as it was", async () => {
  const calling = restart("search", "mutated");
  const { id } = await waiting();
  const fields = mutations(await signed(ben, id)).map(({ field }) => field);
  const codes: Record<string, string | undefined> = {};
  for (const field of fields) {
    const one = mutations(await signed(ben, id)).find((mutation) => mutation.field === field);
    const { status, code } = await cast(ben.key, id, one?.changed);
    assert.ok(status >= 400 && status < 500, `${field}: ${status}`);
    codes[field] = code;
  }
  writeFileSync(join(folder, "mutated.json"), JSON.stringify(codes));
  assert.deepEqual((await ask(server, ben.key, "GET", `/v1/approvals/${id}`)).votes, []);
  assert.deepEqual(await cast(ben.key, id, await signed(ben, id)), { status: 200, code: undefined });
  assert.equal((await calling).refused, undefined);
});

await check("a page that is given a ballot about something else signs nothing", async () => {
  const calling = restart("web", "swapped");
  await opens(ben.page, "swapped");
  const of = (paper: Record<string, unknown>): Record<string, unknown> => ({
    case: "case_0190a6a1e00070008000000000000000", action: "act_0190a6a1e00070008000000000000000", action_digest: "0".repeat(64), bundle: "0".repeat(64), tool: "inventory.delete_service", person: "cleo",
    expires_at: Number(paper["expires_at"]) + 1, profiles: ["another"], vote: paper["vote"] === "deny" ? "approve" : "deny", solo: !paper["solo"],
  });
  let asked = 0;
  await ben.page.exposeFunction("asked", () => { asked += 1; });
  await ben.page.addInitScript(() => {
    const get = navigator.credentials.get.bind(navigator.credentials);
    navigator.credentials.get = (options) => { (globalThis as any).asked(); return get(options); };
  });
  for (const field of Object.keys(of({}))) {
    await alters(ben.page, "**/ballot", (body) => ({ ...body, ballot: { ...body.ballot, [field]: of(body.ballot)[field] } }));
    await decide(ben.page, "d", "no");
    await ben.page.getByText("It has changed since you saw it").waitFor();
    await ben.page.unroute("**/ballot");
    await opens(ben.page, "swapped");
  }
  assert.equal(asked, 0, "the authenticator was asked");
  await decide(ben.page, "d", "enough");
  assert.equal((await calling).refused, "approval-denied");
});

await check("another bundle voids a ballot that was signed under the one before", async () => {
  const calling = restart("batch-worker", "changed");
  const { id } = await waiting();
  const drawn = await signed(ben, id);
  const rules = file("bundle/escalation.toml");
  writeFileSync(rules, readFileSync(rules, "utf8").replace(/timeout_ms = \d+/u, "timeout_ms = 3000"));
  countersign("policy", "activate", "--reason", "a shorter time");
  assert.deepEqual(await cast(ben.key, id, drawn), { status: 409, code: "ballot-void" });
  assert.ok((await calling).refused);
});

await check("the same case expired is a refusal, and a signature that comes after it counts nothing", async () => {
  const calling = restart("web", "silence");
  const { id } = await waiting();
  const late = await signed(ben, id);
  assert.equal((await calling).refused, "approval-expired");
  assert.deepEqual(await cast(ben.key, id, late), { status: 409, code: "ballot-expired" });
});

await check("no page complained or loaded anything from elsewhere", async () => {
  assert.deepEqual(complaints.filter((one) => !/status of (?:401|403|409)/u.test(one)), []);
});

const status = close();
await bot.close().catch(() => undefined);
await chrome.close();
process.exit(status);
