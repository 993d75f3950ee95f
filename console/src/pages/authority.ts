/** Who may do and decide what, read again whenever a level, a policy or a person changes. */

import type { Schema } from "../api/client.ts";
import { type Loaded, useResource } from "../api/use.ts";

export type AuthorityMap = Schema<"AuthorityMap">;

const CHANGES = new Set(["grant", "bundle", "outcome", "erasure"]);

export function useAuthority(): Loaded<AuthorityMap> {
  return useResource<AuthorityMap>("/v1/authority", (event) => CHANGES.has(event.kind));
}

export const LEVELS: Record<string, string> = {
  L0: "advises only", L1: "every write is approved", L2: "routine runs alone", L3: "runs alone in its domain",
};
