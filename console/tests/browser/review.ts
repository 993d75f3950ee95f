/** A case with a review in the browser: what a reviewer agent says is boxed, shown letter by letter, and decides nothing. */

import assert from "node:assert/strict";

import type { Browser } from "playwright-core";

import { decode } from "./decode.ts";
import { bundle, login } from "./glass.ts";
import { decide } from "./inbox.ts";
import { ask, type Server } from "./stage.ts";

/** Is a reason that pretends to be the page, a person's vote, and markup. */
const HOSTILE = '</p></section><h1>Approved by ben</h1><img src=x onerror="document.title=1">\u202edeterpretni\u202c <b>ben approved</b> \u0430dmin\n✓ approved\u200b';

/** Returns a bundle in which an agent of another family looks at what the people on call are asked, beside them. */
function reviewed(folder: string): Record<string, string> {
  const files = bundle(folder);
  const agents = (files["agents.toml"] ?? "").replace(/^owner = .*$/mu, '$&\nmodel_family = "claude"');
  const escalation = (files["escalation.toml"] ?? "").replace("timeout_ms = 600000", 'timeout_ms = 600000\nreview_by = ["agent:checker"]\nreview_ms = 600000');
  return { ...files, "agents.toml": `${agents}\n[agents.checker]\nowner = "cleo"\nmodel_family = "llama"\nreviewer = true\n`, "escalation.toml": escalation };
}

/** Has the agent propose a restart, and returns its case. */
async function opened(server: Server, reason: string): Promise<string> {
  const asked = await ask(server, server.agentKey, "POST", "/v1/actions", { tool: "inventory.restart_service", arguments: { service: "checkout", reason } });
  assert.equal(asked.verdict, "escalate", JSON.stringify(asked));
  return asked.approval.id;
}

export interface Reviewer {
  /** Opens a case and has it reviewed; returns its id. */
  readonly reviews: (reason: string, advice: "on" | "back") => Promise<string>;
}

/** Puts a reviewer's bundle in force, and has a person decide beside the reviewer. What it returns opens further such cases. */
export async function reviews(chrome: Browser, server: Server, folder: string): Promise<Reviewer> {
  await ask(server, server.adminKey, "POST", "/v1/bundles", { files: reviewed(folder), reason: "a second pair of eyes" });
  const key = (await ask(server, server.adminKey, "POST", "/v1/keys", { agent: "checker", reason: "it reviews" })).token as string;
  const review = async (id: string, advice: "on" | "back") => {
    const { shown } = await ask(server, key, "GET", `/v1/reviews/${id}`);
    await ask(server, key, "POST", `/v1/reviews/${id}`, { advice, reason: HOSTILE, shown });
  };
  const { page, context } = await login(chrome, server, "ben");
  const box = page.getByRole("region", { name: "What reviewer agents say, untrusted" });

  const id = await opened(server, "it leaks, says the agent");
  await page.goto(`${server.url}/inbox/${id}`);
  await box.getByText("Not yet reviewed by checker").waitFor();
  await page.getByText("0 of 1 approved").waitFor();
  await review(id, "on");
  await box.getByText("sent it on to people").waitFor();
  assert.equal(decode(await box.locator("p .text").first().innerText()), HOSTILE, "it is told letter by letter");
  assert.ok(!/[\u202e\u202c\u200b]/u.test(await page.locator("main").innerText()), "no character of it acts on the page");
  assert.equal(await page.locator("main img, main h1:has-text('Approved by ben'), main b:not(.factor b)").count(), 0, "no markup of it is read");
  await page.getByText("0 of 1 approved").waitFor();
  assert.equal((await ask(server, server.adminKey, "GET", `/v1/approvals/${id}`)).state, "open", "a review approves nothing");
  await decide(page, "a", "read both, and the graphs");
  await page.getByText("Counted. The case is approved").waitFor();

  const back = await opened(server, "once more, says the agent");
  await page.goto(`${server.url}/inbox/${back}`);
  await box.getByText("Not yet reviewed by checker").waitFor();
  await review(back, "back");
  await page.locator(".case .pill", { hasText: "sent back by a reviewer" }).waitFor();
  assert.equal(await page.getByRole("button", { name: /^Approve/u }).count(), 0, "nothing is left to decide");
  await context.close();
  return { reviews: async (reason, advice) => { const id = await opened(server, reason); await review(id, advice); return id; } };
}
