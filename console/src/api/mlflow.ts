/** Reads what is tracked, by MLflow's contract. Its texts are as somebody wrote them: nothing in them is escaped. */

import { get, post } from "./client.ts";

const API = "/api/2.0/mlflow";

/** Is how many runs a page asks for at once. */
const RUNS_MAX = 100;

/** Is how many points of one curve are read, at most. */
export const POINTS_MAX = 25_000;

export interface Pair {
  readonly key: string;
  readonly value: string;
}

export interface Experiment {
  readonly experiment_id: string;
  readonly name: string;
}

/** Is one value of a metric; what is no number comes as a text. */
export interface Metric {
  readonly key: string;
  readonly value: number | string;
  readonly timestamp: number;
  readonly step: number;
}

export interface Run {
  readonly info: {
    readonly run_id: string;
    readonly run_name: string;
    readonly experiment_id: string;
    readonly user_id: string;
    readonly status: string;
    readonly start_time: number;
    readonly end_time?: number;
  };
  readonly data: { readonly metrics?: readonly Metric[]; readonly params?: readonly Pair[]; readonly tags?: readonly Pair[] };
  readonly inputs: { readonly dataset_inputs?: readonly { readonly dataset: { readonly name: string; readonly digest: string } }[] };
  readonly outputs?: { readonly model_outputs?: readonly { readonly model_id: string; readonly step: number }[] };
}

export interface Version {
  readonly name: string;
  readonly version: string;
  readonly creation_timestamp: number;
  readonly current_stage: string;
  readonly description?: string;
  readonly source: string;
  readonly run_id: string;
  readonly tags?: readonly Pair[];
}

export interface Model {
  readonly name: string;
  readonly creation_timestamp: number;
  readonly last_updated_timestamp: number;
  readonly description?: string;
  readonly latest_versions?: readonly Version[];
  readonly aliases?: readonly { readonly alias: string; readonly version: string }[];
}

/** Is what runs are wanted, in MLflow's own grammar. */
export interface RunWish {
  readonly experiment: string;
  readonly filter: string;
  readonly order: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

export async function experiments(): Promise<readonly Experiment[]> {
  const found = await get<{ experiments?: readonly Experiment[] }>(`${API}/experiments/search?max_results=1000`);
  return found.experiments ?? [];
}

export async function runs(wish: RunWish, from = ""): Promise<Page<Run>> {
  const found = await post<{ runs?: readonly Run[]; next_page_token?: string }>(`${API}/runs/search`, {
    experiment_ids: [wish.experiment],
    filter: wish.filter,
    order_by: wish.order === "" ? [] : [wish.order],
    max_results: RUNS_MAX,
    ...(from === "" ? {} : { page_token: from }),
  });
  return { items: found.runs ?? [], next: found.next_page_token };
}

export async function run(id: string): Promise<Run> {
  return (await get<{ run: Run }>(`${API}/runs/get?run_id=${encodeURIComponent(id)}`)).run;
}

/** Reads one curve, of {@link POINTS_MAX} points at most; `next` says whether there were more. */
export async function history(run: string, key: string): Promise<Page<Metric>> {
  const asked = new URLSearchParams({ run_id: run, metric_key: key, max_results: String(POINTS_MAX) });
  const found = await get<{ metrics?: readonly Metric[]; next_page_token?: string }>(`${API}/metrics/get-history?${asked}`);
  return { items: found.metrics ?? [], next: found.next_page_token };
}

export async function models(from = ""): Promise<Page<Model>> {
  const asked = new URLSearchParams({ max_results: "100", ...(from === "" ? {} : { page_token: from }) });
  const found = await get<{ registered_models?: readonly Model[]; next_page_token?: string }>(`${API}/registered-models/search?${asked}`);
  return { items: found.registered_models ?? [], next: found.next_page_token };
}

export async function model(name: string): Promise<Model> {
  return (await get<{ registered_model: Model }>(`${API}/registered-models/get?${new URLSearchParams({ name })}`)).registered_model;
}

/** Writes a text as a literal of MLflow's grammar, which knows no escapes; nothing if it has quotes of both kinds. */
export function literal(text: string): string | undefined {
  if (!text.includes("'")) return `'${text}'`;
  return text.includes('"') ? undefined : `"${text}"`;
}

/** Writes what runs are ordered by; nothing if the key cannot be quoted. */
export function ordered(field: "metrics" | "params" | "attributes", key: string, ascending: boolean): string | undefined {
  if (key.includes("`")) return undefined;
  return `${field}.\`${key}\` ${ascending ? "ASC" : "DESC"}`;
}

/** Lists the versions of a model, the newest first. */
export async function versions(name: string): Promise<readonly Version[]> {
  const quoted = literal(name);
  if (quoted === undefined) return (await model(name)).latest_versions ?? [];
  const asked = new URLSearchParams({ filter: `name = ${quoted}`, order_by: "version_number DESC", max_results: "1000" });
  return (await get<{ model_versions?: readonly Version[] }>(`${API}/model-versions/search?${asked}`)).model_versions ?? [];
}

/** Returns the logged model that a version was made of, if it was made of one. */
export function loggedModel(version: Version): string | undefined {
  return /^models:\/(m-[0-9a-f]{32})$/u.exec(version.source)?.[1];
}
