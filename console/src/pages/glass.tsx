/** Break-glass: said on every page while one awaits its second key, is in force, or awaits its review; and the steps that end each. */

import { type FormEvent, useState } from "react";

import { type BreakGlass, type JournalEvent, type LoggedIn, post, Problem } from "../api/client.ts";
import { useSeconds } from "../api/clock.ts";
import { useResource } from "../api/use.ts";
import { Text } from "../render/Text.tsx";
import { Dialog, Link, ProblemNote } from "../ui/parts.tsx";
import { dateTime, duration, many } from "../ui/words.ts";

type Step = "confirm" | "end" | "review";

const STEPS: Record<Step, { title: string; press: string; says: string; field: string }> = {
  confirm: { title: "Turn the second key", press: "Break the glass", says: "From then on what it names runs without approvals. Everybody is told, and somebody else reviews what ran.", field: "Why?" },
  end: { title: "End the break-glass", press: "End it now", says: "It grants nothing more, at once. What ran under it is reviewed.", field: "Why?" },
  review: { title: "Close the review", press: "Close the review", says: "Look at each action first. Until this is closed, no other glass can be broken.", field: "What did you find?" },
};

/** A step of it is a record of a grant; actions that run under it are decisions. */
function concerns(event: JournalEvent): boolean {
  return event.kind === "grant" || event.code === "glass-broken";
}

function StepDialog({ glass, step, onClose, onDone }: { glass: BreakGlass; step: Step; onClose: () => void; onDone: () => void }) {
  const [words, setWords] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const { title, press, says, field } = STEPS[step];
  const take = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const body = step === "review" ? { findings: words.trim() } : { reason: words.trim() };
    post(`/v1/break-glass/${glass.id}/${step}`, body).then(onDone, (error: unknown) => {
      setProblem(error instanceof Problem ? error : undefined);
      setBusy(false);
    });
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="stack" onSubmit={take}>
        <p><What glass={glass} /></p>
        <blockquote className="quiet"><Text>{glass.reason}</Text></blockquote>
        {glass.actions.length > 0 ? <ul>{glass.actions.map((used) => <li key={used.action}><Link to={`/actions/${used.action}`}><Text>{used.tool}</Text></Link> {dateTime(used.at)}</li>)}</ul> : null}
        <p className="quiet">{says}</p>
        <label className="field"><span>{field}</span><input className="input" value={words} onChange={(event) => setWords(event.target.value)} autoFocus /></label>
        {problem ? <ProblemNote problem={problem} /> : null}
        <div className="row">
          <button type="submit" className={`button ${step === "confirm" ? "button-bad" : ""}`} disabled={busy || words.trim() === ""}>{press}</button>
          <button type="button" className="button button-bare" onClick={onClose}>Cancel</button>
        </div>
      </form>
    </Dialog>
  );
}

function What({ glass }: { glass: BreakGlass }) {
  return <>agent <strong className="mono">{glass.agent}</strong>, {glass.tool ? "tool" : "class"} <strong className="mono"><Text>{glass.tool ?? glass.class ?? ""}</Text></strong>, {glass.environment ? <>in <strong><Text>{glass.environment}</Text></strong></> : "in no known environment"}</>;
}

/** Says how it stands in one sentence, without counting on: whoever listens to the page hears each change once. */
function Says({ glass, left }: { glass: BreakGlass; left: (until: number) => string }) {
  switch (glass.state) {
    case "asked": return <><strong>{glass.first.by} asks for a second key to break the glass:</strong> <What glass={glass} />. <span className="num">{left(glass.confirm_until)}</span></>;
    case "in_force": return <><strong>The glass is broken by {glass.first.by} and {glass.second?.by}:</strong> <What glass={glass} /> runs without approvals. {many(glass.actions.length, "action")} so far. <span className="num">{left(glass.expires_at ?? 0)}</span></>;
    default: return <><strong>The glass that {glass.first.by} and {glass.second?.by} broke awaits its review{glass.overdue ? ", which is overdue" : ""}:</strong> <What glass={glass} />, {many(glass.actions.length, "action")}, by {dateTime(glass.review_until ?? 0)}</>;
  }
}

function steps(glass: BreakGlass, who: LoggedIn): Step[] {
  if (who.auditor) return [];
  const turned = [glass.first.by, glass.second?.by].includes(who.person);
  switch (glass.state) {
    case "asked": return turned ? ["end"] : ["confirm", "end"];
    case "in_force": return ["end"];
    default: return turned ? [] : ["review"];
  }
}

/** Stands above every page while a break-glass is not closed. */
export function GlassBanner({ who }: { who: LoggedIn }) {
  const { data, again } = useResource<{ glasses: BreakGlass[] }>("/v1/break-glass", concerns);
  const [taking, setTaking] = useState<{ glass: BreakGlass; step: Step }>();
  const now = useSeconds() * 1_000;
  const left = (until: number) => (until > now ? `${duration(until - now)} left` : "its time is over");
  const open = data?.glasses.filter((glass) => glass.state !== "reviewed" && glass.state !== "lapsed") ?? [];
  const close = () => setTaking(undefined);
  return (
    <>
      {open.map((glass) => (
        <section key={glass.id} className={`glass note tone-${glass.state === "in_force" || glass.overdue ? "bad" : "ask"}`} aria-label="Break-glass">
          <p role={glass.state === "in_force" ? "alert" : "status"}><Says glass={glass} left={left} /></p>
          <div className="row">{steps(glass, who).map((step) => <button key={step} type="button" className="button button-small" onClick={() => setTaking({ glass, step })}>{STEPS[step].title}</button>)}</div>
        </section>
      ))}
      {taking ? <StepDialog {...taking} onClose={close} onDone={() => { close(); again(); }} /> : null}
    </>
  );
}
