/**
 * Writes JSON as it came, each of its texts by {@link render}.
 *
 * The server's own layout is kept: nothing is parsed into numbers or put into another order.
 */

import { read, render, type Segment } from "./text.ts";

export type Role = "name" | "string" | "other" | "layout";

export interface Token {
  readonly role: Role;
  readonly segments: readonly Segment[];
}

const STRING = /"(?:[^"\\]|\\.)*"/gu;
const LITERAL = /-?[0-9][0-9.eE+-]*|true|false|null/gu;

/** Writes a text as it stands between the quotes of JSON. */
export function quoted(text: string): Segment[] {
  return render(text).map((segment) =>
    segment.kind === "plain" ? { ...segment, text: segment.text.replaceAll("\\", "\\\\").replaceAll('"', '\\"') } : segment,
  );
}

/** Reads back what {@link quoted} has written. */
export function readQuoted(shown: string): string {
  return read(shown.replace(/\\(["\\])/gu, "$1"));
}

function plain(role: Role, text: string): Token {
  return { role, segments: [{ kind: "plain", text }] };
}

const LAYOUT = /^[ \n{}[\],:]*$/u;

/** Writes what stands between texts and literals; what is no JSON, as after a cut, is foreign text like any other. */
function layout(text: string): Token {
  if (LAYOUT.test(text)) return plain("layout", text);
  return { role: "layout", segments: render(text) };
}

function between(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const literal of text.matchAll(LITERAL)) {
    if (literal.index > at) tokens.push(layout(text.slice(at, literal.index)));
    tokens.push(plain("other", literal[0]));
    at = literal.index + literal[0].length;
  }
  if (at < text.length) tokens.push(layout(text.slice(at)));
  return tokens;
}

function literal(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

/** Writes a JSON text; what is not well-formed in it is written like any foreign text. */
export function renderJson(json: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const string of json.matchAll(STRING)) {
    tokens.push(...between(json.slice(at, string.index)));
    at = string.index + string[0].length;
    const role = /^\s*:/u.test(json.slice(at, at + 8)) ? "name" : "string";
    const text = literal(string[0]);
    if (text === undefined) {
      tokens.push(layout(string[0]));
      continue;
    }
    const segments = quoted(text);
    tokens.push({ role, segments: [{ kind: "plain", text: '"' }, ...segments, { kind: "plain", text: '"' }] });
  }
  tokens.push(...between(json.slice(at)));
  return tokens;
}
