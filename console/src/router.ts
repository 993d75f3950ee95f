/** Addresses: plain paths of this origin, changed without loading anything. */

import { useSyncExternalStore } from "react";

const watchers = new Set<() => void>();

function tell(): void {
  for (const watcher of watchers) watcher();
}

addEventListener("popstate", tell);

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function go(path: string, replace = false): void {
  if (path === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  tell();
  if (!replace) scrollTo(0, 0);
}

export function useAddress(): string {
  return useSyncExternalStore(watch, () => location.pathname + location.search);
}

/** Returns the parts of a path: `/inbox/case_1` is `["inbox", "case_1"]`. */
export function parts(address: string): string[] {
  const path = address.split("?", 1)[0] ?? "";
  return path.split("/").filter((part) => part !== "").map(decodeURIComponent);
}
