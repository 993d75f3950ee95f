// The console from end to end: node tests/browser/run.ts PROGRAM FOLDER PICTURES
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { CORPUS } from "../corpus.ts";
import { eye } from "../eye.ts";
import { authenticator, enrol } from "./authenticator.ts";
import { usual } from "./behaviour.ts";
import { check, close } from "./check.ts";
import { decode } from "./decode.ts";
import { breakGlass } from "./glass.ts";
import { decide, opens } from "./inbox.ts";
import { columned, directed, fluid, grown, walked } from "./lineage.ts";
import { isQuiet, labelled, nothingYet, promoted, rooms as roomsOfModels, runsDrawn, runsTable } from "./models.ts";
import { permits } from "./permission.ts";
import { type Reviewer, reviews } from "./review.ts";
import { type Room, shots } from "./shots.ts";
import { agent, alters, ask, browser, complaints, demo, person, type Server } from "./stage.ts";
import { type Tracked, track } from "./tracked.ts";
import { compared, dossier, roomsOfVersions } from "./versions.ts";

const [program = "", folder = ".", pictures = "pictures"] = process.argv.slice(2);
const server: Server = await demo(program, folder);
await ask(server, server.adminKey, "DELETE", "/v1/switches/agent:sre-bot", { reason: "the story is over" });
const bot = await agent(server);
const chrome = await browser();
const ben = await person(chrome, server.logins["ben"] ?? "");
const restart = (reason: string, service = "checkout") => bot.call("restart_service", { service, reason });

await check("a link logs in once, and leaves nothing in the address", async () => {
  assert.equal(new URL(ben.page.url()).hash, "");
  const other = await (await chrome.newContext()).newPage();
  await other.goto(server.logins["ben"] ?? "");
  await other.getByRole("alert").getByText("used before").waitFor();
  await other.context().close();
});

await check("the cookie is out of the page's reach and of no other site's", async () => {
  assert.equal(await ben.page.evaluate(() => document.cookie), "");
  const [cookie] = await ben.context.cookies();
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, "Strict"]);
  assert.equal(await ben.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }])).then((kept) => kept.includes("login")), false);
});

await check("an escalated call appears by itself, is approved by keyboard, runs, and its page shows it", async () => {
  const { page } = ben;
  await page.goto(`${server.url}/inbox`);
  await page.getByText("Nothing waits for you").waitFor();
  const calling = restart("memory grows again");
  await opens(page, "memory grows again");
  assert.match(await page.title(), /^\(1\)/u);
  await decide(page, "a", "looked at the graphs");
  await page.getByText("Counted. The case is approved").waitFor();
  const called = await calling;
  assert.deepEqual([called.refused, called.text.includes("restarted")], [undefined, true], called.text);
  await page.goto(`${server.url}/live`);
  await page.locator(".live-row", { hasText: "done" }).first().click();
  await page.getByRole("heading", { name: "Outcome: done" }).waitFor();
  await page.getByText("ben approved").waitFor();
  await page.getByText("looked at the graphs").waitFor();
  await page.locator(".pill", { hasText: "proved" }).first().waitFor({ timeout: 15_000 });
});

await check("a refusal reaches the agent, with its reason", async () => {
  const { page } = ben;
  await page.goto(`${server.url}/inbox`);
  const calling = restart("once more", "web");
  await opens(page, "once more");
  await decide(page, "d", "not during the sale");
  await page.getByText("Counted. The case is denied").waitFor();
  const called = await calling;
  assert.equal(called.refused, "approval-denied");
  assert.ok(called.text.includes("not during the sale"), called.text);
});

await check("a vote needs a reason and can be put aside", async () => {
  const { page } = ben;
  const calling = restart("third time", "search");
  await opens(page, "third time");
  await page.keyboard.press("a");
  assert.ok(await page.getByRole("button", { name: /Confirm/u }).isDisabled());
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Approve a" }).waitFor();
  await decide(page, "d", "no");
  await page.getByText("Counted.").waitFor();
  await calling;
});

await check("a vote that comes too late is told so, and changes nothing", async () => {
  const { page } = ben;
  const calling = restart("fourth time", "batch-worker");
  await opens(page, "fourth time");
  await page.keyboard.press("a");
  await page.locator("textarea").fill("fine");
  await page.route("**/v1/approvals/*/votes", async (route) => {
    await ask(server, server.adminKey, "POST", "/v1/switches", { target: { agent: "sre-bot" }, reason: "in between" });
    await route.continue();
  });
  await page.keyboard.press("Enter");
  await page.getByText("Too late: it was decided before").waitFor();
  await page.unroute("**/v1/approvals/*/votes");
  assert.ok((await calling).refused);
  await ask(server, server.adminKey, "DELETE", "/v1/switches/agent:sre-bot", { reason: "go on" });
});

await check("a vote on what has changed since is not counted, and says so", async () => {
  const { page } = ben;
  const calling = restart("fifth time", "checkout");
  await opens(page, "fifth time");
  await page.route("**/v1/approvals/*/votes", (route) => {
    const body = { ...(route.request().postDataJSON() as object), shown: "0".repeat(64) };
    return route.continue({ postData: JSON.stringify(body) });
  });
  await decide(page, "a", "fine");
  await page.getByText("It has changed since you saw it").waitFor();
  await page.unroute("**/v1/approvals/*/votes");
  await decide(page, "d", "then not");
  await page.getByText("Counted. The case is denied").waitFor();
  await calling;
});

await check("an answer that never came is looked up instead of guessed", async () => {
  const { page } = ben;
  const calling = restart("sixth time", "web");
  // Refused above for the same arguments but the reason; another reason is another action.
  await opens(page, "sixth time");
  await page.route("**/v1/approvals/*/votes", async (route) => { await route.fetch(); await route.abort(); });
  await decide(page, "d", "sent, unanswered");
  await page.getByText("Counted. The case is denied").waitFor();
  await page.unroute("**/v1/approvals/*/votes");
  await calling;
});

const cleo = await person(chrome, server.logins["cleo"] ?? "");

await check("silence is a refusal, and the page says when it comes", async () => {
  const { page } = cleo;
  const calling = bot.call("apply_db_change", { database: "orders-staging", statement: "ALTER TABLE orders ADD COLUMN a int", purpose: "x" }).catch(() => undefined);
  await page.locator(".case h1").waitFor({ timeout: 3_000 });
  await page.locator(".case .pill", { hasText: "expired" }).waitFor({ timeout: 10_000 });
  assert.equal((await calling)?.refused, "approval-expired");
});

await check("a person who has a part in it is told that their vote does not count", async () => {
  const ana = await person(chrome, server.logins["ana"] ?? "");
  const calling = restart("seventh time", "search");
  await ana.page.getByText("Wait for others").waitFor();
  await ana.page.locator(".inbox-row").first().click();
  await ana.page.getByText("You do not vote here").waitFor();
  assert.equal(await ana.page.getByRole("button", { name: /^Approve/u }).count(), 0);
  await opens(ben.page, "seventh time");
  await decide(ben.page, "d", "enough");
  await calling;
  await ana.context.close();
});

await check("a page of another origin cannot vote, read or log in with the cookie", async () => {
  const context = await chrome.newContext({ storageState: await ben.context.storageState() });
  const page = await context.newPage();
  await page.route("http://127.0.0.1:1/**", (route) => route.fulfill({ contentType: "text/html", body: "<p>elsewhere" }));
  await page.goto("http://127.0.0.1:1/");
  const tried = await page.evaluate(async (url) => {
    const body = JSON.stringify({ target: { agent: "sre-bot" }, reason: "forged" });
    const send = (init: RequestInit) => fetch(`${url}/v1/switches`, { credentials: "include", ...init }).then((a) => a.type, () => "refused");
    return [
      await send({ method: "POST", mode: "no-cors", body, headers: { "content-type": "text/plain" } }),
      await send({ method: "POST", mode: "cors", body, headers: { "content-type": "application/json", "x-countersign-proof": "x" } }),
      await send({ mode: "cors" }),
    ];
  }, server.url);
  assert.deepEqual(tried.slice(1), ["refused", "refused"]);
  const switches = await ask(server, server.adminKey, "GET", "/v1/switches");
  assert.deepEqual(switches.switches, []);
  await context.close();
});

await check(`${CORPUS.length} hostile arguments and their twins never look the same on the page`, async () => {
  const args: Record<string, string> = {};
  CORPUS.forEach(({ hostile, benign }, at) => { args[`h${at}`] = hostile; args[`b${at}`] = benign; });
  const answer = await ask(server, server.agentKey, "POST", "/v1/actions", { tool: "inventory.restart_service", arguments: { service: "web", ...args } });
  const { page } = ben;
  await page.goto(`${server.url}/actions/${answer.action}`);
  await page.locator(".json-name").first().waitFor();
  const shown = await page.evaluate(() => {
    const out: Record<string, { text: string; visible: string }> = {};
    for (const name of document.querySelectorAll(".json-name")) {
      let value = name.nextElementSibling;
      while (value && !value.classList.contains("json-string")) value = value.nextElementSibling;
      const text = value?.textContent ?? "";
      out[JSON.parse(name.textContent ?? '""') as string] = { text: text.slice(1, -1), visible: (value as HTMLElement | null)?.innerText ?? "" };
    }
    return out;
  });
  const inner = (text: string) => text.replace(/^"|"$/gu, "");
  let unequal = 0;
  CORPUS.forEach(({ name, hostile, benign }, at) => {
    const [h, b] = [shown[`h${at}`], shown[`b${at}`]];
    assert.ok(h && b, name);
    assert.equal(decode(h.text), hostile, name);
    assert.equal(decode(b.text), benign, name);
    assert.notEqual(eye(inner(h.visible)), eye(inner(b.visible)), name);
    unequal += 1;
  });
  assert.equal(unequal, CORPUS.length);
  assert.equal(await page.locator("main img, main b:not(.factor b), main script").count(), 0);
});

await check("the policies' page shows what changed from one bundle to the next, and how the tests came out", async () => {
  const { page } = cleo;
  const active = await ask(server, server.adminKey, "GET", "/v1/bundles/active");
  const { files } = await ask(server, server.adminKey, "GET", `/v1/bundles/${active.digest}`);
  const limits = `${files["limits.toml"]}\n# looked at\u202e it\n`;
  await ask(server, server.adminKey, "POST", "/v1/bundles", { files: { ...files, "limits.toml": limits }, reason: "a note for the audit" });
  await page.goto(`${server.url}/policies`);
  await page.getByText("a note for the audit").waitFor();
  await page.getByText(/^\d+ tests passed$/u).waitFor();
  await page.getByRole("button", { name: "What changed" }).first().click();
  await page.locator(".diff-new", { hasText: "# looked at⟨U+202E⟩ it" }).waitFor();
  assert.equal(await page.locator(".diff-old").count(), 0);
  await page.getByRole("button", { name: "What changed" }).first().click();
});

await check("stopping and lifting from the switches' page, each with a confirmation", async () => {
  const { page } = cleo;
  await page.goto(`${server.url}/switches`);
  await page.getByText("Nothing is stopped").waitFor();
  await page.getByRole("button", { name: "Stop something" }).click();
  await page.getByLabel("Its name").fill("sre-bot");
  await page.getByLabel(/^Why/u).fill("acting up");
  await page.getByRole("button", { name: "Stop it" }).click();
  assert.deepEqual((await ask(server, server.adminKey, "GET", "/v1/switches")).switches, [], "not before the second press");
  await page.getByRole("button", { name: "Stop sre-bot now" }).click();
  await page.getByText("agent sre-bot is stopped.").waitFor();
  await page.locator(".switch").getByText("acting up").waitFor();
  await page.getByRole("button", { name: "Lift" }).click();
  await page.getByLabel(/^Why/u).fill("it was a test");
  await page.getByRole("button", { name: "Lift it" }).click();
  await page.getByText("may act again").waitFor();
  await page.getByText("Nothing is stopped").waitFor();
});

await check("the log is verified in the browser, goes on consistently, and a foreign key is not believed", async () => {
  const { page } = cleo;
  await page.goto(`${server.url}/log`);
  await page.getByText("sees the log for the first time").waitFor();
  await ask(server, server.agentKey, "POST", "/v1/actions", { tool: "inventory.list_services", arguments: {} });
  await page.waitForTimeout(1_500);
  await page.getByRole("button", { name: "Verify again" }).click();
  await page.getByText(/are its first ones/u).waitFor();
  assert.equal(await page.locator(".check-bad").count(), 0);
  await page.getByLabel("Index of the record").fill("7");
  await page.getByRole("button", { name: "Prove it" }).click();
  await page.getByText(/in the signed log of \d+ records/u).waitFor();
  await page.getByText("Trust another key").click();
  await page.getByRole("textbox", { name: "Verifier key" }).fill("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx");
  await page.getByRole("button", { name: "Trust it" }).click();
  await page.getByText("None of the trusted keys has signed it").waitFor();
});

await check("a log that was rewritten is noticed by a browser that has seen it", async () => {
  const context = await chrome.newContext({ storageState: await cleo.context.storageState() });
  const page = await context.newPage();
  await page.goto(`${server.url}/log`);
  await page.locator(".check-good").first().waitFor();
  await page.evaluate(() => {
    for (const name of Object.keys(localStorage)) {
      if (!name.startsWith("countersign.log.")) continue;
      const memory = JSON.parse(localStorage.getItem(name) ?? "{}") as { root: string; size: number };
      localStorage.setItem(name, JSON.stringify({ ...memory, size: memory.size - 1 }));
    }
  });
  await page.reload();
  await page.getByText("It is another log than the one").waitFor();
  await context.close();
});

await check("live filters, and holds still while one reads", async () => {
  const { page } = cleo;
  await page.goto(`${server.url}/live`);
  await page.locator(".live-row").first().waitFor();
  await page.getByRole("button", { name: "Denied" }).click();
  const pills = await page.locator(".live-row .pill").allInnerTexts();
  assert.ok(pills.length > 0 && pills.every((text) => text === "denied"), pills.join());
  await page.getByRole("button", { name: "Everything" }).click();
  await page.getByRole("searchbox").fill("draft_mail");
  await page.locator(".live-row", { hasText: "draft_mail" }).first().waitFor();
  await page.getByRole("searchbox").fill("");
  await page.getByRole("button", { name: "Hold still" }).click();
  const before = await page.locator(".live-row").count();
  await ask(server, server.agentKey, "POST", "/v1/actions", { tool: "inventory.list_services", arguments: {} });
  await page.getByRole("button", { name: /Go on \(\d+ new\)/u }).waitFor();
  assert.equal(await page.locator(".live-row").count(), before);
});

await check("an invited person enrols a passkey, signs with it what counts signed alone, and logs in with it", async () => {
  const invitation = await ask(server, server.adminKey, "POST", "/v1/passkeys/invitations", { person: "ben", reason: "he approves" });
  const key = await ask(server, server.adminKey, "POST", "/v1/keys", { person: "ben", reason: "a laptop" });
  const link = await ask(server, key.token, "POST", "/v1/login/links", {});
  // Browsers know passkeys of a host, not of an address.
  const home = server.url.replace("127.0.0.1", "localhost");
  const { context, page } = await person(chrome, link.url.replace("127.0.0.1", "localhost"));
  await authenticator(context, page);
  await enrol(page, home, invitation.token, "ben");
  // The demo's profiles take any vote, so the page alone is told that this one counts signed only.
  for (const one of [page, ben.page]) {
    await alters(one, "**/v1/approvals/case_*", (body) => ({ ...body, you: { ...body.you, signed: true } }));
  }
  await page.goto(`${home}/inbox`);
  const calling = restart("eighth time", "web");
  await ben.page.goto(`${server.url}/inbox`);
  await opens(ben.page, "eighth time");
  await ben.page.getByText("counts here only if you sign it with a passkey").waitFor();
  await ben.page.getByText(`open ${home}/inbox/`).waitFor();
  assert.equal(await ben.page.getByRole("button", { name: /^Approve/u }).count(), 0);
  await opens(page, "eighth time");
  await decide(page, "a", "signed it");
  await page.getByText("Counted. The case is approved").waitFor();
  assert.equal((await calling).refused, undefined);
  const { approvals } = await ask(server, server.adminKey, "GET", "/v1/approvals");
  const votes = approvals.flatMap((line: { votes: { reason: string; passkey?: string }[] }) => line.votes);
  assert.match(votes.find((vote: { reason: string }) => vote.reason === "signed it")?.passkey ?? "", /^pk_/u);
  await ben.page.unroute("**/v1/approvals/case_*");

  // Logged out, the passkey alone lets ben in again, for as long as it is not revoked.
  await page.getByRole("button", { name: "Log out" }).first().click();
  await page.getByRole("button", { name: "Log in with a passkey" }).click();
  await page.getByRole("navigation", { name: "Rooms" }).waitFor();
  await page.reload();
  await page.getByText("ben", { exact: true }).first().waitFor();
  const { passkeys } = await ask(server, server.adminKey, "GET", "/v1/passkeys");
  await ask(server, server.adminKey, "DELETE", `/v1/passkeys/${passkeys[0].id}`, { reason: "lost" });
  await page.goto(`${home}/switches`);
  await page.getByRole("button", { name: "Log in with a passkey" }).click();
  await page.getByRole("alert").getByText("does not log in here").waitFor();
  await context.close();
});

await check("the glass is broken by two people, said on every page, and reviewed by a third", () => breakGlass(chrome, server, folder));

let reviewer: Reviewer | undefined;
await check("what a reviewer agent says is boxed beside what a person decides, and shows no tricks", async () => { reviewer = await reviews(chrome, server, folder); });

await check("a permission is read, approved, used, counted and taken back", () => permits(chrome, server));

await check("what is usual for an agent is drawn beside what it does this hour", async () => { mkdirSync(pictures, { recursive: true }); await usual(cleo.page, server, pictures); });

await check("before anything is tracked, each page says what to run", () => nothingYet(cleo.page, server));

let tracked: Tracked | undefined;
const known = (): Tracked => { assert.ok(tracked, "nothing is tracked"); return tracked; };
await check("runs, models and lineage are taken in", async () => { tracked = await track(server); });

await check("runs are ordered, filtered in MLflow's grammar and chosen, and their names play no tricks", () => runsTable(cleo.page, server, known()));

await check("curves stop where there is no number and say so, and strands have each run", () => runsDrawn(cleo.page, server, known()));

await check("a promotion waits, is approved in the page, and the model's page shows it by itself", () => promoted(chrome, cleo.page, server, known()));

await check("a version is told whole: who approved it, how it did, what is missing, and that another one runs", () => dossier(cleo.page, server, known()));

await check("two versions are compared part by part", () => compared(cleo.page, server));

await check("seals and promotions have their names among the records", () => labelled(cleo.page, server));

await check("lineage is found by name, walked both ways by keys and by lists, and shows no tricks", () => walked(cleo.page, server));

await check("a graph is looked at in one direction or both", () => directed(cleo.page, server));

await check("a graph goes on where one asks it to", () => grown(cleo.page, server));

await check("a dataset is zoomed to its columns, and back", () => columned(cleo.page, server));

await check("a graph of a thousand nodes is dragged and zoomed fluidly", async () => {
  const { nodes, p50, p95, max } = await fluid(cleo.page, server, known());
  writeFileSync(join(folder, "frames"), `${nodes} nodes; p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, max ${max.toFixed(1)} ms`);
  assert.ok(p50 <= 20 && p95 <= 34, `half of the frames within one refresh, most within two: ${p50} and ${p95} ms`);
});

await check("a page of what is tracked asks nothing by itself", () => isQuiet(cleo.page));

await check("a revoked key ends the login, and the page says so", async () => {
  const made = await ask(server, server.adminKey, "POST", "/v1/keys", { person: "cleo", reason: "a phone" });
  const link = await ask(server, made.token, "POST", "/v1/login/links", {});
  const phone = await person(chrome, link.url);
  await ask(server, server.adminKey, "DELETE", `/v1/keys/${made.id}`, { reason: "lost" });
  await phone.page.goto(`${server.url}/switches`);
  await phone.page.getByLabel("Your key").waitFor();
  await phone.context.close();
});

await check("every page, in light, dark and on a phone: axe finds nothing serious, nothing is wider than the screen", async () => {
  void restart("the shop answers slowly", "checkout").catch(() => undefined);
  void bot.call("apply_db_change", { database: "orders", statement: "ALTER TABLE orders ADD COLUMN note text\u202e -- \u0430dmin\n  DEFAULT ''" }).catch(() => undefined);
  await cleo.page.goto(`${server.url}/inbox`);
  await cleo.page.locator(".case h1").waitFor();
  const listed = await ask(server, server.adminKey, "GET", "/v1/approvals");
  const open = listed.approvals.find((line: { state: string; you: { may_vote: boolean } }) => line.state === "open" && line.you.may_vote);
  const looked = await reviewer?.reviews("for the picture", "on");
  const records = await ask(server, server.adminKey, "GET", "/v1/records?from=0&limit=1000");
  const done = records.records.filter((one: { kind: string; summary: string }) => one.kind === "outcome" && one.summary.includes("restart")).at(-1);
  await ask(server, server.adminKey, "POST", "/v1/switches", { target: { tool: "inventory.delete_service" }, reason: "no deletions during the audit" });
  const rooms: Room[] = [
    { name: "inbox", path: `/inbox/${open.id}`, ready: (page) => page.locator(".case h1").waitFor() },
    { name: "review", path: `/inbox/${looked}`, ready: (page) => page.getByText("sent it on to people").waitFor() },
    { name: "action", path: `/actions/${done.action}`, ready: (page) => page.locator(".pill", { hasText: "proved" }).first().waitFor() },
    { name: "actions", path: "/actions" },
    { name: "live", path: "/live", ready: (page) => page.locator(".live-row").first().waitFor() },
    { name: "switches", path: "/switches", ready: (page) => page.locator(".switch").first().waitFor() },
    { name: "log", path: "/log", ready: (page) => page.locator(".checks").waitFor() },
    { name: "agents", path: "/agents", ready: (page) => page.locator(".behaviour").waitFor() },
    { name: "permissions", path: "/permissions", ready: (page) => page.locator(".switch").first().waitFor() },
    { name: "escalation", path: "/escalation" },
    { name: "policies", path: "/policies", ready: async (page) => { await page.getByRole("button", { name: "What changed" }).first().click(); await page.locator(".diff-new").first().waitFor(); } },
    { name: "overview", path: "/overview", ready: (page) => page.locator(".doctor").first().waitFor() },
    ...roomsOfModels(known()),
    ...roomsOfVersions(),
  ];
  const wrong = await shots(chrome, server.url, cleo.context, rooms, pictures);
  wrong.push(...await shots(chrome, server.url, undefined, [{ name: "login", path: "/" }, { name: "passkey", path: "/passkey" }], pictures));
  assert.deepEqual(wrong, []);
});

await check("no page complained, loaded anything from elsewhere, or broke the policy of contents", async () => {
  const expected = /status of (?:400|401|403|409)|net::ERR_FAILED/u;
  assert.deepEqual(complaints.filter((one) => !expected.test(one)), []);
});

const status = close();
await bot.close().catch(() => undefined);
await chrome.close();
server.stop();
process.exit(status);
