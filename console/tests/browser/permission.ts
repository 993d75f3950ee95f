/** A permission in the browser: what its approver reads, what the page says of it, and taking it back. */

import assert from "node:assert/strict";

import type { Browser } from "playwright-core";

import { login } from "./glass.ts";
import { decide } from "./inbox.ts";
import { ask, type Server } from "./stage.ts";

const TERMS = {
  tool: "inventory.scale_service",
  arguments: { service: "web", replicas: 12 },
  bounds: { replicas: { between: { from: 10, to: 14 } } },
  minutes: 30,
  uses: 3,
  purpose: "the sale comes in waves \u202e",
};

/** Asks for permissions under a bundle that knows them: one is used, one taken back, and the last holds when it returns. */
export async function permits(chrome: Browser, server: Server): Promise<void> {
  const { page, context } = await login(chrome, server, "ben");
  const scale = (replicas: number) => ask(server, server.agentKey, "POST", "/v1/actions", { tool: TERMS.tool, arguments: { service: "web", replicas } });
  const given = async (terms: typeof TERMS) => {
    const { approval } = await ask(server, server.agentKey, "POST", "/v1/permission-requests", terms);
    await page.goto(`${server.url}/inbox/${approval.id}`);
    await page.getByRole("heading", { name: "This would be permitted in advance" }).waitFor();
    await page.getByText(`${terms.uses} times within ${terms.minutes} minutes`, { exact: true }).waitFor();
    assert.ok(!(await page.locator("main").innerText()).includes("\u202e"), "what the agent wrote is told letter by letter");
    await decide(page, "a", "for the sale");
    await page.getByText("Counted. The case is approved").waitFor();
    return ask(server, server.agentKey, "POST", "/v1/permission-requests", terms);
  };
  await given(TERMS);
  await page.goto(`${server.url}/permissions`);
  await page.getByText("3 of 3 uses left").waitFor();
  assert.equal((await scale(13)).verdict, "allow_observed");
  await page.getByText("2 of 3 uses left").waitFor();
  assert.equal((await scale(15)).verdict, "escalate", "beyond the bound people are asked");
  await page.getByRole("button", { name: "Revoke" }).click();
  await page.getByLabel("Why?").fill("the sale is over");
  await page.getByRole("button", { name: "Revoke it" }).click();
  await page.getByText("sre-bot must ask again.").waitFor();
  assert.equal((await scale(14)).verdict, "escalate");
  await given({ ...TERMS, uses: 2 });
  await context.close();
}
