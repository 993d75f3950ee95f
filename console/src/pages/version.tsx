/** One version of a model: what made it, of what, who approved where it stands, where it runs, and what of all this is missing. */

import type { ReactNode } from "react";

import type { Schema } from "../api/client.ts";
import { datasetNode, jobNode, type Named } from "../api/lineage.ts";
import { useResource } from "../api/use.ts";
import { short } from "../charts/curve.ts";
import { Raw, Text } from "../render/Text.tsx";
import { unescape } from "../render/text.ts";
import { Ago, Command, Digest, Link, Note, PageHead, Pill, ProblemNote } from "../ui/parts.tsx";
import { dateTime, many, OUTCOMES, subject, VERDICTS } from "../ui/words.ts";
import { Deployments } from "./deployments.tsx";
import { Moves } from "./moves.tsx";
import { concernsModels, modelAddress } from "./promotion.ts";

type Dossier = Schema<"VersionDossier">;
type Run = NonNullable<Dossier["run"]>;

/** Is how many names a list shows. */
const SHOWN = 30;

export function versionAddress(model: string, version: string | number): string {
  return `${modelAddress(model)}/versions/${version}`;
}

export function compareAddress(model: string, from: string | number, to: string | number): string {
  return `${modelAddress(model)}/compare?${new URLSearchParams({ from: String(from), to: String(to) })}`;
}

function Gaps({ gaps }: { gaps: Dossier["gaps"] }) {
  if (gaps.length === 0) return <Note tone="good">Nothing of it is missing, and what is kept agrees with the journal.</Note>;
  return (
    <section className="card gaps">
      <h2>What is missing, or does not agree</h2>
      <ul className="list">{gaps.map((gap) => <li key={gap.name} className="list-row"><span>{gap.text}</span><code className="quiet small">{gap.name}</code></li>)}</ul>
    </section>
  );
}

function By({ by, action }: { by: string | null | undefined; action: string | null | undefined }) {
  return <>{by ? subject(by).name : <span className="quiet">nobody that is known</span>}{action ? <> · <Link to={`/actions/${action}`} className="inline">its decision</Link></> : null}</>;
}

function Stands({ dossier }: { dossier: Dossier }) {
  return (
    <section className="card stack">
      <h2>Where it stands</h2>
      {dossier.standing.length === 0 ? <p className="quiet">No alias names it, and nothing is to run it.</p> : (
        <ul className="list">
          {dossier.standing.map((one) => (
            <li key={`${one.kind} ${one.name}`} className="list-row">
              <span><span className="quiet">{one.kind === "alias" ? "alias" : "to run at"}</span> <strong><Text>{one.name}</Text></strong></span>
              <span className="small"><By by={one.by} action={one.action} /></span>
              <span className="quiet small">{one.since == null ? "since when is not known" : <Ago at={one.since} />}</span>
            </li>
          ))}
        </ul>
      )}
      {dossier.deployments.length > 0 ? <Deployments all={dossier.deployments} /> : <p className="quiet small">Nobody decided that it is to run anywhere, and no host says that it does.</p>}
      {dossier.agents.map((one) => <p key={one.agent} className="small">Agent <strong>{one.agent}</strong> {one.newest ? "runs it" : "ran it"} by its own word, in its epoch {one.epoch} since {dateTime(one.since)}</p>)}
    </section>
  );
}

function Decision({ one }: { one: Dossier["decisions"][number] }) {
  const { word, tone } = VERDICTS[one.verdict];
  return (
    <li className="stack-s decision">
      <div className="row-apart">
        <span className="row"><Pill tone={tone}>{word}</Pill>{one.outcome ? <Pill tone={OUTCOMES[one.outcome]?.tone ?? "plain"}>{OUTCOMES[one.outcome]?.word ?? one.outcome}</Pill> : null}<Link to={`/actions/${one.action}`} className="inline small">the whole road</Link></span>
        <span className="quiet small">{dateTime(one.at)}</span>
      </div>
      {one.purpose ? <p className="small"><Text>{one.purpose}</Text></p> : null}
      {one.votes.map((vote) => (
        <p key={`${vote.person} ${vote.at}`} className="small"><strong>{vote.person}</strong> {vote.approved ? "approved" : "denied"}{vote.in_place_of ? ` in place of ${vote.in_place_of}` : ""}{vote.signed ? ", signed" : ""}: <Text>{vote.reason}</Text></p>
      ))}
      {one.policies.length > 0 ? <p className="quiet small">permitted by {one.policies.join(", ")}</p> : null}
    </li>
  );
}

function Approved({ decisions }: { decisions: Dossier["decisions"] }) {
  return (
    <section className="card">
      <h2>Who approved it</h2>
      {decisions.length === 0 ? <p className="quiet">No decision moved it anywhere.</p> : <ul className="list">{decisions.map((one) => <Decision key={one.action} one={one} />)}</ul>}
    </section>
  );
}

function Facts({ title, all }: { title: string; all: readonly { readonly name: string; readonly value: ReactNode }[] }) {
  if (all.length === 0) return null;
  return (
    <section className="stack-s">
      <h3>{title}</h3>
      <dl className="facts">{all.map(({ name, value }, key) => <div key={key} className="pair"><dt className="mono"><Text>{name}</Text></dt><dd className="mono">{value}</dd></div>)}</dl>
    </section>
  );
}

function texts(all: readonly { readonly name: string; readonly value: string }[]): { name: string; value: ReactNode }[] {
  return all.map(({ name, value }) => ({ name, value: <Text>{value}</Text> }));
}

function metrics(run: Run): { name: string; value: ReactNode }[] {
  return run.metrics.map(({ name, value }) => ({ name, value: typeof value === "number" ? short(value) : "not a number" }));
}

/** Says which record holds the digests of what a run logged, and what of it is another by now. */
function Anchored({ run }: { run: Run }) {
  if (!run.anchor) return <Pill tone="ask">no record holds what it logged</Pill>;
  if (run.differs.length > 0) return <Pill tone="bad">not what its record says: {run.differs.join(", ")}</Pill>;
  if (run.changed.length > 0) return <Pill tone="ask">changed after its end: {run.changed.join(", ")}</Pill>;
  return <Pill tone="good">as record {run.anchor.record ?? "to come"} says</Pill>;
}

function Origin({ dossier }: { dossier: Dossier }) {
  const { run, seal } = dossier;
  const code = (run?.tags ?? []).filter(({ name }) => name.startsWith("mlflow.source."));
  return (
    <section className="card stack">
      <div className="row-apart"><h2>How it was made</h2>{run ? <Anchored run={run} /> : null}</div>
      <dl className="facts">
        <dt>Made by</dt><dd>{dossier.made_by ? subject(dossier.made_by).name : "nobody that is known"}, {dateTime(dossier.made_at)}</dd>
        <dt>Source</dt><dd className="mono"><Text>{dossier.source}</Text></dd>
        <dt>Files</dt><dd>{seal ? <><Pill tone="good">sealed</Pill> <Digest of={seal.digest} label="digest of its files" /> {many(seal.files, "file")}{seal.record == null ? "" : `, record ${seal.record}`}</> : <Pill tone="ask">can change</Pill>}</dd>
        <dt>Run</dt><dd>{run ? <Link to={`/runs/${encodeURIComponent(run.id)}`} className="inline"><Text>{run.name}</Text></Link> : "not known"}</dd>
      </dl>
      <div className="two">
        <Facts title="Parameters" all={texts(run?.params ?? [])} />
        <Facts title="Metrics" all={run ? metrics(run) : []} />
        <Facts title="Code" all={texts(code)} />
        <Facts title="Environment" all={texts(dossier.environment)} />
        <Facts title="Infrastructure" all={texts(dossier.infrastructure)} />
        <Facts title="Tags" all={texts(dossier.tags)} />
      </div>
    </section>
  );
}

type Before = Dossier["lineage"]["datasets"][number];

/** Returns what a node is called in the graph, whose names nobody has escaped. */
function named(node: Before): Named {
  return { namespace: unescape(node.namespace), name: unescape(node.name) };
}

function Came({ title, all, node }: { title: string; all: readonly Before[]; node: (named: Named) => string }) {
  return (
    <section className="stack-s">
      <h3>{title} <span className="num">{all.length}</span></h3>
      <ul className="stack-s">
        {all.slice(0, SHOWN).map((one) => {
          const undocumented = one.changes.filter((change) => change.documented === false).length;
          return (
            <li key={`${one.namespace} ${one.name}`} className="small">
              <Link to={`/lineage?${new URLSearchParams({ node: node(named(one)) })}`} className="inline"><Text>{one.name}</Text></Link>
              {one.changes.length > 0 ? <span className="quiet"> · {many(one.changes.length, "change")}{undocumented > 0 ? <>, <span className="gap-told">{undocumented} without a word of why</span></> : null}</span> : null}
            </li>
          );
        })}
      </ul>
      {all.length > SHOWN ? <p className="quiet small">and {all.length - SHOWN} more</p> : null}
    </section>
  );
}

function Data({ dossier }: { dossier: Dossier }) {
  const { lineage, run } = dossier;
  const read = run?.data ?? [];
  return (
    <section className="card stack">
      <h2>What it was trained on</h2>
      {read.length === 0 ? <p className="quiet">Its run names no data.</p> : <Facts title="Read by its run" all={read.map((one) => ({ name: one.name, value: <><Text>{one.digest}</Text> <span className="quiet small"><Text>{one.kind}</Text></span></> }))} />}
      {lineage.datasets.length + lineage.jobs.length > 0 ? (
        <div className="two">
          <Came title="Datasets before it" all={lineage.datasets} node={datasetNode} />
          <Came title="Jobs before it" all={lineage.jobs} node={jobNode} />
        </div>
      ) : <p className="quiet">No pipeline told where that came from.</p>}
      {lineage.truncated ? <Note tone="ask">There is more before it than is told here.</Note> : null}
    </section>
  );
}

type Evaluation = Dossier["evaluations"][number];

function EvaluationRows({ one }: { one: Evaluation }) {
  return (
    <>
      {one.checks.map((check) => (
        <tr key={check.name}>
          <th scope="row"><Text>{one.suite}</Text></th>
          <td><Text>{check.name}</Text></td>
          <td className="num">{check.value == null ? <span className="quiet">–</span> : <Text>{check.value}</Text>}{check.interval ? <span className="quiet small block"><Text>{check.interval.join(" to ")}</Text></span> : null}</td>
          <td className="num">{check.demanded == null ? <span className="quiet">–</span> : <Text>{check.demanded}</Text>}</td>
          <td><Pill tone={check.passed ? "good" : "bad"}>{check.passed ? "passed" : "failed"}</Pill></td>
          <td className="small">{one.by ? subject(one.by).name : "–"}, <Ago at={one.at} />{one.of_these_files ? null : <span className="gap-told block">of other files</span>}</td>
        </tr>
      ))}
    </>
  );
}

function Evaluations({ all }: { all: readonly Evaluation[] }) {
  return (
    <section className="card">
      <h2>How it did</h2>
      {all.length === 0 ? <p className="quiet">Nobody has evaluated it here.</p> : (
        <div className="scroll tall" tabIndex={0} role="region" aria-label="Evaluations">
          <table className="table">
            <thead><tr>{["Suite", "Check", "Measured", "Demanded", "Verdict", "By"].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
            <tbody>{all.map((one, key) => <EvaluationRows key={key} one={one} />)}</tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Evidence({ model, version }: { model: string; version: number }) {
  const path = `/v1/models/${encodeURIComponent(model)}/versions/${version}/evidence`;
  return (
    <section className="card stack">
      <h2>Take it with you</h2>
      <p className="quiet">What the journal has of it, with its proofs, for somebody who trusts neither this server nor you.</p>
      <div className="row"><a className="button" href={path} download={`version-${version}.evidence`}>Download the evidence</a></div>
      <Command label="the command">{`countersign-verify version-${version}.evidence --key "$(countersign log key)"`}</Command>
    </section>
  );
}

export function VersionPage({ model, version }: { model: string; version: string }) {
  const read = useResource<Dossier>(`/v1/models/${encodeURIComponent(model)}/versions/${encodeURIComponent(version)}`, concernsModels);
  const dossier = read.data;
  if (!dossier) return read.problem ? <div className="page"><PageHead title="Version" /><ProblemNote problem={read.problem} /></div> : null;
  return (
    <div className="page">
      <header className="page-head">
        <div className="stack-s">
          <p className="quiet"><Link to="/models">Models</Link> · <Link to={modelAddress(model)}><Raw>{model}</Raw></Link></p>
          <h1 tabIndex={-1}>Version {dossier.version}</h1>
          {dossier.description ? <p className="quiet"><Text>{dossier.description}</Text></p> : null}
          <span className="row">{dossier.aliases.map((alias) => <span key={alias} className="chip"><Text>{alias}</Text></span>)}</span>
        </div>
        {dossier.before ? <Link to={compareAddress(model, dossier.before.version, dossier.version)} className="button">What changed since version {dossier.before.version}</Link> : null}
      </header>
      {read.problem ? <ProblemNote problem={read.problem} /> : null}
      <Gaps gaps={dossier.gaps} />
      <Stands dossier={dossier} />
      <Approved decisions={dossier.decisions} />
      <Origin dossier={dossier} />
      <Data dossier={dossier} />
      <Evaluations all={dossier.evaluations} />
      <Moves title="What was moved of it" moves={dossier.moves} isCut={false} />
      <Evidence model={model} version={dossier.version} />
    </div>
  );
}
