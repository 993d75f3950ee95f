/** What is usual for an agent, as the agents' page draws it: the demo is too young to know, so the page is told of a week. */

import assert from "node:assert/strict";
import { join } from "node:path";

import type { Page } from "playwright-core";

import { violations } from "./shots.ts";
import { alters, type Server } from "./stage.ts";

const KNOWN = {
  at: 0,
  baselines: [
    { class: "restart-stateless", baseline: "usual", hours: 31, hours_min: 24, volume: 12, volume_max: 8, errors_bp: 450, errors_bp_max: 600, pace_ms: 240, pace_ms_max: 200, amounts: [{ pointer: "/replicas", least: 1, most: 9 }], tools: ["inventory.restart_service", "inventory.re\\u{202e}start"], resources: 3 },
    { class: "scale", baseline: "usual", hours: 7, hours_min: 24, volume: 2, amounts: [], tools: [], resources: 0 },
  ],
};

/** Looks at what is drawn, and keeps a picture of it. */
export async function usual(page: Page, server: Server, pictures: string): Promise<void> {
  await alters(page, "**/v1/baselines?agent=sre-bot", () => KNOWN);
  await page.goto(`${server.url}/agents`);
  const rows = page.getByRole("region", { name: "What is usual for sre-bot, and this hour" }).locator("tbody tr");
  await rows.first().waitFor();
  const told = await rows.evaluateAll((all) => all.map((row) => [...row.querySelectorAll("th, td")].map((cell) => (cell as HTMLElement).innerText.replace(/\s+/gu, " ").trim())));
  assert.deepEqual(told[0]?.slice(1, 5), ["31 hours known", "12, not usual usual up to 8", "4.5 % usual up to 6 %", "240 ms, not usual usual up to 200 ms"]);
  assert.deepEqual(told[1]?.slice(1), ["7 of 24 hours still learning", "2 not known yet", "–", "–", "none yet"]);
  assert.ok(told[0]?.[5]?.includes("⟨U+202E⟩") && told[0][5].includes("/replicas 1 to 9") && told[0][5].includes("3 resources"), told[0]?.[5]);
  const drawn = await rows.first().locator(".against").first().evaluate((plot) => {
    const [bar, line] = [plot.querySelector("i"), plot.querySelector("b")];
    return [bar?.className, (bar?.getBoundingClientRect().right ?? 0) > (line?.getBoundingClientRect().left ?? 0)];
  });
  assert.deepEqual(drawn, ["odd", true], "what is beyond the usual goes beyond its line");
  assert.equal(await rows.nth(1).locator(".against").count(), 0, "nothing is drawn where nothing is known");
  assert.deepEqual(await violations(page), []);
  await page.screenshot({ path: join(pictures, "behaviour-light.png"), fullPage: true });
  await page.unroute("**/v1/baselines?agent=sre-bot");
}
