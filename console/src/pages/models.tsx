/** Models: what is registered, which version each alias names, and what waits for people before it moves. */

import { useState } from "react";

import { type ApprovalLine, get, type Schema } from "../api/client.ts";
import { type Model, models, type Page } from "../api/mlflow.ts";
import { useLoaded } from "../api/use.ts";
import { Raw, Text } from "../render/Text.tsx";
import { unescape } from "../render/text.ts";
import { Ago, Command, Countdown, Empty, Link, PageHead, Pill, ProblemNote } from "../ui/parts.tsx";
import { many, subject } from "../ui/words.ts";
import { DeploymentState, useDeployments } from "./deployments.tsx";
import { concernsModels, modelAddress, promotion } from "./promotion.ts";

/** Shows which version each alias names. */
export function Aliases({ of }: { of: readonly { readonly alias: string; readonly version: string }[] }) {
  if (of.length === 0) return <span className="quiet small">no alias</span>;
  return (
    <span className="row">
      {of.map(({ alias, version }) => <span key={alias} className="chip"><Raw>{alias}</Raw> <span aria-hidden="true">→</span><span className="hidden-label">is</span> <strong className="num">{version}</strong></span>)}
    </span>
  );
}

type Case = Schema<"Approval">;

/** Is what is to be moved, as the server wrote it for those who decide. */
type Moved = Readonly<Record<"model" | "alias" | "version" | "stage" | "to", unknown>>;

/** Reads the open cases about what moves in the registry. */
async function waiting(): Promise<readonly Case[]> {
  const { approvals } = await get<{ approvals: readonly ApprovalLine[] }>("/v1/approvals?state=open");
  const lines = approvals.filter((line) => promotion(line.tool) !== undefined);
  return Promise.all(lines.map((line) => get<Case>(`/v1/approvals/${encodeURIComponent(line.id)}`)));
}

function moved(one: Case): Partial<Moved> {
  return (one.arguments ?? {}) as Partial<Moved>;
}

function What({ one }: { one: Case }) {
  const { model, alias, version, stage, to } = moved(one);
  const parts = [version === undefined ? "" : `version ${String(version)}`, alias ?? stage ?? to ?? ""].map(String).filter((part) => part !== "");
  return <><Raw>{String(model ?? "a model")}</Raw>: {promotion(one.tool)}{parts.length > 0 ? <>, <Raw>{parts.join(", ")}</Raw></> : null}</>;
}

/** Lists what waits for people before it moves: of one model, or of all. */
export function Waiting({ model }: { model?: string }) {
  const read = useLoaded("waiting", waiting, (event) => event.case !== undefined || concernsModels(event));
  const cases = (read.data ?? []).filter((one) => model === undefined || moved(one).model === model);
  if (cases.length === 0) return null;
  return (
    <section className="card">
      <h2>Waits for people</h2>
      <ul className="list">
        {cases.map((one) => (
          <li key={one.id} className="list-row">
            <Link to={`/inbox/${one.id}`} className="inline"><What one={one} /></Link>
            <span className="quiet small">{subject(one.requester).name}{one.on_behalf_of ? ` for ${one.on_behalf_of}` : ""} · {one.profiles.join(", ")}</span>
            <Countdown from={one.opened_at} to={one.expires_at} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Says of each target of a model what is to run there, and whether it does. */
function Targets({ of }: { of: readonly Schema<"DeploymentView">[] }) {
  if (of.length === 0) return null;
  return (
    <ul className="stack-s targets">
      {of.map((one) => <li key={one.target} className="row small"><strong><Text>{one.target}</Text></strong> <span className="quiet">{one.declared == null ? "nothing is to run" : `version ${one.declared} is to run`}</span> <DeploymentState one={one} /></li>)}
    </ul>
  );
}

function Row({ model, targets }: { model: Model; targets: readonly Schema<"DeploymentView">[] }) {
  const newest = Math.max(0, ...(model.latest_versions ?? []).map((version) => Number(version.version)));
  return (
    <li className="card model-row">
      <div className="stack-s">
        <h2><Link to={modelAddress(model.name)}><Raw>{model.name}</Raw></Link></h2>
        {model.description ? <p className="quiet small"><Raw>{model.description}</Raw></p> : null}
      </div>
      <Aliases of={model.aliases ?? []} />
      <span className="quiet small">{newest > 0 ? `newest is version ${newest}` : "no version"} · changed <Ago at={model.last_updated_timestamp} /></span>
      <Targets of={targets} />
    </li>
  );
}

function NothingRegistered() {
  return (
    <div className="card stack">
      <Empty icon="models" title="No model is registered yet">Point MLflow&apos;s client here with a key of yours as MLFLOW_TRACKING_TOKEN, train, and register what came of it:</Empty>
      <Command label="the lines">{`mlflow.set_tracking_uri("${location.origin}")\nmlflow.register_model("runs:/RUN/model", "fraud")`}</Command>
    </div>
  );
}

export function ModelsPage() {
  const first = useLoaded<Page<Model>>("models", () => models(), concernsModels);
  const deployed = useDeployments().data?.deployments ?? [];
  const [further, setFurther] = useState<{ of?: unknown; page?: Page<Model> }>({});
  const mine = further.of === first.data ? further.page : undefined;
  const found = [...(first.data?.items ?? []), ...(mine?.items ?? [])];
  const next = mine ? mine.next : first.data?.next;
  const more = () => { const of = first.data; void models(next).then((page) => setFurther({ of, page: { items: [...(mine?.items ?? []), ...page.items], next: page.next } })); };
  return (
    <div className="page">
      <PageHead title="Models" aside={first.data && found.length > 0 ? <Pill>{many(found.length, "model")}{next ? " and more" : ""}</Pill> : null}>What is registered, which version each alias names, and where versions run. Moving any of it is an action like any other.</PageHead>
      {first.problem ? <ProblemNote problem={first.problem} /> : null}
      <Waiting />
      {first.data && found.length === 0 ? <NothingRegistered /> : null}
      <ul className="stack-s">{found.map((model) => <Row key={model.name} model={model} targets={deployed.filter((one) => unescape(one.model) === model.name)} />)}</ul>
      {next ? <div><button type="button" className="button" onClick={more}>Show more</button></div> : null}
    </div>
  );
}
