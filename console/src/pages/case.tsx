/** One case: everything a person needs to decide it, in the order in which they need it. */

import { Fragment, useEffect, useState } from "react";

import type { Approval, LoggedIn, Schema, Vote } from "../api/client.ts";
import { useSeconds } from "../api/clock.ts";
import { changesCases, useResource } from "../api/use.ts";
import { Json, Text } from "../render/Text.tsx";
import { Icon } from "../ui/icons.tsx";
import { Ago, Clock, Countdown, Digest, Link, Pill, ProblemNote } from "../ui/parts.tsx";
import { asked, many, REPEATED, REVERSED, STATES, subject, took } from "../ui/words.ts";
import { Asked } from "./permissions.tsx";
import { Findings, RiskBar } from "./findings.tsx";
import { VotePanel } from "./vote.tsx";

/** Is how many characters of arguments are shown before somebody asks for all. */
const ARGUMENTS_SHOWN = 12_000;

function Arguments({ text, whole, onWhole }: { text: string; whole: boolean; onWhole: () => void }) {
  return (
    <>
      <div className="well" tabIndex={0} role="region" aria-label="Arguments">
        <Json>{whole ? text : text.slice(0, ARGUMENTS_SHOWN)}</Json>
      </div>
      {whole ? null : (
        <button type="button" className="button" onClick={onWhole}>Show the other {many(text.length - ARGUMENTS_SHOWN, "character")}</button>
      )}
    </>
  );
}

/** Shows what it would do, as its server told before anybody was asked. */
function Plan({ plan }: { plan: NonNullable<Approval["plan"]> }) {
  return (
    <section className="card">
      <h2>What it would do</h2>
      <p className="note">Its server planned it. Your approval is for this plan; if it is another when it would run, you are asked again.</p>
      <div className="well" tabIndex={0} role="region" aria-label="Plan"><Json>{plan.text}</Json></div>
    </section>
  );
}

/** Returns whose vote it is, be it cast by another. */
function whose(vote: Vote): string {
  return vote.in_place_of ?? vote.person;
}

function Who({ name, vote, you }: { name: string; vote: Vote | undefined; you: boolean }) {
  const mark = vote ? (vote.vote === "approve" ? " ✓ approved" : " ✕ denied") + (vote.in_place_of ? ` by ${vote.person}` : "") : "";
  return <span className={`chip ${you ? "chip-you" : ""}`}>{name}{you ? " (you)" : ""}{mark}</span>;
}

function OnCall({ duty }: { duty: Schema<"Schedule"> }) {
  const { now, next } = duty;
  return (
    <p className="quiet small">
      {now ? <>{now.person} is on call{now.until != null ? <> until <Clock at={now.until} /></> : null}</> : "Nobody is on call now"}
      {next ? <>; {next.person} from <Clock at={next.from} /> on</> : null}
    </p>
  );
}

function Step({ step, votes, person, now }: { step: Schema<"Asked">; votes: readonly Vote[]; person: string; now: number }) {
  const counts = (vote: Vote) => vote.vote === "approve" && step.people.includes(whose(vote)) && (!step.signed || vote.passkey != null);
  // Of a schedule those count who were on call when they voted, which is not told here.
  const approved = step.on_call ? "" : `${votes.filter(counts).length} of ${step.approvals} approved · `;
  // A step without time waits for nobody: nobody was on call, or too few had room for another decision.
  const when = step.from === step.to ? "passed over; a refusal counts" : now < step.from ? <>asked from <Clock at={step.from} /> on</> : <>until <Clock at={step.to} /></>;
  return (
    <li className="step">
      <div className="row-apart">
        <strong>{step.approvals} of {asked(step.group, step.on_call?.schedule)}</strong>
        <span className="quiet small">{approved}{when}</span>
      </div>
      <div className="row">
        {step.people.map((name) => <Who key={name} name={name} vote={votes.find((vote) => whose(vote) === name)} you={name === person} />)}
        {step.signed ? <Pill tone="watch">signed with a passkey</Pill> : null}
      </div>
      {step.on_call ? <OnCall duty={step.on_call} /> : null}
    </li>
  );
}

function Path({ shown, person }: { shown: Approval; person: string }) {
  const now = useSeconds() * 1_000;
  return (
    <section className="card">
      <h2>Who decides</h2>
      <div className="stack">
        {shown.needs.map((need) => (
          <div key={need.profile} className="stack-s">
            <h3>{need.profile}</h3>
            <ol className="steps">{need.steps.map((step) => <Step key={step.profile} step={step} votes={shown.votes} person={person} now={now} />)}</ol>
          </div>
        ))}
        {shown.votes.length > 0 ? (
          <ul className="stack-s fold">
            {shown.votes.map((vote) => (
              <li key={vote.person}><strong>{vote.person}</strong>{vote.in_place_of ? ` in place of ${vote.in_place_of}` : ""} {vote.vote === "approve" ? "approved" : "denied"}{vote.passkey ? ", signed with a passkey," : ""} <Ago at={vote.at} />: <Text>{vote.reason}</Text></li>
            ))}
          </ul>
        ) : null}
      </div>
    </section>
  );
}

/** Shows what reviewer agents say: untrusted, as all that an agent writes, and no approval. */
function Reviews({ shown }: { shown: Approval }) {
  const silent = shown.needs.flatMap((need) => need.steps).flatMap((step) => step.reviewers.map((name) => ({ name, until: step.reviewed_to })))
    .filter(({ name }) => shown.state === "open" && !shown.reviews.some((review) => review.reviewer === name));
  if (shown.reviews.length === 0 && silent.length === 0 && !shown.returned_before) return null;
  return (
    <section className="untrusted" aria-label="What reviewer agents say, untrusted">
      <h3>Reviewer agents · untrusted, and no approval</h3>
      <div className="stack-s">
        {shown.returned_before ? <p className="small">A reviewer sent this exact action back before; it was proposed again.</p> : null}
        {shown.reviews.map((review) => (
          <p key={review.reviewer}><strong>{review.reviewer}</strong> <span className="quiet small">({review.family})</span> {review.advice === "back" ? "sent it back" : "sent it on to people"} <Ago at={review.at} />: <Text>{review.reason}</Text></p>
        ))}
        {silent.map(({ name, until }) => <p key={`${name}/${until}`} className="small quiet">Not yet reviewed by {name}, who is asked until <Clock at={until} />.</p>)}
      </div>
    </section>
  );
}

function Says({ says }: { says: Approval["agent_says"] }) {
  const { purpose, reasoning, confidence_bp: confidence } = says ?? {};
  if (!purpose && !reasoning && confidence == null) return null;
  return (
    <section className="untrusted" aria-label="What the agent says of itself, untrusted">
      <h3>The agent says · untrusted, and no part of what you approve</h3>
      <div className="stack-s">
        {purpose ? <p><Text>{purpose}</Text></p> : null}
        {reasoning ? <p className="small"><Text>{reasoning}</Text></p> : null}
        {confidence == null ? null : <p className="small quiet">It claims to be {(confidence / 100).toFixed(0)} % sure.</p>}
      </div>
    </section>
  );
}

type Tool = Schema<"ReviewedTool">;

function layout(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

/** Shows the definition that the agent was given, if the one listed now is the same. */
function Definition({ shown }: { shown: Approval }) {
  const [open, setOpen] = useState(false);
  const tool = useResource<Tool>(open ? `/v1/tools/${encodeURIComponent(shown.tool)}` : undefined);
  const differs = tool.data && shown.definition && tool.data.listed !== shown.definition;
  return (
    <details className="fold" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The tool's definition, as its server lists it</summary>
      {tool.problem ? <ProblemNote problem={tool.problem} /> : null}
      {differs ? <p className="note tone-bad">The definition listed now is not the one this action was decided on.</p> : null}
      {tool.data?.definition ? <div className="well" tabIndex={0} role="region" aria-label="Definition"><Json>{layout(tool.data.definition)}</Json></div> : null}
      {tool.data && !tool.data.definition ? <p className="quiet small">Only its digest is known until the server lists it again.</p> : null}
    </details>
  );
}

function About({ shown }: { shown: Approval }) {
  const conduct = shown.conduct;
  return (
    <section className="card">
      <h2>Who asks</h2>
      <dl className="facts">
        <dt>Requester</dt><dd>{shown.requester}{shown.on_behalf_of ? ` for ${shown.on_behalf_of}` : ""}</dd>
        {shown.level ? <><dt>Autonomy level</dt><dd>{shown.level}{conduct ? ` in class ${conduct.class}` : ""}</dd></> : null}
        {conduct ? <><dt>Its record there</dt><dd>{conduct.runs === 0 ? "nothing has ended yet" : `${many(conduct.runs, "action")} ended, ${many(conduct.errors, "error")}`}</dd></> : null}
        <dt>Action</dt><dd><Link to={`/actions/${shown.action}`}>the whole road</Link> · <Digest of={shown.action} label="action" /></dd>
        <dt>Exact action</dt><dd><Digest of={shown.action_digest} label="digest of the action" /></dd>
        <dt>Your vote names</dt><dd><Digest of={shown.shown} label="digest of what is shown" /></dd>
        {shown.definition ? <><dt>Tool definition</dt><dd><Digest of={shown.definition} label="digest of the definition" /></dd></> : null}
        <dt>Case</dt><dd><Digest of={shown.id} label="case" />{shown.round > 1 ? " · asked a second time" : ""}</dd>
      </dl>
      <Definition shown={shown} />
    </section>
  );
}

/** Tells how far it could reach: what it acts on, as the inventory knows it, and how it is taken back. */
function Touches({ touches, tool }: { touches: Schema<"Touched">; tool: string }) {
  const { kind, id, known, attributes, age_ms: age, effect, reversibility, plan = [] } = touches;
  return (
    <section className="card">
      <h2>What it touches</h2>
      <dl className="facts">
        {kind ? <><dt><Text>{kind}</Text></dt><dd className="mono"><Text>{id ?? "not named by the arguments"}</Text></dd></> : null}
        {Object.entries(attributes).map(([name, value]) => <Fragment key={name}><dt><Text>{name.replaceAll("_", " ")}</Text></dt><dd><Text>{value}</Text></dd></Fragment>)}
        {kind ? <><dt>The inventory</dt><dd>{!known ? "does not know it" : age ? `said so ${took(age)} before it was asked about` : "knows it"}</dd></> : null}
        {reversibility ? <><dt>Can be taken back</dt><dd>{REVERSED[reversibility] ?? reversibility}</dd></> : null}
        {effect ? <><dt>Sent twice, it</dt><dd>{REPEATED[effect] ?? effect}</dd></> : null}
        {plan.length > 0 ? <><dt>The session's plan</dt><dd className="row">{plan.map((one) => <span key={one} className={`chip ${one === tool ? "chip-you" : ""}`}><Text>{one}</Text></span>)}</dd></> : null}
      </dl>
    </section>
  );
}

function Head({ shown }: { shown: Approval }) {
  const { kind, name } = subject(shown.requester);
  const state = STATES[shown.state];
  return (
    <header className="case-head">
      <div className="stack-s">
        <p className="quiet">{kind} <strong className="ink">{name}</strong>{shown.on_behalf_of ? <> for <strong className="ink">{shown.on_behalf_of}</strong></> : null} wants to call</p>
        <h1 tabIndex={-1} className="mono case-title"><Text>{shown.tool}</Text></h1>
        <p className="quiet small">asked <Ago at={shown.opened_at} /></p>
      </div>
      {shown.state === "open" ? <Countdown from={shown.opened_at} to={shown.expires_at} /> : <Pill tone={state?.tone ?? "plain"}>{state?.word ?? shown.state}</Pill>}
    </header>
  );
}

/** Says of a case that it was a decoy, once somebody has answered it. */
function WasDecoy({ decoy }: { decoy: Approval["decoy"] }) {
  if (!decoy) return null;
  return (
    <section className={`note ${decoy.caught == null ? "" : `tone-${decoy.caught ? "good" : "bad"}`}`} aria-label="It was a decoy">
      <p><strong>It was a decoy, and {decoy.caught == null ? "it ended before anybody answered" : decoy.caught ? "it was caught" : "it was approved"}.</strong> Nobody had asked, and nothing came of it.</p>
      <p>Why it should be refused: <Text>{decoy.why}</Text></p>
    </section>
  );
}

/** Shows a case and lets the person decide it. */
export function CaseView({ id, who }: { id: string; who: LoggedIn }) {
  const read = useResource<Approval>(`/v1/approvals/${encodeURIComponent(id)}`, changesCases);
  const [whole, setWhole] = useState(false);
  const shown = read.data;
  const short = (shown?.arguments_text?.length ?? 0) <= ARGUMENTS_SHOWN;
  useEffect(() => setWhole(false), [id]);
  if (!shown) return read.problem ? <ProblemNote problem={read.problem} /> : null;
  return (
    <article className="case stack" aria-label={`Case ${shown.tool}`}>
      <Link to="/inbox" className="narrow-back"><Icon name="back" />Inbox</Link>
      <Head shown={shown} />
      <WasDecoy decoy={shown.decoy} />
      {shown.permission ? <Asked asked={shown.permission} /> : null}
      <section className="card">
        <h2>{shown.permission ? "Exactly these terms" : "Exactly this would run"}</h2>
        {shown.arguments_text == null ? <p className="note">Its arguments were erased.</p> : <Arguments text={shown.arguments_text} whole={whole || short} onWhole={() => setWhole(true)} />}
      </section>
      {shown.plan ? <Plan plan={shown.plan} /> : null}
      <section className="card">
        <h2>Why you are asked</h2>
        <Findings findings={shown.findings} />
      </section>
      {shown.touches ? <Touches touches={shown.touches} tool={shown.tool} /> : null}
      {shown.risk ? (
        <section className="card">
          <h2>Risk <span className="num">{shown.risk.score}</span></h2>
          <RiskBar risk={shown.risk} scale={shown.risk_scale} />
        </section>
      ) : null}
      <Path shown={shown} person={who.person} />
      <Reviews shown={shown} />
      <Says says={shown.agent_says} />
      <About shown={shown} />
      <VotePanel key={shown.id} shown={shown} who={who} whole={whole || short} onCounted={read.again} />
    </article>
  );
}
