/** The pages of models, runs and lineage in the browser: what they show, that it is right, and that nothing in it plays tricks. */

import assert from "node:assert/strict";

import type { Browser, Page } from "playwright-core";

import { decode } from "./decode.ts";
import { login } from "./glass.ts";
import { decide } from "./inbox.ts";
import type { Room } from "./shots.ts";
import { ask, type Server } from "./stage.ts";
import { HOSTILE, LOST, STEPS, type Tracked } from "./tracked.ts";

const MLFLOW = "/api/2.0/mlflow";

/** Demands that a page shows no character that acts, and no markup that somebody wrote. */
export async function isTame(page: Page): Promise<void> {
  const main = page.locator("main");
  assert.ok(!/[\u202a-\u202e\u2066-\u2069\u200b]/u.test(await main.innerText()), "no character of it acts on the page");
  assert.equal(await main.locator("img, script, b:not(.factor b)").count(), 0, "no markup of it is read");
  const named = await main.locator("[aria-label], [title], option").evaluateAll((all) => all.map((one) => `${one.getAttribute("aria-label")}${one.getAttribute("title")}${one.tagName === "OPTION" ? one.textContent : ""}`).join(""));
  assert.ok(!/[\u202a-\u202e\u2066-\u2069\u200b]/u.test(named), "nor in what is only said");
}

/** Looks at the pages while there is nothing: each says in a sentence what to run. */
export async function nothingYet(page: Page, server: Server): Promise<void> {
  for (const path of ["runs", "models", "lineage"]) {
    await page.goto(`${server.url}/${path}`);
    await page.locator("code", { hasText: `mlflow.set_tracking_uri("${server.url}")` }).first().waitFor();
  }
}

async function firstColumn(page: Page): Promise<string[]> {
  return page.locator(".runs tbody th").allInnerTexts();
}

/** Orders, filters and chooses runs. */
export async function runsTable(page: Page, server: Server, tracked: Tracked): Promise<void> {
  await page.goto(`${server.url}/runs?experiment=${tracked.experiment}`);
  const rows = page.locator(".runs tbody tr");
  await rows.first().waitFor();
  assert.equal(await rows.count(), tracked.runs.length);
  assert.ok((await page.locator(".runs tbody th .text").evaluateAll((all) => all.map((one) => one.textContent ?? ""))).some((name) => decode(name) === HOSTILE.run), "a name is shown as it was written, an escape in it too");
  await isTame(page);
  await page.getByRole("button", { name: "accuracy" }).click();
  await page.locator('th[aria-sort="descending"]', { hasText: "accuracy" }).waitFor();
  await page.waitForFunction(() => document.querySelector(".runs tbody th")?.textContent?.includes("depth 6"));
  await page.getByRole("button", { name: "accuracy" }).click();
  await page.waitForFunction(() => document.querySelector(".runs tbody th")?.textContent?.includes("too fast"));
  assert.equal((await firstColumn(page)).at(-1)?.includes("depth 6"), true);
  const filter = page.getByLabel("Filter, in MLflow's grammar");
  await filter.fill("metrics.accuracy > 0.9 and params.kind = 'boosted'");
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByRole("heading", { name: "3 runs" }).waitFor();
  await filter.fill("metrics.accuracy >");
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByRole("alert").getByText("INVALID_PARAMETER_VALUE").waitFor();
  assert.ok(decodeURIComponent(page.url().replaceAll("+", " ")).includes("metrics.accuracy >"), "the address says what is looked at");
  await page.getByRole("button", { name: "All runs" }).click();
  await page.getByRole("heading", { name: `${tracked.runs.length} runs` }).waitFor();
}

/** Draws curves, with what is no number told and not drawn over; and the strands of all runs. */
export async function runsDrawn(page: Page, server: Server, tracked: Tracked): Promise<void> {
  const lost = tracked.runs.find((run) => run.name === "too fast");
  await page.goto(`${server.url}/runs?experiment=${tracked.experiment}&runs=${lost?.id},${tracked.runs[1]?.id}`);
  const loss = page.locator("figure", { has: page.locator("figcaption", { hasText: "loss" }) });
  await loss.getByText(`${LOST.to - LOST.from + 1} values of ${STEPS} are not a number: steps ${LOST.from} to ${LOST.to}`).waitFor();
  const drawn = await loss.locator(".curve .line").evaluateAll((lines) => lines.map((line) => [line.querySelectorAll("path").length, line.querySelectorAll(".gap").length]));
  assert.deepEqual(drawn, [[2, 1], [1, 0]], "a line stops where there is no number, and goes on behind it");
  const numbers = await loss.locator(".curve .line path").evaluateAll((paths) => paths.map((path) => path.getAttribute("d") ?? "").join(""));
  assert.ok(!numbers.includes("NaN") && numbers.length > 1_000, "every other point is drawn");
  const reader = loss.getByRole("slider");
  await reader.focus();
  for (let step = STEPS - 1; step > LOST.to; step -= 1) await page.keyboard.press("ArrowLeft");
  await loss.getByText(`step ${LOST.to}`, { exact: true }).waitFor();
  await loss.locator(".curve-legend li", { hasText: "too fast" }).getByText("not a number", { exact: true }).waitFor();
  await page.getByRole("button", { name: "By time" }).click();
  await loss.getByText(/are not a number: seconds/u).waitFor();
  await page.getByRole("checkbox", { name: "Draw a forest" }).check();
  await loss.locator(".curve-legend li").nth(2).waitFor();
  await page.getByRole("button", { name: "Parallel coordinates" }).click();
  await page.locator(".parallel").waitFor();
  assert.equal(await page.locator(".parallel .strand").count(), tracked.runs.length);
  assert.equal(await page.locator(".parallel .strand.line").count(), 3, "chosen runs have a line of their own");
  assert.deepEqual((await page.locator(".axis-name").allTextContents()).sort(), ["accuracy", "depth", "kind", "learning_rate", "loss"]);
  assert.ok((await page.locator(".parallel .strand").evaluateAll((all) => all.map((one) => one.getAttribute("d") ?? ""))).every((d) => !/NaN|undefined/u.test(d)));
  await isTame(page);
  await page.locator(".runs tbody tr", { hasText: "champion" }).getByRole("link").click();
  await page.getByRole("heading", { name: "Parameters" }).waitFor();
  assert.equal(decode(await page.locator("h1 .text").evaluate((one) => one.textContent ?? "")), HOSTILE.run);
  assert.ok((await page.locator("dd .text").evaluateAll((all) => all.map((one) => one.textContent ?? ""))).some((text) => decode(text) === HOSTILE.param));
  await isTame(page);
}

/** Nothing is asked again by itself. */
export async function isQuiet(page: Page): Promise<void> {
  let asked = 0;
  const count = (request: { url: () => string }) => { if (!request.url().includes("/v1/events")) asked += 1; };
  page.on("request", count);
  await page.waitForTimeout(2_500);
  page.off("request", count);
  assert.equal(asked, 0, "a page that nobody touches asks nothing");
}

/** Has a promotion wait, be approved in the page, and appear in the model's without anybody asking for it. */
export async function promoted(chrome: Browser, page: Page, server: Server, tracked: Tracked): Promise<void> {
  const alias = (name: string, version: number) => ask(server, tracked.owner, "POST", `${MLFLOW}/registered-models/alias`, { name: "fraud", alias: name, version: String(version) });
  await page.goto(`${server.url}/models`);
  await page.getByRole("link", { name: "fraud", exact: true }).waitFor();
  assert.ok((await page.locator("h2 .text").evaluateAll((all) => all.map((one) => one.textContent ?? ""))).some((text) => decode(text) === HOSTILE.model));
  await isTame(page);
  await alias("staging", 2);
  await page.locator(".model-row .chip", { hasText: "staging" }).waitFor();
  await assert.rejects(alias("champion", 3), /PERMISSION_DENIED/u);
  await page.getByRole("heading", { name: "Waits for people" }).waitFor();
  await page.goto(`${server.url}/models/${encodeURIComponent(HOSTILE.model)}`);
  await page.getByRole("heading", { name: "Who moved what" }).waitFor();
  await page.waitForTimeout(500);
  assert.equal(await page.getByRole("heading", { name: "Waits for people" }).count(), 0, "what waits is about another model");
  await page.goto(`${server.url}/models/fraud`);
  await page.getByRole("heading", { name: "Waits for people" }).waitFor();
  await page.goto(`${server.url}/models`);
  const ben = await login(chrome, server, "ben");
  await ben.page.goto(`${server.url}/models`);
  await ben.page.getByRole("link", { name: "fraud: alias, version 3, champion" }).click();
  await ben.page.locator(".case .json", { hasText: "champion" }).waitFor();
  await decide(ben.page, "a", "better on October");
  await ben.page.getByText("Counted. The case is approved").waitFor();
  await page.locator(".model-row .chip", { hasText: "champion" }).waitFor();
  await page.getByRole("link", { name: "fraud", exact: true }).click();
  const where = page.getByRole("region", { name: "What its aliases name" });
  await where.locator("tr", { hasText: "champion" }).getByText("version 3").waitFor();
  await page.getByRole("region", { name: "Versions" }).locator("tr").nth(1).getByText("sealed").waitFor();
  assert.equal(await page.getByRole("region", { name: "Versions" }).locator("tbody tr").count(), 3);
  await page.getByText("moved an alias champion from nothing to 3").waitFor();
  await where.locator("tr", { hasText: "champion" }).getByRole("link", { name: "decided" }).click();
  await page.getByText("ben approved").waitFor();
  await ben.context.close();
  // Another one waits, so that there is something to look at.
  await assert.rejects(alias("champion", 1), /PERMISSION_DENIED/u);
}

/** Seals and promotions are called by their names where records are listed. */
export async function labelled(page: Page, server: Server): Promise<void> {
  await page.goto(`${server.url}/live`);
  await page.getByRole("button", { name: "Models", exact: true }).click();
  await page.locator(".live-row", { hasText: "model sealed" }).first().waitFor();
  await page.locator(".live-row", { hasText: "promotion: alias" }).first().waitFor();
  const rows = await page.locator(".live-row").allInnerTexts();
  assert.ok(rows.every((row) => /model sealed|write refused|run recorded|evaluated|seen to run|incident|promotion: /u.test(row)), rows.join("\n"));
}

/** Lists the pages of models, runs and lineage as they are to be looked at. */
export function rooms(tracked: Tracked): Room[] {
  const graph = (page: Page) => page.waitForFunction(() => Number(document.querySelector("canvas")?.dataset["seen"]) > 0).then(() => {});
  const node = encodeURIComponent("dataset:shop:shop.features");
  const runs = `/runs?experiment=${tracked.experiment}`;
  return [
    { name: "models", path: "/models", ready: (page) => page.locator(".model-row").first().waitFor() },
    { name: "model", path: "/models/fraud", ready: (page) => page.getByText("sealed", { exact: true }).first().waitFor() },
    { name: "runs", path: runs, ready: (page) => page.locator(".curve").first().waitFor() },
    { name: "runs-parallel", path: `${runs}&view=parallel`, ready: (page) => page.locator(".parallel").waitFor() },
    { name: "run", path: `/runs/${tracked.runs[4]?.id}`, ready: (page) => page.locator(".curve").first().waitFor() },
    { name: "lineage-begin", path: "/lineage", ready: (page) => page.locator(".node-name").first().waitFor() },
    { name: "lineage", path: `/lineage?node=${node}`, ready: graph },
    { name: "lineage-columns", path: `/lineage?node=${node}&columns=1`, ready: graph },
    { name: "lineage-large", path: `/lineage?node=${encodeURIComponent(tracked.large)}`, ready: async (page) => { await page.getByRole("button", { name: "Show all there is" }).click(); await page.getByText("1,001 nodes", { exact: true }).waitFor(); await page.getByRole("button", { name: "All of it" }).click(); await page.waitForFunction(() => Number(document.querySelector("canvas")?.dataset["seen"]) >= 1_000); } },
  ];
}
