/**
 * The one place where a vote leaves the page.
 *
 * A vote is the logged-in person's request; where a step that asks them counts signed votes alone, their passkey signs a ballot.
 */

import { type Approval, type ApprovalLine, get, post, Problem, type Schema } from "../api/client.ts";
import { refusal, sign } from "../api/passkey.ts";

export interface Ballot {
  readonly vote: "approve" | "deny";
  readonly reason: string;
  /** The person has confirmed that they decide alone what is their own. */
  readonly alone: boolean;
}

/** Says what has become of a vote, honestly: what is not known is said to be not known. */
export type Cast =
  | { readonly kind: "counted"; readonly line: ApprovalLine }
  | { readonly kind: "late" | "changed" | "repeated" | "excluded" | "alone" | "unsigned" | "refused"; readonly why: string }
  | { readonly kind: "unknown"; readonly why: string };

const KINDS: Record<string, "late" | "changed" | "repeated" | "excluded" | "alone" | "unsigned"> = {
  "case-closed": "late",
  "not-found": "late",
  "shown-mismatch": "changed",
  "vote-repeated": "repeated",
  "voter-excluded": "excluded",
  "solo-unconfirmed": "alone",
  "vote-unsigned": "unsigned",
  "ballot-void": "changed",
};

/** Says whether a ballot is about exactly what was shown, and says what the person decided. */
export function isAbout(paper: Schema<"Ballot">, shown: Approval, ballot: Ballot, person: string): boolean {
  const same = paper.case === shown.id && paper.action === shown.action && paper.action_digest === shown.action_digest;
  const rules = paper.bundle === shown.bundle && paper.expires_at === shown.expires_at && paper.profiles.join() === shown.profiles.join();
  return same && rules && paper.tool === shown.tool && paper.person === person && paper.vote === ballot.vote && paper.solo === ballot.alone;
}

async function send(shown: Approval, ballot: Ballot, person: string): Promise<ApprovalLine> {
  const [path, vote] = [`/v1/approvals/${encodeURIComponent(shown.id)}`, { vote: ballot.vote, reason: ballot.reason, confirm_solo: ballot.alone }];
  if (!shown.you.signed) return post<ApprovalLine>(`${path}/votes`, { ...vote, shown: shown.shown });
  const drawn = await post<Schema<"DrawnBallot">>(`${path}/ballot`, vote);
  if (!isAbout(drawn.ballot, shown, ballot, person)) throw new Problem("shown-mismatch", 0, "The ballot is about something else than this page shows.");
  return post<ApprovalLine>(`${path}/votes`, { assertion: await sign(drawn.public_key) });
}

/** Looks whether a vote counted whose answer never came. */
async function look(shown: Approval, person: string): Promise<Cast> {
  const unknown = { kind: "unknown", why: "The answer did not arrive. Read the case again before you decide anything." } as const;
  try {
    const now = await get<Approval>(`/v1/approvals/${encodeURIComponent(shown.id)}`);
    const counted = now.votes.some((vote) => vote.person === person);
    return counted ? { kind: "counted", line: now } : { kind: "refused", why: "The server did not get your vote. You can send it again." };
  } catch {
    return unknown;
  }
}

/** Casts a vote on exactly what was shown. */
export async function cast(shown: Approval, ballot: Ballot, person: string): Promise<Cast> {
  try {
    return { kind: "counted", line: await send(shown, ballot, person) };
  } catch (error) {
    const unsigned = refusal(error);
    if (unsigned !== undefined) return { kind: "unsigned", why: unsigned };
    if (!(error instanceof Problem)) throw error;
    if (error.code === "unreachable") return look(shown, person);
    return { kind: KINDS[error.code] ?? "refused", why: error.message };
  }
}
