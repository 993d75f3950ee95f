/** What several pages do with the stream. */

import type { JournalEvent } from "../api/client.ts";
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
