/** Promotions: what moves in the registry of models, told apart from other actions by the tools of its catalogue. */

import type { JournalEvent } from "../api/client.ts";

const TOOLS: Record<string, string> = {
  set_alias: "alias", delete_alias: "alias away", transition_stage: "stage", rename_model: "new name", delete_version: "version away", delete_model: "model away",
  deploy: "deployment", undeploy: "deployment away",
};

/** Is what its catalogue is called, as `countersign init` writes it. */
const CATALOGUES = ["registry", "model-registry"];

/** Says what a tool moves in the registry of models; nothing if it is no tool of its. */
export function promotion(tool: string | null | undefined): string | undefined {
  const at = tool?.lastIndexOf(".") ?? -1;
  if (tool == null || at < 0 || !CATALOGUES.includes(tool.slice(0, at))) return undefined;
  return TOOLS[tool.slice(at + 1)];
}

/** Says whether an event can change what a registered model is, or what waits for people about one. */
export function concernsModels(event: JournalEvent): boolean {
  return event.kind === "model" || promotion(event.tool) !== undefined || event.kind === "case_ended" || event.kind === "vote";
}

export function modelAddress(name: string): string {
  return `/models/${encodeURIComponent(name)}`;
}
