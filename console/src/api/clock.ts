/** The server's time, as far as this browser knows it: its own clock, set right by what the login was told. */

import { useSyncExternalStore } from "react";

let ahead = 0;

export function setServerTime(now: number): void {
  ahead = now - Date.now();
}

export function now(): number {
  return Date.now() + ahead;
}

const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let second = Math.floor(Date.now() / 1_000);

function tick(): void {
  second = Math.floor(now() / 1_000);
  for (const watcher of watchers) watcher();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  timer ??= setInterval(tick, 1_000);
  return () => {
    watchers.delete(watcher);
    if (watchers.size > 0 || timer === undefined) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** Returns the server's time in whole seconds, and draws again with each of them. */
export function useSeconds(): number {
  return useSyncExternalStore(watch, () => second);
}
