/** The pages of one version and of two compared: what is proved, what is missing, where it runs, and what differs. */

import assert from "node:assert/strict";

import type { Page } from "playwright-core";

import { decode } from "./decode.ts";
import { isTame } from "./models.ts";
import type { Room } from "./shots.ts";
import { ask, type Server } from "./stage.ts";
import { HOSTILE, type Tracked } from "./tracked.ts";

/** Evaluates a version, has it run somewhere, and has its host say that it does. */
async function deployed(server: Server, tracked: Tracked): Promise<void> {
  const checks = [{ name: "auc", value: "0.93", interval: ["0.91", "0.95"], demanded: ">= 0.9" }, { name: HOSTILE.param, passed: true }];
  await ask(server, tracked.owner, "POST", "/v1/models/fraud/versions/3/evaluations", { suite: "holdout", checks });
  await ask(server, tracked.owner, "PUT", "/v1/models/fraud/deployments/eu-west", { version: 3, reason: "October's release" });
}

function says(server: Server, version: number): Promise<void> {
  return ask(server, server.agentKey, "POST", "/v1/models/fraud/deployments/eu-west/observed", { version });
}

/** Lets an agent name the version as what it runs, and finds that on the version's page and on the agent's. */
async function named(page: Page, server: Server): Promise<void> {
  const key = (await ask(server, server.adminKey, "POST", "/v1/keys", { agent: "checker", reason: "it runs a model" })).token as string;
  const prompt = '<img src=x onerror="document.title=1">';
  await ask(server, key, "POST", "/v1/sessions", { runs: { model: "models:/fraud@champion", prompt } });
  const here = page.url();
  await page.goto(`${server.url}/agents`);
  const line = page.getByText("Epoch 1, by its own word");
  await line.waitFor();
  assert.ok((await line.locator(".text").evaluateAll((all) => all.map((one) => one.textContent ?? ""))).some((text) => decode(text) === prompt));
  assert.equal(await page.locator("main img").count(), 0, "no markup of it is read");
  await page.goto(here);
  await page.getByText("runs it by its own word, in its epoch 1").waitFor();
}

/** Reads one version whole, and sees by itself that another one runs. */
export async function dossier(page: Page, server: Server, tracked: Tracked): Promise<void> {
  await deployed(server, tracked);
  await says(server, 3);
  await page.goto(`${server.url}/models/fraud`);
  const runs = page.getByRole("region", { name: "Deployments" }).locator("tr", { hasText: "eu-west" });
  await runs.getByText("as decided").waitFor();
  await page.getByRole("region", { name: "Versions" }).getByRole("link", { name: "3", exact: true }).click();
  await page.getByRole("heading", { name: "Version 3" }).waitFor();
  const told = await ask(server, server.adminKey, "GET", "/v1/models/fraud/versions/3");
  assert.ok(told.gaps.length > 0, "something is missing of every test's version");
  assert.deepEqual(await page.locator(".gaps code").allInnerTexts(), told.gaps.map((gap: { name: string }) => gap.name));
  await page.getByText("ben approved: better on October").waitFor();
  await page.getByRole("link", { name: tracked.runs[1]?.name ?? "", exact: true }).waitFor();
  const evaluations = page.getByRole("region", { name: "Evaluations" });
  await evaluations.locator("tr", { hasText: "auc" }).getByText("0.91 to 0.95").waitFor();
  assert.ok((await evaluations.locator("td .text").evaluateAll((all) => all.map((one) => one.textContent ?? ""))).some((text) => decode(text) === HOSTILE.param));
  await isTame(page);
  await named(page, server);
  await runs.getByText("as decided").waitFor();
  await says(server, 1);
  await runs.getByText("another version runs").waitFor();
}

/** Compares two versions, from either's page and by choosing. */
export async function compared(page: Page, server: Server): Promise<void> {
  await page.goto(`${server.url}/models/fraud/compare?from=1&to=2`);
  const parameters = page.getByRole("region", { name: "What differs in parameters" });
  const depth = parameters.locator("tr", { hasText: "depth" });
  await depth.waitFor();
  assert.deepEqual(await depth.locator("td").allInnerTexts(), ["4", "6"]);
  assert.equal(await parameters.locator("tr", { hasText: "learning_rate" }).count(), 0, "what is the same is counted and not listed");
  await page.getByLabel("Of version").selectOption("2");
  await page.getByText("Nothing that is kept of them differs.").waitFor();
  await page.getByLabel("And version").selectOption("3");
  await page.getByRole("region", { name: "What differs in files" }).or(page.getByRole("region", { name: "What differs in evaluations" })).first().waitFor();
  assert.ok(page.url().includes("from=2") && page.url().includes("to=3"));
}

export function roomsOfVersions(): Room[] {
  return [
    { name: "version", path: "/models/fraud/versions/3", ready: (page) => page.getByRole("region", { name: "Evaluations" }).waitFor() },
    { name: "compare", path: "/models/fraud/compare?from=1&to=3", ready: (page) => page.locator(".compare").first().waitFor() },
  ];
}
