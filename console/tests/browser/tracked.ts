/** What pipelines and training would have sent: experiments, runs with curves, models, lineage; by plain HTTP, as any client sends it. */

import { ask, type Server } from "./stage.ts";

const MLFLOW = "/api/2.0/mlflow";
const LINEAGE = "/api/v1";

/** Is how many steps each curve has, and at which of them one run's loss is no number. */
export const STEPS = 60;
export const LOST = { from: 20, to: 24 };

/** Are names that pretend to be something else. */
export const HOSTILE = {
  run: 'nightly \u202e)tseb( </a><b>champion</b> \\u{41} \u0430dmin',
  param: '<img src=x onerror="document.title=1">\u200b',
  dataset: 'payments\u202e </script> \u0430ll',
  model: 'fraud \u202e<b>approved<b>',
};

export interface Tracked {
  readonly experiment: string;
  readonly runs: readonly { readonly id: string; readonly name: string }[];
  readonly sealed: string;
  /** Is the key of a person who promotes. */
  readonly owner: string;
  /** Is the root of a graph of a thousand nodes. */
  readonly large: string;
}

interface Kind {
  readonly name: string;
  readonly depth: number;
  readonly lr: number;
  readonly kind: string;
  readonly best: number;
}

const KINDS: readonly Kind[] = [
  { name: "trees of depth 4", depth: 4, lr: 0.3, kind: "boosted", best: 0.91 },
  { name: "trees of depth 6", depth: 6, lr: 0.3, kind: "boosted", best: 0.94 },
  { name: "trees of depth 8", depth: 8, lr: 0.1, kind: "boosted", best: 0.93 },
  { name: "a forest", depth: 12, lr: 0.5, kind: "forest", best: 0.88 },
  { name: "too fast", depth: 6, lr: 2, kind: "boosted", best: 0.71 },
  { name: HOSTILE.run, depth: 2, lr: 0.05, kind: HOSTILE.param, best: 0.82 },
];

function curve({ best, name }: Kind): object[] {
  const at = (step: number) => 1 - Math.exp(-step / 14);
  return Array.from({ length: STEPS }, (_, step) => {
    const isLost = name === "too fast" && step >= LOST.from && step <= LOST.to;
    const loss = 0.9 - 0.8 * best * at(step) + 0.02 * Math.sin(step * best * 9);
    const timestamp = Date.now() - (STEPS - step) * 1_000;
    return [{ key: "loss", value: isLost ? "NaN" : loss, timestamp, step }, { key: "accuracy", value: 0.5 + (best - 0.5) * at(step), timestamp, step }];
  }).flat();
}

async function trained(server: Server, experiment: string, kind: Kind, n: number): Promise<{ id: string; name: string }> {
  const post = (path: string, body: object) => ask(server, server.adminKey, "POST", `${MLFLOW}/${path}`, body);
  const start = Date.now() - (KINDS.length - n) * 600_000;
  const { run } = await post("runs/create", { experiment_id: experiment, run_name: kind.name, start_time: start });
  const id = run.info.run_id as string;
  const params = [["depth", String(kind.depth)], ["learning_rate", String(kind.lr)], ["kind", kind.kind]].map(([key, value]) => ({ key, value }));
  await post("runs/log-batch", { run_id: id, params, metrics: curve(kind), tags: [] });
  const source = JSON.stringify({ uri: "warehouse" });
  await post("runs/log-inputs", { run_id: id, datasets: [{ tags: [], dataset: { name: "shop.features", digest: "0a1b2c3d", source_type: "local", source } }] });
  await post("runs/update", { run_id: id, status: n === 4 ? "FAILED" : "FINISHED", end_time: start + 240_000 });
  return { id, name: kind.name };
}

/** Logs a model of a run with a file, and says that it is ready, which seals it. */
async function sealed(server: Server, experiment: string, run: string): Promise<string> {
  const { model } = await ask(server, server.adminKey, "POST", `${MLFLOW}/logged-models`, { experiment_id: experiment, name: "fraud", source_run_id: run });
  const [id, place] = [model.info.model_id as string, (model.info.artifact_uri as string).replace(/^mlflow-artifacts:\/+/u, "")];
  const headers = { authorization: `Bearer ${server.adminKey}` };
  const answer = await fetch(`${server.url}/api/2.0/mlflow-artifacts/artifacts/${place}/MLmodel`, { method: "PUT", headers, body: "flavors: {}\n" });
  if (!answer.ok) throw new Error(`an artifact: ${answer.status} ${await answer.text()}`);
  await ask(server, server.adminKey, "PATCH", `${MLFLOW}/logged-models/${id}`, { model_id: id, status: "LOGGED_MODEL_READY" });
  return id;
}

async function registered(server: Server, runs: Tracked["runs"], model: string): Promise<void> {
  const post = (path: string, body: object) => ask(server, server.adminKey, "POST", `${MLFLOW}/${path}`, body);
  await post("registered-models/create", { name: "fraud", description: "Says whether a payment is one that its owner made." });
  await post("registered-models/create", { name: HOSTILE.model, description: HOSTILE.param });
  for (const run of runs.slice(0, 2)) await post("model-versions/create", { name: "fraud", source: `runs:/${run.id}/model`, run_id: run.id });
  await post("model-versions/create", { name: "fraud", source: `models:/${model}`, run_id: runs[1]?.id, model_id: model });
}

interface Columns {
  readonly [column: string]: readonly (readonly [string, string])[];
}

/** Is what a job told: that it read and wrote, and which column came of which. */
function event(run: string, job: string, inputs: readonly string[], output: string, columns: Columns = {}): object {
  const at = { _producer: "https://example.com", _schemaURL: "https://example.com" };
  const field = ([name, column]: readonly [string, string]) => ({ namespace: "shop", name, field: column, transformations: [{ type: "DIRECT", subtype: "TRANSFORMATION" }] });
  const fields = Object.fromEntries(Object.entries(columns).map(([column, of]) => [column, { inputFields: of.map(field) }]));
  const facets = Object.keys(columns).length > 0 ? { columnLineage: { ...at, fields }, schema: { ...at, fields: Object.keys(columns).map((name) => ({ name, type: "text" })) } } : {};
  return {
    eventType: "COMPLETE", eventTime: "2026-01-02T03:04:05Z", producer: "https://example.com",
    schemaURL: "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    run: { runId: run }, job: { namespace: "shop", name: job },
    inputs: inputs.map((name) => ({ namespace: "shop", name })), outputs: [{ namespace: "shop", name: output, facets }],
  };
}

function uuid(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
}

const SHOP: readonly object[] = [
  event(uuid(1), "clean_payments", ["raw.payments", "raw.cards"], "shop.payments", { amount: [["raw.payments", "amount"]], card: [["raw.payments", "card"], ["raw.cards", "id"]] }),
  event(uuid(2), "clean_customers", ["raw.customers"], "shop.customers", { country: [["raw.customers", "country"]] }),
  event(uuid(3), "make_features", ["shop.payments", "shop.customers"], "shop.features", { abroad: [["shop.payments", "card"], ["shop.customers", "country"]], size: [["shop.payments", "amount"]] }),
  event(uuid(4), "score", ["shop.features"], "shop.scores", { score: [["shop.features", "abroad"], ["shop.features", "size"]] }),
  event(uuid(5), "report", ["shop.scores"], "shop.report"),
  event(uuid(6), "weekly", ["shop.report"], "shop.weekly"),
  event(uuid(7), "board", ["shop.weekly"], "shop.board"),
  event(uuid(8), "archive", ["shop.board"], "shop.archive"),
  event(uuid(9), `import ${HOSTILE.dataset}`, [HOSTILE.dataset], "raw.customers"),
];

/** Is how many jobs the large graph has; it has a dataset for each, and the one they all came of. */
const JOBS = 500;

/** Is a graph in which each job reads what one before it wrote, some two of them; one namespace, one root. */
function large(): object[] {
  return Array.from({ length: JOBS }, (_, n) => {
    const inputs = [...new Set([Math.floor(n / 2), Math.floor((n * 7) / 11)])].map((input) => `large.d${input}`);
    return event(uuid(1_000 + n), `large.j${n + 1}`, inputs, `large.d${n + 1}`);
  });
}

async function told(server: Server, events: readonly object[]): Promise<void> {
  await ask(server, server.adminKey, "POST", `${LINEAGE}/lineage/batch`, events);
}

/** Sends all of it. */
export async function track(server: Server): Promise<Tracked> {
  const { experiment_id: experiment } = await ask(server, server.adminKey, "POST", `${MLFLOW}/experiments/create`, { name: "fraud" });
  const runs: { id: string; name: string }[] = [];
  for (const [n, kind] of KINDS.entries()) runs.push(await trained(server, experiment, kind, n));
  const model = await sealed(server, experiment, runs[1]?.id ?? "");
  await registered(server, runs, model);
  await told(server, [...SHOP, ...large()]);
  const { token } = await ask(server, server.adminKey, "POST", "/v1/keys", { person: "ana", reason: "she promotes" });
  return { experiment, runs, sealed: model, owner: token, large: "dataset:shop:large.d0" };
}
