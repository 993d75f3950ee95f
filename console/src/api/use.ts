/** Reads from the contract inside a page: once, and again when something has happened that changes the answer. */

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

import { get, type JournalEvent, Problem } from "./client.ts";
import { hear, remembered, type Stream, streamState, watch } from "./events.ts";

export interface Loaded<T> {
  readonly data: T | undefined;
  readonly problem: Problem | undefined;
  /** Reads it again. */
  readonly again: () => void;
}

const SETTLE_MS = 120;

/** Reads a resource, and reads it again shortly after an event that `concerns` it. */
export function useResource<T>(path: string | undefined, concerns?: (event: JournalEvent) => boolean): Loaded<T> {
  return useLoaded(path, () => get<T>(path ?? ""), concerns);
}

/** Reads what has a name, by whatever requests that takes, and reads it again shortly after an event that `concerns` it. */
export function useLoaded<T>(name: string | undefined, load: () => Promise<T>, concerns?: (event: JournalEvent) => boolean): Loaded<T> {
  const [loaded, setLoaded] = useState<{ name?: string; data?: T; problem?: Problem }>({});
  const loads = useRef(load);
  loads.current = load;
  const [turn, setTurn] = useState(0);
  const again = useCallback(() => setTurn((turn) => turn + 1), []);
  const judge = useRef(concerns);
  judge.current = concerns;

  useEffect(() => {
    if (name === undefined) return;
    let over = false;
    loads.current().then(
      (data) => { if (!over) setLoaded({ name, data }); },
      (error: unknown) => {
        if (over) return;
        const problem = error instanceof Problem ? error : new Problem("unknown", 0, String(error));
        setLoaded((before) => ({ ...(before.name === name ? before : {}), name, problem }));
      },
    );
    return () => { over = true; };
  }, [name, turn]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = hear((event) => {
      if (timer !== undefined || !judge.current?.(event)) return;
      timer = setTimeout(() => { timer = undefined; again(); }, SETTLE_MS);
    });
    return () => { stop(); clearTimeout(timer); };
  }, [again]);

  const mine = loaded.name === name;
  return { data: mine ? loaded.data : undefined, problem: mine ? loaded.problem : undefined, again };
}

export function useStream(): Stream {
  return useSyncExternalStore(watch, streamState);
}

export function useEvents(): readonly JournalEvent[] {
  return useSyncExternalStore(watch, remembered);
}

/** Says whether an event can change which cases wait and for whom. */
export function changesCases(event: JournalEvent): boolean {
  return event.case !== undefined || ["vote", "review", "case_ended", "decoy", "switch", "bundle", "key", "erasure", "grant"].includes(event.kind);
}
