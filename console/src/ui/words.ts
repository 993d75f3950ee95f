/** Verdicts, states and times in words. */

import type { Verdict } from "../api/client.ts";
import type { Tone } from "./parts.tsx";

export const VERDICTS: Record<Verdict, { readonly word: string; readonly tone: Tone }> = {
  allow: { word: "allowed", tone: "good" },
  allow_observed: { word: "allowed, observed", tone: "watch" },
  escalate: { word: "put to people", tone: "ask" },
  deny: { word: "denied", tone: "bad" },
};

export const STATES: Record<string, { readonly word: string; readonly tone: Tone }> = {
  open: { word: "open", tone: "ask" },
  approved: { word: "approved", tone: "good" },
  consumed: { word: "approved and used", tone: "good" },
  denied: { word: "denied", tone: "bad" },
  expired: { word: "expired", tone: "plain" },
  void: { word: "void", tone: "plain" },
  withdrawn: { word: "withdrawn", tone: "plain" },
  returned: { word: "sent back by a reviewer", tone: "bad" },
  decoy: { word: "a decoy", tone: "watch" },
};

export const OUTCOMES: Record<string, { readonly word: string; readonly tone: Tone }> = {
  done: { word: "done", tone: "good" },
  failed: { word: "failed", tone: "bad" },
  in_doubt: { word: "in doubt", tone: "ask" },
  not_dispatched: { word: "not sent", tone: "plain" },
};

/** Says how an effect is taken back, as the catalogue declares it. */
export const REVERSED: Record<string, string> = {
  reversible: "undone",
  compensable: "by another action that makes up for it",
  staged: "until it is released",
  irreversible: "not at all",
};

/** Says what a call does that is sent twice, as the catalogue declares it. */
export const REPEATED: Record<string, string> = {
  read: "changes nothing",
  keyed: "takes effect once",
  reconcilable: "may take effect twice, which one can see",
  unsafe: "takes effect twice",
};

/** Says a span of time in its two largest units. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  const units: [number, string][] = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
  const first = units.findIndex(([size]) => seconds >= size);
  if (first < 0) return "0 s";
  const [size, name] = units[first] ?? [1, "s"];
  const next = units[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[0]) : 0;
  return `${Math.floor(seconds / size)} ${name}${next && rest > 0 ? ` ${rest} ${next[1]}` : ""}`;
}

/** Says how long something took, exactly where it was short. */
export function took(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, ms)} ms`;
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : duration(ms);
}

export function ago(at: number, now: number): string {
  const past = now - at;
  if (past < 5_000) return "just now";
  if (past < 3_600_000) return `${duration(past).replace(/ \d+ s$/u, "")} ago`;
  if (past < 86_400_000) return `${Math.floor(past / 3_600_000)} h ago`;
  return `${Math.floor(past / 86_400_000)} d ago`;
}

export function instant(at: number): string {
  return new Date(at).toISOString();
}

export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}

export function dateTime(at: number): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short", hour12: false });
}

export function many(count: number, one: string, more = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : more}`;
}

/** Parts `agent:NAME` into what it is and its name. */
export function subject(text: string): { readonly kind: string; readonly name: string } {
  const at = text.indexOf(":");
  return at < 0 ? { kind: "", name: text } : { kind: text.slice(0, at), name: text.slice(at + 1) };
}

/** Says whom a step asks: a group, whoever is on call, or whoever of a group is. */
export function asked(group: string | null | undefined, schedule: string | null | undefined): string {
  if (schedule == null) return group ?? "nobody";
  return group == null ? `on call: ${schedule}` : `${group}, on call: ${schedule}`;
}
