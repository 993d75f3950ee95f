/** What a person does in the inbox, with keys alone. */

import assert from "node:assert/strict";

import type { Page } from "playwright-core";

/** Moves through the inbox until a case shows the text. */
export async function opens(page: Page, text: string): Promise<void> {
  // What was decided stays until the person moves on.
  for (let tries = 0; tries < 40; tries += 1) {
    await page.keyboard.press("j");
    if (await page.locator(".case .json").getByText(text).isVisible()) return;
    await page.waitForTimeout(250);
  }
  assert.fail(`no case shows ${text}`);
}

/** Approves or denies the case that is shown. */
export async function decide(page: Page, key: "a" | "d", reason: string): Promise<void> {
  await page.keyboard.press(key);
  await page.locator("textarea").fill(reason);
  await page.keyboard.press("Enter");
}
