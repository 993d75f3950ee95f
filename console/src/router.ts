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

/** Returns what stands behind the `?` of an address. */
export function query(address: string): URLSearchParams {
  return new URLSearchParams(address.split("?").slice(1).join("?"));
}

/**
 * Changes parts of what stands behind the `?`, and stays on the page; an empty text takes a part away.
 *
 * - `asPlace`: whether it is a place of its own, from which one goes back.
 */
export function ask(changes: Readonly<Record<string, string>>, asPlace = false): void {
  const next = query(location.pathname + location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  go(location.pathname + (text === "" ? "" : `?${text}`), !asPlace);
}
