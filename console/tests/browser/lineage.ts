/** The graph of lineage in the browser: found, walked both ways by keys, grown, zoomed to columns; and a thousand nodes moved. */

import assert from "node:assert/strict";

import type { Page } from "playwright-core";

import { decode } from "./decode.ts";
import { ask, type Server } from "./stage.ts";
import { HOSTILE, type Tracked } from "./tracked.ts";

const STATUS = '[role="status"].num';

function address(server: Server, node: string, more = ""): string {
  return `${server.url}/lineage?node=${encodeURIComponent(node)}${more}`;
}

async function counts(page: Page, says: string): Promise<void> {
  await page.locator(STATUS, { hasText: new RegExp(`^${says}$`, "u") }).waitFor();
}

const chosen = (page: Page, name: string) => page.getByRole("region", { name: "The chosen node" }).getByRole("heading", { name, exact: true }).waitFor();

/** Finds a dataset by its name, walks from it by keys and by the lists, and lets the graph grow. */
export async function walked(page: Page, server: Server): Promise<void> {
  await page.goto(`${server.url}/lineage`);
  await page.getByPlaceholder("part of a name").fill("payments");
  const begins = page.locator(".node-name");
  await begins.first().waitFor();
  assert.ok((await begins.locator(".text").evaluateAll((all) => all.map((one) => one.textContent ?? ""))).some((text) => decode(text) === HOSTILE.dataset));
  assert.ok(!/[\u202e]/u.test(await page.locator("main").innerText()));
  await page.getByRole("button", { name: "dataset raw.payments" }).click();
  await chosen(page, "raw.payments");
  const { graph } = await ask(server, server.adminKey, "GET", `/api/v1/lineage?nodeId=dataset:shop:raw.payments&depth=3`);
  assert.ok(graph.length > 8, "it is a graph");
  await counts(page, `${graph.length} nodes`);
  await page.getByRole("img", { name: /A graph of/u }).focus();
  await page.keyboard.press("ArrowRight");
  await chosen(page, "clean_payments");
  await page.keyboard.press("ArrowRight");
  await chosen(page, "shop.payments");
  await page.keyboard.press("ArrowLeft");
  await chosen(page, "clean_payments");
  await page.getByLabel("Find in this graph").fill("board");
  await page.getByRole("button", { name: "job board" }).click();
  await chosen(page, "board");
  assert.equal(await page.getByRole("button", { name: "dataset shop.board" }).count(), 0, "it is further away than was asked for");
}

/** Looks in one direction of a dataset, and in the other. */
export async function directed(page: Page, server: Server): Promise<void> {
  await page.goto(address(server, "dataset:shop:shop.features"));
  await chosen(page, "shop.features");
  const sees = async () => {
    const seen: boolean[] = [];
    for (const name of ["raw.payments", "shop.report"]) {
      await page.getByLabel("Find in this graph").fill(name);
      seen.push((await page.getByRole("button", { name: `dataset ${name}` }).count()) > 0);
    }
    return seen;
  };
  assert.deepEqual(await sees(), [true, true]);
  for (const [way, wanted] of [["What it came of", [true, false]], ["What came of it", [false, true]], ["Both ways", [true, true]]] as const) {
    const before = await page.locator(STATUS).innerText();
    await page.getByRole("button", { name: way }).click();
    await page.waitForFunction((before) => document.querySelector('[role="status"].num')?.textContent !== before, before);
    assert.deepEqual(await sees(), wanted, way);
  }
}

/** Goes back where the graph ends, and on from there. */
export async function grown(page: Page, server: Server): Promise<void> {
  await page.goto(address(server, "dataset:shop:shop.archive"));
  await chosen(page, "shop.archive");
  const before = Number((await page.locator(STATUS).innerText()).replace(/\D/gu, ""));
  await page.getByLabel("Find in this graph").fill("shop.scores");
  await page.getByRole("button", { name: "dataset shop.scores" }).click();
  await page.getByRole("button", { name: "Show what is behind" }).click();
  await page.getByRole("button", { name: "All beside it is shown" }).waitFor();
  await page.waitForFunction((least) => Number(document.querySelector('[role="status"].num')?.textContent?.replace(/\D/gu, "")) > least, before);
  await page.getByLabel("Find in this graph").fill("raw.customers");
  await page.getByRole("button", { name: "dataset raw.customers" }).waitFor();
}

/** Zooms from a dataset to its columns and back. */
export async function columned(page: Page, server: Server): Promise<void> {
  await page.goto(address(server, "dataset:shop:shop.features"));
  await chosen(page, "shop.features");
  await page.getByRole("button", { name: "Its columns" }).click();
  await counts(page, "10 columns");
  await page.getByLabel("Find in this graph").fill("abroad");
  await page.getByRole("button", { name: "column abroad" }).click();
  const node = page.getByRole("region", { name: "The chosen node" });
  await node.getByRole("button", { name: "column card" }).waitFor();
  await node.getByRole("button", { name: "column country" }).waitFor();
  await node.getByRole("button", { name: "column score" }).click();
  await chosen(page, "score");
  await page.goBack();
  await chosen(page, "shop.features");
}

export interface Frames {
  readonly nodes: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** Drags and zooms a graph of a thousand nodes for some seconds, and says how long its frames took. */
export async function fluid(page: Page, server: Server, tracked: Tracked): Promise<Frames> {
  await page.goto(address(server, tracked.large));
  await page.getByRole("button", { name: "Show all there is" }).click();
  await counts(page, "1,001 nodes");
  await page.getByRole("button", { name: "All of it" }).click();
  await page.waitForFunction(() => Number(document.querySelector("canvas")?.dataset["seen"]) >= 1_000);
  const canvas = page.getByRole("img", { name: /A graph of/u });
  const nodes = Number(await canvas.getAttribute("data-seen"));
  const box = await canvas.boundingBox();
  assert.ok(box);
  const measuring = page.evaluate((ms) => new Promise<number[]>((done) => {
    const took: number[] = [];
    let last = performance.now();
    const end = last + ms;
    const frame = (now: number) => { took.push(now - last); last = now; if (now < end) requestAnimationFrame(frame); else done(took); };
    requestAnimationFrame(frame);
  }), 6_000);
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const end = Date.now() + 6_000;
  for (let turn = 0; Date.now() < end; turn += 1) {
    if (turn % 3 === 2) {
      await page.keyboard.down("Control");
      for (let step = 0; step < 12; step += 1) { await page.mouse.move(x, y); await page.mouse.wheel(0, turn % 2 ? 60 : -60); }
      await page.keyboard.up("Control");
      continue;
    }
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let step = 0; step < 40; step += 1) await page.mouse.move(x + 120 * Math.sin(step / 6), y + 90 * Math.cos(step / 6));
    await page.mouse.up();
  }
  const took = (await measuring).slice(2).sort((a, b) => a - b);
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0;
  return { nodes, p50: at(0.5), p95: at(0.95), max: at(1) };
}
