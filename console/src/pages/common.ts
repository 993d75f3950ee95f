/** What several pages do with the stream. */

import type { ApprovalLine, JournalEvent } from "../api/client.ts";
import { useEvents } from "../api/use.ts";

/** Returns the latest events of a kind, the newest first. */
export function useRecent(wanted: (event: JournalEvent) => boolean, max: number): readonly JournalEvent[] {
  const events = useEvents();
  const found: JournalEvent[] = [];
  for (let at = events.length - 1; at >= 0 && found.length < max; at -= 1) {
    const event = events[at];
    if (event && wanted(event)) found.push(event);
  }
  return found;
}

/** Says whether an approval of whoever is logged in must wait, because they have decided too often within the hour or a reviewer comes first. */
export function waits(you: ApprovalLine["you"], now: number): boolean {
  return you.approves_from != null && now < you.approves_from;
}

/** Says whether a case waits for whoever is logged in, who may approve it now. */
export function isMine(line: ApprovalLine, now: number): boolean {
  return line.you.may_vote && !waits(line.you, now);
}
