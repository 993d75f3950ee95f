/** One action: its whole road as a timeline, with every finding and fact, and what proves it. */

import { type FormEvent, useState } from "react";

import type { ActionPath, Decision, JournalEvent, Schema, Vote } from "../api/client.ts";
import { useResource } from "../api/use.ts";
import { Json, Text } from "../render/Text.tsx";
import { go } from "../router.ts";
import { Ago, Clock, Command, Digest, Link, PageHead, Pill, ProblemNote } from "../ui/parts.tsx";
import { OUTCOMES, VERDICTS, dateTime, many, subject, took } from "../ui/words.ts";
import { useRecent } from "./common.ts";
import { Findings, RiskBar } from "./findings.tsx";
import { ProofCard } from "./proof.tsx";

type PathRecord = Schema<"PathRecord">;
type Outcome = Schema<"ActionOutcome">;

interface Stop {
  readonly at: number;
  readonly tone: string;
  readonly title: string;
  readonly record: PathRecord | undefined;
  readonly body: React.ReactNode;
}

function factText(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join(", ") || "none" : String(value);
}

function Facts({ facts }: { facts: Decision["facts"] }) {
  return (
    <details className="fold">
      <summary>{many(facts.length, "fact")} that it read</summary>
      <div className="scroll" tabIndex={0} role="region" aria-label="Facts">
        <table className="table">
          <thead><tr><th scope="col">Fact</th><th scope="col">Value</th><th scope="col">Source</th><th scope="col">Held at</th></tr></thead>
          <tbody>
            {facts.map((fact, key) => (
              <tr key={key}><td><code>{fact.name}</code></td><td><Text>{factText(fact.value)}</Text></td><td className="quiet"><Text>{fact.source}</Text></td><td><Clock at={fact.at} /></td></tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function DecisionBody({ decision }: { decision: Decision }) {
  return (
    <div className="stack">
      <dl className="facts">
        <dt>Autonomy level</dt><dd>{decision.level}</dd>
        {decision.policies.length > 0 ? <><dt>Permitted by</dt><dd><Text>{decision.policies.join(", ")}</Text></dd></> : null}
        {decision.obligations.length > 0 ? <><dt>Obligations</dt><dd>{decision.obligations.join(", ")}</dd></> : null}
        <dt>Policy bundle</dt><dd><Digest of={decision.bundle} label="digest of the bundle" /></dd>
        <dt>Exact action</dt><dd><Digest of={decision.action_digest} label="digest of the action" /></dd>
        {decision.case ? <><dt>Case</dt><dd><Link to={`/inbox/${decision.case}`}>open the case</Link> · <Digest of={decision.case} label="case" /></dd></> : null}
      </dl>
      <div><h3>Risk {decision.risk.score}</h3><RiskBar risk={decision.risk} /></div>
      <div className="stack-s"><h3>Findings</h3><Findings findings={decision.findings} open met={decision.verdict === "allow" || decision.verdict === "allow_observed"} /></div>
      <Facts facts={decision.facts} />
    </div>
  );
}

function OutcomeBody({ outcome }: { outcome: Outcome }) {
  return (
    <div className="stack">
      <p className="quiet">{outcome.provenance === "observed" ? "Seen by the gateway" : "Reported by the agent itself; it counts as no evidence of good conduct"}, after {took(outcome.took_ms)} and {many(outcome.dispatches, "dispatch", "dispatches")}.</p>
      {outcome.result ? <div className="well" tabIndex={0} role="region" aria-label="Result"><Text className="mono small">{outcome.result}</Text></div> : null}
      {outcome.error ? <div className="note tone-bad"><Text>{outcome.error}</Text></div> : null}
    </div>
  );
}

const JUDGED: Record<string, string> = { held: "good", violated: "bad", inconclusive: "watch" };

function checked(check: Schema<"ActionCheck">): Stop {
  const body = (
    <div className="stack">
      <p><Text>{check.why}</Text></p>
      <p className="quiet small">{many(check.good, "good look")}, {many(check.bad, "bad one")}, {check.nothing} saw nothing.</p>
      {check.undo ? <p className="note tone-bad">The action is taken back.</p> : null}
      {check.stop ? <p className="note tone-bad">The agent stands at L0 in this class until somebody gives it a level again.</p> : null}
    </div>
  );
  return { at: check.at, tone: JUDGED[check.judgement] ?? "plain", title: `Check ${check.check}: ${check.judgement}`, record: undefined, body };
}

function contained(taken: Schema<"ActionContainment">): Stop {
  const body = (
    <div className="stack">
      {taken.error ? <div className="note tone-bad"><Text>{taken.error}</Text></div> : null}
      {taken.undo ? <p><Link to={`/actions/${taken.undo}`}>open the action that took it back</Link></p> : null}
    </div>
  );
  const title = taken.error ? "Not taken back by itself" : "Taken back by itself";
  return { at: taken.at, tone: taken.error ? "bad" : "good", title, record: undefined, body };
}

function stops(path: ActionPath): Stop[] {
  const records = (kind: string) => path.records.filter((record) => record.kind === kind);
  // A decoy's first record decides it, and the next one answers it.
  const decoy = records("decoy");
  const [decided, votes, outcomes] = [[...records("decided"), ...decoy.slice(0, 1)], [...records("vote"), ...decoy.slice(1)], records("outcome")];
  const of = (decision: Decision, key: number): Stop => {
    const { word, tone } = VERDICTS[decision.verdict];
    return { at: decision.at, tone, title: `Decided: ${word}`, record: decided[key], body: <DecisionBody decision={decision} /> };
  };
  const voted = (vote: Vote, key: number): Stop => ({
    at: vote.at,
    tone: vote.vote === "approve" ? "good" : "bad",
    title: `${vote.person} ${vote.vote === "approve" ? "approved" : "denied"}${vote.solo ? ", alone" : ""}`,
    record: votes[key],
    body: <><p><Text>{vote.reason}</Text></p><dl className="facts"><dt>Voted on</dt><dd><Digest of={vote.shown} label="digest of what was shown" /></dd></dl></>,
  });
  const said = records("review");
  const reviewed = (review: Schema<"CaseReview">, key: number): Stop => ({
    at: review.at,
    tone: "watch",
    title: `Reviewer ${review.reviewer} (${review.family}) sent it ${review.advice === "back" ? "back" : "on to people"}`,
    record: said[key],
    body: <><p className="quiet small">An agent's word: untrusted, and no approval.</p><p><Text>{review.reason}</Text></p></>,
  });
  const ended = path.outcome;
  const outcome: Stop[] = ended
    ? [{ at: ended.at, tone: OUTCOMES[ended.status]?.tone ?? "plain", title: `Outcome: ${OUTCOMES[ended.status]?.word ?? ended.status}`, record: outcomes.at(-1), body: <OutcomeBody outcome={ended} /> }]
    : [];
  // Both kinds stand in the journal as `check`, in the order in which they ended.
  const checks = records("check");
  const ends = [...path.checks.map(checked), ...path.contained.map(contained)].sort((a, b) => a.at - b.at);
  const looked = ends.map((stop, key) => ({ ...stop, record: checks[key] }));
  const all = [...path.decisions.map(of), ...path.votes.map(voted), ...path.reviews.map(reviewed), ...outcome, ...looked];
  return all.sort((a, b) => (a.record?.index ?? 0) - (b.record?.index ?? 0));
}

function Timeline({ path }: { path: ActionPath }) {
  const all = stops(path);
  return (
    <ol className="timeline">
      {all.map((stop, key) => (
        <li key={key} className={`stop stop-${stop.tone}`}>
          <div className="card">
            <div className="row-apart">
              <h2>{stop.title}</h2>
              <span className="quiet small"><Clock at={stop.at} />{key > 0 ? ` · ${took(stop.at - (all[key - 1]?.at ?? stop.at))} later` : ""}{stop.record ? ` · record ${stop.record.index}` : ""}</span>
            </div>
            {stop.body}
          </div>
        </li>
      ))}
    </ol>
  );
}

function Proposed({ path }: { path: ActionPath }) {
  const proposal = path.proposal;
  if (!proposal) return <p className="note">What was proposed was erased; that it was recorded can still be proved.</p>;
  const { purpose, reasoning } = proposal.agent_says;
  return (
    <section className="card">
      <div className="row-apart"><h2>Proposed</h2><span className="quiet small">{dateTime(proposal.at)} over {proposal.channel}</span></div>
      <div className="stack">
        <div className="well" tabIndex={0} role="region" aria-label="Arguments"><Json>{proposal.arguments_text}</Json></div>
        {proposal.plan && !proposal.plan.failed ? <><h3>What it would do, as its server planned it</h3><div className="well" tabIndex={0} role="region" aria-label="Plan"><Json>{proposal.plan.text}</Json></div></> : null}
        <dl className="facts">
          <dt>By</dt><dd>{proposal.principal}{proposal.on_behalf_of ? ` for ${proposal.on_behalf_of}` : ""}</dd>
          {proposal.definition ? <><dt>Tool definition</dt><dd><Digest of={proposal.definition} label="digest of the definition" /></dd></> : null}
          {proposal.session ? <><dt>Session</dt><dd><Digest of={proposal.session} label="session" /></dd></> : null}
          {path.saga ? <><dt>Saga</dt><dd>step {path.saga.step} of {path.saga.of} of <Digest of={path.saga.saga} label="saga" /></dd></> : null}
        </dl>
        {purpose || reasoning ? (
          <div className="untrusted"><h3>The agent says · untrusted</h3>{purpose ? <p><Text>{purpose}</Text></p> : null}{reasoning ? <p className="small"><Text>{reasoning}</Text></p> : null}</div>
        ) : null}
      </div>
    </section>
  );
}

function end(path: ActionPath): { readonly word: string; readonly tone: "good" | "watch" | "ask" | "bad" | "plain" } {
  if (path.outcome) return OUTCOMES[path.outcome.status] ?? { word: path.outcome.status, tone: "plain" };
  const last = path.decisions.at(-1);
  return last ? VERDICTS[last.verdict] : { word: "erased", tone: "plain" };
}

export function ActionPage({ id }: { id: string }) {
  const read = useResource<ActionPath>(`/v1/actions/${encodeURIComponent(id)}`, (event) => event.action === id || event.kind === "decided");
  const path = read.data;
  if (!path) return read.problem ? <div className="page"><PageHead title="Action" /><ProblemNote problem={read.problem} /></div> : null;
  const { word, tone } = end(path);
  const who = path.proposal ? subject(path.proposal.principal).name : "erased";
  return (
    <div className="page">
      <header className="page-head">
        <div className="stack-s">
          <p className="quiet"><Link to="/actions">Actions</Link> · {who}</p>
          <h1 tabIndex={-1} className="mono case-title"><Text>{path.proposal?.tool ?? "erased"}</Text></h1>
          <p className="small"><Digest of={path.action} label="action" /></p>
        </div>
        <Pill tone={tone}>{word}</Pill>
      </header>
      <Proposed path={path} />
      <Timeline path={path} />
      {path.opened_by.filter((opener) => opener !== path.action).map((opener) => (
        <p key={opener} className="note">It ran on the approval of a case that <Link to={`/actions/${opener}`}>an identical proposal</Link> had opened.</p>
      ))}
      <ProofCard path={path} />
      <section className="card stack">
        <h2>Take it with you</h2>
        <p className="quiet">A file that proves all of this to somebody who trusts neither this server nor you.</p>
        <div className="row"><a className="button" href={`/v1/export?action=${path.action}`} download={`${path.action}.evidence`}>Download the evidence</a></div>
        <Command label="the command">{`countersign-verify ${path.action}.evidence --key "$(countersign log key)"`}</Command>
      </section>
    </div>
  );
}

function Row({ event }: { event: JournalEvent }) {
  const verdict = event.verdict ? VERDICTS[event.verdict] : undefined;
  return (
    <li>
      <Link to={`/actions/${event.action ?? ""}`} className="list-row">
        <span className="mono ellipsis"><Text>{event.tool ?? "erased"}</Text></span>
        <span className="quiet small">{event.who ? subject(event.who).name : ""} · <Ago at={event.at} /></span>
        {verdict ? <Pill tone={verdict.tone}>{verdict.word}</Pill> : null}
      </Link>
    </li>
  );
}

/** Lists the actions of late, and finds one by its identity. */
export function ActionsPage() {
  const [id, setId] = useState("");
  const recent = useRecent((event) => event.kind === "decided" && event.action !== undefined, 50);
  const open = (event: FormEvent) => { event.preventDefault(); if (id.trim()) go(`/actions/${encodeURIComponent(id.trim())}`); };
  return (
    <div className="page">
      <PageHead title="Actions">What was proposed of late. Open one for its whole road.</PageHead>
      <form className="row" onSubmit={open}>
        <label className="grow"><span className="hidden-label">An action's identity</span><input className="input mono" placeholder="act_…" value={id} onChange={(event) => setId(event.target.value)} spellCheck={false} /></label>
        <button type="submit" className="button">Open</button>
      </form>
      <ul className="list card">{recent.map((event) => <Row key={event.index} event={event} />)}</ul>
    </div>
  );
}
