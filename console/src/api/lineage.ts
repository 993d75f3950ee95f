/** Reads lineage: what came of what. Its texts are as somebody wrote them: nothing in them is escaped. */

import { get } from "./client.ts";

const API = "/api/v1";

export type Kind = "DATASET" | "JOB" | "FEATURE" | "RUN" | "MODEL" | "VERSION" | "DEPLOYMENT" | "AGENT" | "DATASET_FIELD";

interface Edge {
  readonly origin: string;
  readonly destination: string;
}

export interface AnsweredNode {
  readonly id: string;
  readonly type: Kind;
  readonly data: {
    readonly name?: string;
    readonly namespace?: string;
    readonly dataset?: string;
    readonly field?: string;
    readonly id?: unknown;
    readonly version?: unknown;
    readonly target?: string;
    readonly transformationType?: string | null;
  };
  readonly inEdges: readonly Edge[];
  readonly outEdges: readonly Edge[];
}

export interface AnsweredGraph {
  readonly graph: readonly AnsweredNode[];
  /** Says whether there is more than an answer holds. */
  readonly truncated: boolean;
}

export interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** Is how many names of a namespace are listed, of each kind. */
export const NAMES_MAX = 1_000;

export function datasetNode({ namespace, name }: Named): string {
  return `dataset:${namespace}:${name}`;
}

export function jobNode({ namespace, name }: Named): string {
  return `job:${namespace}:${name}`;
}

/** Reads what is so many jobs away from a node, in both directions. */
export function lineage(node: string, depth: number): Promise<AnsweredGraph> {
  return get(`${API}/lineage?${new URLSearchParams({ nodeId: node, depth: String(depth) })}`);
}

/** Reads the same of the columns of a dataset, of what a job writes, or of one. */
export function columnLineage(node: string, depth: number): Promise<AnsweredGraph> {
  return get(`${API}/column-lineage?${new URLSearchParams({ nodeId: node, depth: String(depth), withDownstream: "true" })}`);
}

export async function namespaces(): Promise<readonly string[]> {
  const found = await get<{ namespaces: readonly { name: string }[] }>(`${API}/namespaces?limit=${NAMES_MAX}`);
  return found.namespaces.map(({ name }) => name);
}

/** Lists what a namespace has. */
export async function names(namespace: string): Promise<{ readonly datasets: readonly Named[]; readonly jobs: readonly Named[]; readonly total: number }> {
  const base = `${API}/namespaces/${encodeURIComponent(namespace)}`;
  const [datasets, jobs] = await Promise.all([
    get<{ datasets: readonly Named[]; totalCount: number }>(`${base}/datasets?limit=${NAMES_MAX}`),
    get<{ jobs: readonly Named[]; totalCount: number }>(`${base}/jobs?limit=${NAMES_MAX}`),
  ]);
  return { datasets: datasets.datasets, jobs: jobs.jobs, total: datasets.totalCount + jobs.totalCount };
}
