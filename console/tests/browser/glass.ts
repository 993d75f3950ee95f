/** Break-glass in the browser: the banner on every page, the second key by another person, and the review by a third. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import type { Browser } from "playwright-core";

import { withRegistry } from "./registry.ts";
import { ask, person, type Server } from "./stage.ts";

const RULES = 'groups = ["sre", "sre-db"]\nminutes = 10\nreviewers = "risk"\nreview_hours = 24\n';
const POLICY = `@id("test.glass")
permit (principal, action in [Action::"countersign.glass.break", Action::"countersign.glass.review"], resource)
when { context.mode == Mode::"monitored" };

@id("test.permissions")
permit (principal, action == Action::"countersign.permission.request", resource);
`;

/** Returns the demo's bundle with rules for a break-glass, for permissions and for promotions, a baseline, and a person who reviews a broken glass. */
export function bundle(folder: string): Record<string, string> {
  const root = join(folder, "countersign-demo/bundle");
  const files: Record<string, string> = {};
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files[path.slice(root.length + 1)] = readFileSync(path, "utf8");
  }
  files["people.toml"] += '\n[people.rita]\ngroups = ["risk"]\n';
  files["bundle.toml"] += "\n[permissions]\nminutes_max = 60\nuses_max = 10\n";
  return withRegistry({ ...files, "break_glass.toml": RULES, "behaviour.toml": "[baselines.usual]\n", "policies/glass.cedar": POLICY });
}

/** Logs a person in with a key made for this. */
export async function login(chrome: Browser, server: Server, name: string) {
  const key = await ask(server, server.adminKey, "POST", "/v1/keys", { person: name, reason: "for the test" });
  const link = await ask(server, key.token, "POST", "/v1/login/links", {});
  return { ...(await person(chrome, link.url)), token: key.token as string };
}

/** Breaks the glass and closes it again; the demo's bundle is then the one with rules for it. */
export async function breakGlass(chrome: Browser, server: Server, folder: string): Promise<void> {
  await ask(server, server.adminKey, "POST", "/v1/bundles", { files: bundle(folder), reason: "rules for emergencies" });
  const [ben, cleo, rita] = [await login(chrome, server, "ben"), await login(chrome, server, "cleo"), await login(chrome, server, "rita")];
  const glass = await ask(server, ben.token, "POST", "/v1/break-glass", { agent: "sre-bot", tool: "inventory.restart_service", environment: "prod", reason: "nobody answers \u202e" });
  const banner = (page: typeof ben.page) => page.getByRole("region", { name: "Break-glass" });
  await banner(ben.page).getByText("ben asks for a second key").waitFor();
  assert.equal(await banner(ben.page).getByRole("button", { name: "Turn the second key" }).count(), 0, "not by the same person");
  await banner(cleo.page).getByRole("button", { name: "Turn the second key" }).click();
  await cleo.page.getByLabel("Why?").fill("I see it too");
  await cleo.page.getByRole("button", { name: "Break the glass" }).click();
  for (const room of ["overview", "inbox", "live", "switches", "log", "agents", "escalation", "policies"]) {
    await cleo.page.goto(`${server.url}/${room}`);
    await banner(cleo.page).getByRole("alert").getByText("The glass is broken by ben and cleo").waitFor();
  }
  const ran = await ask(server, server.agentKey, "POST", "/v1/actions", { tool: "inventory.restart_service", arguments: { service: "checkout", reason: "the emergency" } });
  assert.equal(ran.verdict, "allow_observed", JSON.stringify(ran));
  await banner(ben.page).getByText("1 action so far").waitFor();
  await banner(ben.page).getByRole("button", { name: "End the break-glass" }).click();
  await ben.page.getByLabel("Why?").fill("it is over");
  await ben.page.getByRole("button", { name: "End it now" }).click();
  await banner(cleo.page).getByText("awaits its review").waitFor();
  assert.equal(await banner(cleo.page).getByRole("button").count(), 0, "whoever turned a key does not review");
  await rita.page.goto(`${server.url}/overview`);
  await banner(rita.page).getByRole("button", { name: "Close the review" }).click();
  await rita.page.getByLabel("What did you find?").fill("one restart, needed");
  await rita.page.getByRole("dialog").getByRole("button", { name: "Close the review" }).click();
  await banner(rita.page).waitFor({ state: "detached" });
  const { glasses } = await ask(server, server.adminKey, "GET", "/v1/break-glass");
  assert.deepEqual([glasses[0].id, glasses[0].state, glasses[0].review.by], [glass.id, "reviewed", "rita"]);
  for (const one of [ben, cleo, rita]) await one.context.close();
}
