/** Speaks the HTTP contract as a page that is logged in. */

import type { components } from "./contract.ts";

type Schemas = components["schemas"];
export type LoggedIn = Schemas["LoggedIn"];
export type ApprovalLine = Schemas["ApprovalLine"];
export type Approval = Schemas["Approval"];
export type Finding = Schemas["Finding"];
export type ActionPath = Schemas["ActionPath"];
export type Decision = Schemas["Decision"];
export type Vote = Schemas["Vote"];
export type SetSwitch = Schemas["SetSwitch"];
export type BreakGlass = Schemas["BreakGlassView"];
export type SwitchTarget = Schemas["SwitchTarget"];
export type KillAnswer = Schemas["KillAnswer"];
export type JournalEvent = Schemas["JournalEvent"];
export type Verdict = Schemas["RestrictionName"];
export type ProblemBody = Schemas["Problem"];
export type Schema<Name extends keyof Schemas> = Schemas[Name];

/** Is how a request was refused: a problem with a stable code. */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly body: ProblemBody | undefined;
  /** Says whether its words are as somebody wrote them: MLflow's form escapes nothing. */
  readonly raw: boolean;

  constructor(code: string, status: number, detail: string, body?: ProblemBody, raw = false) {
    super(detail);
    this.code = code;
    this.status = status;
    this.body = body;
    this.raw = raw;
  }
}

/** Is how a request is refused in MLflow's form. */
interface Refused {
  readonly error_code: string;
  readonly message: string;
}

let proof = "";
let whenLoggedOut: () => void = () => {};

/** Keeps the proof that changing requests carry, in memory alone. */
export function keepProof(value: string): void {
  proof = value;
}

/** Names what happens once a request is answered that nobody is logged in. */
export function onLoggedOut(call: () => void): void {
  whenLoggedOut = call;
}

/** Finds out whether somebody is logged in still, after the server cut off what lasts. */
export async function stillLoggedIn(): Promise<boolean> {
  const who = await whoIsLoggedIn();
  if (!who) whenLoggedOut();
  return who !== undefined;
}

async function problemOf(response: Response): Promise<Problem> {
  const body = (await response.json().catch(() => undefined)) as (ProblemBody & Partial<Refused>) | undefined;
  if (body?.error_code !== undefined) return new Problem(body.error_code, response.status, body.message ?? "", undefined, true);
  const detail = body?.detail ?? `the server answered ${response.status}`;
  return new Problem(body?.code ?? "unknown", response.status, detail, body);
}

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && proof) headers["x-countersign-proof"] = proof;
  const payload = body === undefined ? null : JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(path, { method, headers, body: payload, credentials: "same-origin" });
  } catch {
    throw new Problem("unreachable", 0, "the server does not answer");
  }
  // 202: people must approve it first, so it has not happened.
  if (response.ok && response.status !== 202) return response;
  const problem = await problemOf(response);
  if (problem.status === 401 && !path.startsWith("/v1/login")) whenLoggedOut();
  throw problem;
}

export async function get<T>(path: string): Promise<T> {
  return (await (await send("GET", path)).json()) as T;
}

export async function getBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await send("GET", path)).arrayBuffer());
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  return (await (await send("POST", path, body)).json()) as T;
}

/** Asks for a change whose answer says nothing. */
export async function tell(path: string, body: unknown): Promise<void> {
  await send("POST", path, body);
}

export async function remove(path: string, body?: unknown): Promise<void> {
  await send("DELETE", path, body);
}

async function enter(path: string, credential: unknown): Promise<LoggedIn> {
  const who = await post<LoggedIn>(path, credential);
  keepProof(who.proof);
  return who;
}

export function logIn(credential: { key: string } | { link: string }): Promise<LoggedIn> {
  return enter("/v1/login", credential);
}

/** Logs in with what a passkey answered. */
export function logInSigned(credential: PublicKeyCredentialJSON): Promise<LoggedIn> {
  return enter("/v1/login/passkey", { credential });
}

/** Returns the name of the provider at which people can log in, if there is one. */
export async function provider(): Promise<string | undefined> {
  return (await get<Schemas["LoginWays"]>("/v1/login/ways")).oidc ?? undefined;
}

/** Leaves for the provider, which sends the browser back. */
export async function leaveForProvider(): Promise<void> {
  location.assign((await post<Schemas["ProviderAddress"]>("/v1/login/oidc", undefined)).url);
}

export async function whoIsLoggedIn(): Promise<LoggedIn | undefined> {
  try {
    const who = await get<LoggedIn>("/v1/login");
    keepProof(who.proof);
    return who;
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return undefined;
    throw error;
  }
}
