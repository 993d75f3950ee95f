/** Chromium's virtual authenticator, and what a page does with it besides what the console's own pages do. */

import type { BrowserContext, Page } from "playwright-core";

/** Gives a page an authenticator that verifies its user and confirms by itself. */
export async function authenticator(context: BrowserContext, page: Page): Promise<void> {
  const devices = await context.newCDPSession(page);
  await devices.send("WebAuthn.enable");
  await devices.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
}

/** Enrols the passkey of an invitation, on the console's own page. */
export async function enrol(page: Page, home: string, token: string, person: string): Promise<void> {
  await page.goto(`${home}/passkey`);
  await page.getByLabel("The token of your invitation").fill(token);
  await page.getByRole("button", { name: "Enrol a passkey" }).click();
  await page.getByText(`The passkey of ${person} is enrolled`).waitFor();
}

/** Is what a browser answers, as `toJSON()` writes it. */
export type Answer = Record<string, unknown> & { response: Record<string, string> };

/** Has a page's authenticator sign what it is asked. */
export function signs(page: Page, options: unknown): Promise<Answer> {
  return page.evaluate(async (asked) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked as PublicKeyCredentialRequestOptionsJSON);
    const made = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
    return made.toJSON() as unknown as Answer;
  }, options);
}

const bytes = (text: string) => Buffer.from(text, "base64url");

function withByte(text: string, at: number): string {
  const changed = bytes(text);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed.toString("base64url");
}

/** Lists every field of an answer that the server reads, each changed once: what it is called, and the answer with it. */
export function mutations(answer: Answer): { field: string; changed: Answer }[] {
  const part = (name: string, value: string): Answer => ({ ...answer, response: { ...answer.response, [name]: value } });
  const [client, data, signature] = ["clientDataJSON", "authenticatorData", "signature"].map((name) => answer.response[name] ?? "");
  const said = JSON.parse(bytes(client ?? "").toString()) as Record<string, unknown>;
  const other: Record<string, unknown> = { type: "webauthn.create", challenge: Buffer.alloc(32, 1).toString("base64url"), origin: "http://localhost:1", crossOrigin: true };
  const saying = (name: string) => Buffer.from(JSON.stringify({ ...said, [name]: other[name] })).toString("base64url");
  const ranges = { "hash of the host": 0, "flags: present": 32, "counter": 36 };
  return [
    { field: "rawId", changed: { ...answer, rawId: withByte(String(answer["rawId"]), 0) } },
    ...Object.keys(other).map((name) => ({ field: `client data: ${name}`, changed: part("clientDataJSON", saying(name)) })),
    ...Object.entries(ranges).map(([field, at]) => ({ field: `authenticator data: ${field}`, changed: part("authenticatorData", withByte(data ?? "", at)) })),
    { field: "authenticator data: flags: verified", changed: part("authenticatorData", Buffer.from(bytes(data ?? "").map((byte, at) => (at === 32 ? byte & ~4 : byte))).toString("base64url")) },
    { field: "authenticator data: length", changed: part("authenticatorData", bytes(data ?? "").subarray(0, 36).toString("base64url")) },
    { field: "signature", changed: part("signature", withByte(signature ?? "", bytes(signature ?? "").length - 1)) },
    { field: "signature of nothing", changed: part("signature", "") },
  ];
}
