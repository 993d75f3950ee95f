/** Voting: two buttons, a reason, a confirmation, and what has become of it. */

import { type FormEvent, useEffect, useRef, useState } from "react";

import type { Approval, LoggedIn } from "../api/client.ts";
import { useSeconds } from "../api/clock.ts";
import { whyNone } from "../api/passkey.ts";
import { Text } from "../render/Text.tsx";
import { useKeys } from "../ui/keys.ts";
import { Note, type Tone } from "../ui/parts.tsx";
import { clockTime, STATES } from "../ui/words.ts";
import { type Ballot, cast, type Cast } from "./cast.ts";
import { waits } from "./common.ts";

const TOLD: Record<Exclude<Cast["kind"], "counted">, { readonly title: string; readonly tone: Tone }> = {
  late: { title: "Too late: it was decided before your vote arrived.", tone: "ask" },
  changed: { title: "It has changed since you saw it. Nothing was counted; look at it again.", tone: "bad" },
  repeated: { title: "You have voted on this case already. One person has one vote.", tone: "ask" },
  excluded: { title: "Your vote does not count here.", tone: "bad" },
  alone: { title: "You would decide alone what is your own. Confirm that first.", tone: "ask" },
  unsigned: { title: "Your passkey has signed nothing, so nothing was counted.", tone: "ask" },
  refused: { title: "Your vote was not counted.", tone: "bad" },
  unknown: { title: "It is not known whether your vote counted.", tone: "bad" },
};

function After({ result }: { result: Cast }) {
  if (result.kind !== "counted") {
    const { title, tone } = TOLD[result.kind];
    return <div role="alert"><Note tone={tone}><strong>{title}</strong> <Text>{result.why}</Text></Note></div>;
  }
  const { line } = result;
  if (line.decoy) {
    return <div role="status"><Note tone={line.decoy.caught ? "good" : "bad"}><strong>{line.decoy.caught ? "It was a decoy, and you caught it." : "It was a decoy, and you approved it."}</strong> <Text>{line.decoy.why}</Text></Note></div>;
  }
  const words = line.state === "open" ? "Counted. Others are still to decide." : `Counted. The case is ${STATES[line.state]?.word ?? line.state}.`;
  const what = line.state === "approved" ? " The agent gets one ticket for exactly this action." : "";
  return <div role="status"><Note tone={line.state === "denied" ? "plain" : "good"}><strong>{words}</strong>{what}</Note></div>;
}

function Form({ shown, vote, onCast, onCancel }: {
  shown: Approval; vote: Ballot["vote"]; onCast: (ballot: Ballot) => void; onCancel: () => void;
}) {
  const [reason, setReason] = useState("");
  const [alone, setAlone] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => { field.current?.focus(); }, [vote]);
  const needsAlone = shown.you.alone && vote === "approve";
  const ready = reason.trim() !== "" && (!needsAlone || alone);
  const send = () => { if (ready) onCast({ vote, reason: reason.trim(), alone }); };
  const submit = (event: FormEvent) => { event.preventDefault(); send(); };
  return (
    <form className="stack-s appear" onSubmit={submit} aria-label={vote === "approve" ? "Approve" : "Deny"}>
      <label className="field">
        <span>{vote === "approve" ? "Why is it right? This is recorded." : "Why not? The agent is told, and it is recorded."}</span>
        <textarea ref={field} className="input" value={reason} onChange={(event) => setReason(event.target.value)} rows={2}
          onKeyDown={(event) => {
            if (event.key === "Escape") onCancel();
            if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); send(); }
          }} />
      </label>
      {needsAlone ? (
        <label className="row small">
          <input type="checkbox" checked={alone} onChange={(event) => setAlone(event.target.checked)} />
          I own this agent and decide alone; the record says so.
        </label>
      ) : null}
      <div className="row">
        <button type="submit" className={`button ${vote === "approve" ? "button-main" : "button-bad"}`} disabled={!ready}>
          {vote === "approve" ? "Confirm: approve this action, once" : "Confirm: deny"}{shown.you.signed ? ", with your passkey" : ""} <kbd>↵</kbd>
        </button>
        <button type="button" className="button button-bare" onClick={onCancel}>Cancel <kbd>esc</kbd></button>
      </div>
    </form>
  );
}

/** Lets a person decide a case they were shown whole. */
export function VotePanel({ shown, who, whole, onCounted }: {
  shown: Approval; who: LoggedIn; whole: boolean; onCounted: () => void;
}) {
  const [vote, setVote] = useState<Ballot["vote"]>();
  const [sending, setSending] = useState(false);
  const [result, setResult] = useState<Cast>();
  const now = useSeconds() * 1_000;
  const over = now >= shown.expires_at;
  const spent = waits(shown.you, now);
  const none = shown.you.signed ? whyNone() : undefined;
  const may = shown.you.may_vote && !none && !over && !sending && result?.kind !== "counted" && result?.kind !== "late";
  const begin = (next: Ballot["vote"]) => { if (may && whole && !(spent && next === "approve")) { setResult(undefined); setVote(next); } };
  useKeys({ a: () => begin("approve"), d: () => begin("deny") });

  const send = (ballot: Ballot) => {
    setVote(undefined);
    setSending(true);
    void cast(shown, ballot, who.person).then((result) => {
      setSending(false);
      setResult(result);
      onCounted();
    });
  };

  return (
    <section className="vote stack-s" aria-label="Your vote">
      {result ? <After result={result} /> : null}
      {sending ? <Note><span role="status">{shown.you.signed ? "Your browser asks for your passkey." : "Sending your vote."} It counts once the journal has it.</span></Note> : null}
      {!shown.you.may_vote && !result ? <Note><Text>{`You do not vote here: ${shown.you.why ?? "it is decided"}`}</Text></Note> : null}
      {shown.you.may_vote && over && !result ? <Note tone="ask">Time is over, and silence is a refusal.</Note> : null}
      {may && spent && shown.you.awaits_review && !over && !result ? <Note tone="ask"><strong>A reviewer agent comes first.</strong> An approval counts once it has answered, and from {clockTime(shown.you.approves_from ?? 0)} on at the latest; you may deny now.</Note> : null}
      {may && spent && !shown.you.awaits_review && !over && !result ? <Note tone="ask"><strong>You have decided often within the last hour.</strong> An approval of yours counts again from {clockTime(shown.you.approves_from ?? 0)} on; others may answer, and you may deny now.</Note> : null}
      {none && !over && !result ? <Note tone="ask"><strong>Your vote counts here only if you sign it with a passkey.</strong> {none}</Note> : null}
      {may && !vote && !whole ? <Note tone="ask">Show all of the arguments first: you decide on all of them.</Note> : null}
      {may && vote ? <Form key={vote} shown={shown} vote={vote} onCast={send} onCancel={() => setVote(undefined)} /> : null}
      {may && !vote && whole ? (
        <div className="vote-buttons">
          <button type="button" className="button button-main" disabled={spent} onClick={() => begin("approve")}>Approve <kbd>a</kbd></button>
          <button type="button" className="button" onClick={() => begin("deny")}>Deny <kbd>d</kbd></button>
          <span className="quiet small">Once, for exactly this action. Your reason is recorded{shown.you.signed ? ", and your passkey signs it" : ""}.</span>
        </div>
      ) : null}
    </section>
  );
}
