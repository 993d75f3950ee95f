/** Follows what happens: one connection for all pages, and a bounded memory of what it told. */

import { type JournalEvent, stillLoggedIn } from "./client.ts";

export type Stream = "connecting" | "live" | "lost";

const REMEMBERED_MAX = 1_000;

/** Is how long a refused connection rests before it is tried again. */
const AGAIN_MS = 3_000;

type Listener = (event: JournalEvent) => void;

let source: EventSource | undefined;
let state: Stream = "connecting";
let known: readonly JournalEvent[] = [];
const listeners = new Set<Listener>();
const watchers = new Set<() => void>();

function tell(): void {
  for (const watcher of watchers) watcher();
}

function become(next: Stream): void {
  state = next;
  tell();
}

function take(message: MessageEvent<string>): void {
  const event = JSON.parse(message.data) as JournalEvent;
  const last = known.at(-1);
  // A log that was closed since begins to count anew.
  if (last && event.index === last.index) return;
  known = [...known.slice(-(REMEMBERED_MAX - 1)), event];
  for (const listener of listeners) listener(event);
  tell();
}

function followAgain(): void {
  if (watchers.size > 0) follow();
}

/** Opens the connection; the browser opens it again by itself, from the last event on, whenever it breaks. */
export function follow(): void {
  if (source) return;
  source = new EventSource(`/v1/events?last=${REMEMBERED_MAX}`);
  source.onopen = () => become("live");
  source.onmessage = take;
  source.onerror = () => {
    become("lost");
    // A refusal ends it for good: either nobody is logged in any more, or it is worth another try.
    if (source?.readyState === EventSource.CLOSED) {
      source = undefined;
      stillLoggedIn().then((still) => { if (still) setTimeout(followAgain, AGAIN_MS); }, () => setTimeout(followAgain, AGAIN_MS));
    }
  };
}

export function unfollow(): void {
  source?.close();
  source = undefined;
  known = [];
  state = "connecting";
}

/** Hears each event from now on. */
export function hear(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Is told whenever the state or what is remembered has changed. */
export function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function streamState(): Stream {
  return state;
}

export function remembered(): readonly JournalEvent[] {
  return known;
}
