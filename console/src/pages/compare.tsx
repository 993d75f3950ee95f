/** Two versions of a model side by side: part by part what differs, and how much is the same. */

import type { Schema } from "../api/client.ts";
import { versions as readVersions } from "../api/mlflow.ts";
import { useLoaded, useResource } from "../api/use.ts";
import { Raw, Text } from "../render/Text.tsx";
import { ask, query, useAddress } from "../router.ts";
import { Empty, Link, Note, ProblemNote } from "../ui/parts.tsx";
import { many } from "../ui/words.ts";
import { concernsModels, modelAddress } from "./promotion.ts";
import { versionAddress } from "./version.tsx";

type Comparison = Schema<"VersionComparison">;
type Difference = Comparison["differences"][number];

/** Are the parts in the order in which one asks for them. */
const PARTS = ["gaps", "evaluations", "metrics", "parameters", "data", "lineage", "code", "environment", "infrastructure", "files", "tags", "deployments"];

function order(part: string): number {
  const at = PARTS.indexOf(part);
  return at < 0 ? PARTS.length : at;
}

function Choice({ name, wished, all }: { name: "from" | "to"; wished: string; all: readonly string[] }) {
  return (
    <label className="row"><span className="quiet small">{name === "from" ? "Of" : "And"} version</span>
      <select className="select" value={wished} onChange={(event) => ask({ [name]: event.target.value })}>
        {all.includes(wished) || wished === "" ? null : <option value={wished}>{wished}</option>}
        {all.map((version) => <option key={version} value={version}>{version}</option>)}
      </select>
    </label>
  );
}

function Side({ text }: { text: string | null | undefined }) {
  return <td className="mono small">{text == null ? <span className="quiet">not there</span> : <Text>{text}</Text>}</td>;
}

function Part({ part, all, same, between }: { part: string; all: readonly Difference[]; same: number; between: Comparison }) {
  return (
    <section className="card stack-s">
      <div className="row-apart"><h2 className="part">{part}</h2><span className="quiet small">{all.length === 0 ? "" : `${many(all.length, "difference")}, `}{same} the same</span></div>
      {all.length === 0 ? null : (
        <div className="scroll tall" tabIndex={0} role="region" aria-label={`What differs in ${part}`}>
          <table className="table compare">
            <thead><tr><th scope="col">What</th><th scope="col">Version {between.from}</th><th scope="col">Version {between.to}</th></tr></thead>
            <tbody>{all.map((one) => <tr key={one.name}><th scope="row"><Text>{one.name}</Text></th><Side text={one.from} /><Side text={one.to} /></tr>)}</tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Compared({ model, from, to }: { model: string; from: string; to: string }) {
  const read = useResource<Comparison>(`/v1/models/${encodeURIComponent(model)}/compare?${new URLSearchParams({ from, to })}`, concernsModels);
  const found = read.data;
  if (!found) return read.problem ? <ProblemNote problem={read.problem} /> : null;
  const parts = [...new Set([...found.differences.map((one) => one.part), ...found.same.map((one) => one.part)])].sort((a, b) => order(a) - order(b));
  const of = (part: string) => found.differences.filter((one) => one.part === part);
  const differing = parts.filter((part) => of(part).length > 0);
  const same = (part: string) => found.same.find((one) => one.part === part)?.count ?? 0;
  return (
    <>
      {differing.length === 0 ? <Note tone="good">Nothing that is kept of them differs.</Note> : <Note>They differ in {differing.join(", ")}. Each in full: <Link to={versionAddress(model, found.from)} className="inline">version {found.from}</Link> and <Link to={versionAddress(model, found.to)} className="inline">version {found.to}</Link>.</Note>}
      {[...differing, ...parts.filter((part) => !differing.includes(part))].map((part) => <Part key={part} part={part} all={of(part)} same={same(part)} between={found} />)}
    </>
  );
}

export function ComparePage({ model }: { model: string }) {
  const asked = query(useAddress());
  const read = useLoaded(`versions ${model}`, () => readVersions(model), concernsModels);
  const all = (read.data ?? []).map(({ version }) => version);
  const [to, from] = [asked.get("to") ?? all[0] ?? "", asked.get("from") ?? all[1] ?? ""];
  return (
    <div className="page">
      <header className="page-head">
        <div className="stack-s">
          <p className="quiet"><Link to="/models">Models</Link> · <Link to={modelAddress(model)}><Raw>{model}</Raw></Link></p>
          <h1 tabIndex={-1}>Compare</h1>
        </div>
        <div className="row"><Choice name="from" wished={from} all={all} /><Choice name="to" wished={to} all={all} /></div>
      </header>
      {read.problem ? <ProblemNote problem={read.problem} /> : null}
      {read.data && all.length < 2 && (from === "" || to === "") ? <Empty icon="models" title="There is no second version to compare with" /> : null}
      {from !== "" && to !== "" ? <Compared model={model} from={from} to={to} /> : null}
    </div>
  );
}
