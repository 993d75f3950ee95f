/** Switches: what is stopped, by whom and why; and stopping something, at once. */

import { type FormEvent, useState } from "react";

import { type KillAnswer, type LoggedIn, post, Problem, remove, type Schema, type SetSwitch, type SwitchTarget } from "../api/client.ts";
import { useResource } from "../api/use.ts";
import { Text } from "../render/Text.tsx";
import { Ago, Dialog, Empty, Link, Note, PageHead, Pill, ProblemNote } from "../ui/parts.tsx";
import { many, subject } from "../ui/words.ts";
import { Breakers } from "./breakers.tsx";
import { GivingBack } from "./giving-back.tsx";

type Kind = "agent" | "tool" | "class" | "tenant";

const WORDS: Record<Kind, string> = { agent: "One agent", tool: "One tool", class: "One action class", tenant: "Everything" };
const DRAIN_MS = 3_000;

function kindOf(target: SwitchTarget): Kind {
  return (Object.keys(target)[0] ?? "tenant") as Kind;
}

function Killed({ answer, name }: { answer: KillAnswer; name: string }) {
  return (
    <Note tone={answer.drained ? "good" : "ask"}>
      <p role="status"><strong>{name} is stopped.</strong> Nothing new leaves{answer.drained ? ", and nothing is in flight." : `; ${many(answer.in_flight.length, "action")} left before and ${answer.in_flight.length === 1 ? "has" : "have"} not come back:`}</p>
      {answer.in_flight.length > 0 ? <ul>{answer.in_flight.map((flight) => <li key={flight.action}><Link to={`/actions/${flight.action}`}><Text>{flight.tool}</Text></Link> since <Ago at={flight.since} /></li>)}</ul> : null}
      {answer.known ? null : <p>Neither the tenant nor the policy knows that name. Was it misspelt? The switch is set all the same.</p>}
    </Note>
  );
}

function KillDialog({ tenant, onClose, onKilled }: { tenant: string; onClose: () => void; onKilled: (answer: KillAnswer, name: string) => void }) {
  const [kind, setKind] = useState<Kind>("agent");
  const [name, setName] = useState("");
  const [reason, setReason] = useState("");
  const [sure, setSure] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const target = kind === "tenant" ? tenant : name.trim();
  const ready = target !== "" && reason.trim() !== "" && !busy;
  const kill = (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    if (!sure) { setSure(true); return; }
    setBusy(true);
    post<KillAnswer>(`/v1/switches?wait_ms=${DRAIN_MS}`, { target: { [kind]: target }, reason: reason.trim() }).then(
      (answer) => onKilled(answer, `${kind} ${target}`),
      (error: unknown) => { setProblem(error instanceof Problem ? error : undefined); setBusy(false); setSure(false); },
    );
  };
  return (
    <Dialog title="Stop something" onClose={onClose}>
      <form className="stack" onSubmit={kill}>
        <p className="quiet">It holds at once and waits for no decision. Open cases that it covers are void. Lifting it is decided by policy.</p>
        <fieldset className="field plain">
          <legend>What</legend>
          <div className="segments">{(Object.keys(WORDS) as Kind[]).map((one) => <button key={one} type="button" aria-pressed={kind === one} onClick={() => { setKind(one); setSure(false); }}>{WORDS[one]}</button>)}</div>
        </fieldset>
        {kind === "tenant" ? null : <label className="field"><span>Its name</span><input className="input mono" value={name} onChange={(event) => { setName(event.target.value); setSure(false); }} spellCheck={false} autoFocus placeholder={kind === "tool" ? "server.tool" : ""} /></label>}
        <label className="field"><span>Why? It is recorded, and whoever is stopped is told.</span><input className="input" value={reason} onChange={(event) => setReason(event.target.value)} /></label>
        {problem ? <ProblemNote problem={problem} /> : null}
        {sure ? <Note tone="bad"><strong>{kind === "tenant" ? "Every agent of this tenant stops." : `${kind} ${target} stops.`}</strong> Press once more to do it.</Note> : null}
        <div className="row">
          <button type="submit" className="button button-bad" disabled={!ready}>{busy ? "Stopping" : sure ? `Stop ${kind === "tenant" ? "everything" : target} now` : "Stop it"}</button>
          <button type="button" className="button button-bare" onClick={onClose}>Cancel</button>
        </div>
      </form>
    </Dialog>
  );
}

function One({ one, onLift }: { one: SetSwitch; onLift: (() => void) | undefined }) {
  const { name } = subject(one.key);
  return (
    <li className="card switch">
      <div className="stack-s">
        <div className="row"><Pill tone="bad">stopped</Pill><span className="quiet small">{WORDS[kindOf(one.target)]}</span></div>
        <h2 className="mono"><Text>{name}</Text></h2>
        <p><Text>{one.reason}</Text></p>
        <p className="quiet small">by {subject(one.by).name}, <Ago at={one.at} /></p>
      </div>
      {onLift ? <button type="button" className="button" onClick={onLift}>Lift</button> : null}
    </li>
  );
}

export function SwitchesPage({ who }: { who: LoggedIn }) {
  const read = useResource<Schema<"Switches">>("/v1/switches", (event) => event.kind === "switch" || event.kind === "erasure");
  const [killing, setKilling] = useState(false);
  const [lifting, setLifting] = useState<SetSwitch>();
  const [told, setTold] = useState<{ readonly answer: KillAnswer; readonly name: string }>();
  const [lifted, setLifted] = useState("");
  const switches = read.data?.switches ?? [];
  const may = !who.auditor;
  return (
    <div className="page">
      <PageHead title="Switches" aside={may ? <button type="button" className="button button-bad" onClick={() => { setKilling(true); setTold(undefined); setLifted(""); }}>Stop something</button> : null}>
        A switch stops an agent, a tool, a class of actions or everything, at once. Whoever sets one waits for nobody.
      </PageHead>
      {told ? <Killed answer={told.answer} name={told.name} /> : null}
      {lifted ? <div role="status"><Note tone="good">{lifted}</Note></div> : null}
      {read.problem ? <ProblemNote problem={read.problem} /> : null}
      {read.data && switches.length === 0 ? <Empty icon="switches" title="Nothing is stopped">Agents do what policy and people let them.</Empty> : null}
      <ul className="stack">{switches.map((one) => <One key={one.key} one={one} onLift={may ? () => setLifting(one) : undefined} />)}</ul>
      <Breakers may={may} />
      {killing && read.data ? <KillDialog tenant={read.data.tenant} onClose={() => setKilling(false)} onKilled={(answer, name) => { setKilling(false); setTold({ answer, name }); read.again(); }} /> : null}
      {lifting ? <GivingBack verb="Lift" what={lifting.key} says="This gives authority back, so policy decides whether you may." act={(reason) => remove(`/v1/switches/${encodeURIComponent(lifting.key)}`, { reason })} onClose={() => setLifting(undefined)} onDone={() => { setLifting(undefined); setLifted(`${lifting.key} may act again.`); read.again(); }} /> : null}
    </div>
  );
}
