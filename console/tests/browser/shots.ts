/** Looks at every page as people do: light, dark, on a phone; and asks axe about each. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";

import { fresh, listen } from "./stage.ts";

const LOOKS = [
  { name: "light", options: { colorScheme: "light", viewport: { width: 1360, height: 900 } } },
  { name: "dark", options: { colorScheme: "dark", viewport: { width: 1360, height: 900 } } },
  { name: "phone", options: { colorScheme: "light", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true } },
] as const;

/** Asks axe what is seriously wrong with a page. */
export async function violations(page: Page): Promise<string[]> {
  const found = await new AxeBuilder({ page }).analyze();
  const serious = found.violations.filter((one) => one.impact === "serious" || one.impact === "critical");
  return serious.map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

/** Is text that does not fit the width of a phone. */
async function overflows(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1);
}

export interface Room {
  readonly name: string;
  readonly path: string;
  /** Makes the page show what it is to show. */
  readonly ready?: (page: Page) => Promise<void>;
}

/** Takes a picture of each room in each look, and returns what is wrong with them. */
export async function shots(browser: Browser, base: string, from: BrowserContext | undefined, rooms: readonly Room[], folder: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const wrong: string[] = [];
  const state = from ? await from.storageState() : undefined;
  for (const { name: look, options } of LOOKS) {
    const context = await fresh(await browser.newContext({ ...options, locale: "en-GB", timezoneId: "UTC", ...(state ? { storageState: state } : {}) }));
    const page = listen(await context.newPage());
    for (const room of rooms) {
      await page.goto(base + room.path);
      await page.locator("h1:visible").first().waitFor({ timeout: 8_000 });
      await room.ready?.(page);
      await page.waitForTimeout(350);
      for (const found of await violations(page)) wrong.push(`${room.name} ${look}: ${found}`);
      if (await overflows(page)) wrong.push(`${room.name} ${look}: the page is wider than its screen`);
      await page.screenshot({ path: join(folder, `${room.name}-${look}.png`), fullPage: look !== "phone" || room.name !== "inbox" });
    }
    await context.close();
  }
  return wrong;
}
