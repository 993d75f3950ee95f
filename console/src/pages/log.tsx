/** The log: what is published, who has signed and seen it, verified in this browser. */

import { type FormEvent, useCallback, useEffect, useState } from "react";

import type { Schema } from "../api/client.ts";
import { useEvents, useResource } from "../api/use.ts";
import { Text } from "../render/Text.tsx";
import { Ago, Command, Copy, Digest, Note, PageHead, Pill, ProblemNote } from "../ui/parts.tsx";
import { dateTime, many } from "../ui/words.ts";
import { toBase64 } from "../verify/bytes.ts";
import { type Check, type LiveLog, recall, type Verified, verifyLog, verifyRecord } from "../verify/log.ts";
import { parseVerifier } from "../verify/note.ts";
import { State } from "./proof.tsx";

function Trust({ log, pinned, onPin }: { log: LiveLog; pinned: readonly string[]; onPin: (keys: string[]) => void }) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState("");
  const same = [...pinned].sort().join() === [...log.keys].sort().join();
  const pin = (event: FormEvent) => {
    event.preventDefault();
    parseVerifier(text).then(
      () => { onPin([text.trim()]); setText(""); setWrong(""); },
      (error: unknown) => setWrong(error instanceof Error ? error.message : String(error)),
    );
  };
  return (
    <section className="card stack">
      <h2>Whom this browser trusts</h2>
      <ul className="stack-s">{pinned.map((key) => <li key={key}><Copy text={key} label="verifier key" /></li>)}</ul>
      {same ? (
        <p className="quiet small">This is the key that the server itself names. It proves more once you have compared it with one from elsewhere, as <code>countersign log key</code> prints it.</p>
      ) : (
        <Note tone="ask">The server names another key now: {log.keys.join(", ")}</Note>
      )}
      <details>
        <summary>Trust another key</summary>
        <form className="stack-s" onSubmit={pin}>
          <label className="field"><span>Verifier key</span><input className="input mono" value={text} onChange={(event) => setText(event.target.value)} spellCheck={false} placeholder="name+id+base64" /></label>
          {wrong ? <div role="alert" className="note tone-bad">{wrong}</div> : null}
          <div><button type="submit" className="button" disabled={text.trim() === ""}>Trust it</button></div>
        </form>
      </details>
    </section>
  );
}

function Checks({ verified }: { verified: Verified }) {
  return (
    <ul className="checks">
      {verified.checks.map((check) => (
        <li key={check.name} className={`check check-${check.state}`}>
          <strong>{check.name}</strong>
          <State state={check.state} />
          <span className="quiet small mono-wrap">{check.says}</span>
        </li>
      ))}
    </ul>
  );
}

function Witnesses({ log, verified }: { log: LiveLog; verified: Verified | undefined }) {
  const share = log.size > 0 ? (log.witnessed ?? 0) / log.size : 0;
  return (
    <section className="card stack">
      <h2>Witnesses</h2>
      {log.witnessed == null ? (
        <Note tone="ask">Nobody cosigns this log. Somebody who holds its key and the whole disk could rewrite it, and only browsers that have seen it would notice.</Note>
      ) : (
        <>
          <div className="meter" role="img" aria-label={`${log.witnessed} of ${log.size} records cosigned`}><i style={{ width: `${share * 100}%` }} /></div>
          <p>A quorum has cosigned <strong className="num">{log.witnessed}</strong> of <span className="num">{log.size}</span> records.</p>
          <ul className="list">
            {(verified?.cosigners ?? []).map(({ name, state }) => (
              <li key={name} className="list-row"><span className="mono">{name}</span><span className="quiet small"><Text>{log.witness_failures[name] ?? (state === "open" ? "a kind of signature that browsers do not check" : "")}</Text></span><State state={state} /></li>
            ))}
          </ul>
        </>
      )}
      {log.dated == null ? null : <p className="quiet">Time-stamped: {log.dated} records{log.dated_by ? `, ${log.dated_by}` : ""}.</p>}
    </section>
  );
}

function Lookup({ size }: { size: number }) {
  const [index, setIndex] = useState("");
  const [check, setCheck] = useState<Check>();
  const look = (event: FormEvent) => {
    event.preventDefault();
    const from = Number(index);
    fetch(`/v1/records?from=${from}&limit=1`).then((answer) => answer.json() as Promise<Schema<"Records">>).then((found) => {
      const record = found.records[0];
      return record ? verifyRecord(record.index, record.hash) : { name: "", state: "open", says: "The journal has no such record." } as const;
    }).then(setCheck, (error: unknown) => setCheck({ name: "", state: "bad", says: String(error) }));
  };
  return (
    <section className="card stack">
      <h2>Prove one record</h2>
      <form className="row" onSubmit={look}>
        <label className="grow"><span className="hidden-label">Index of the record</span><input className="input mono" inputMode="numeric" pattern="[0-9]+" placeholder={`0 to ${Math.max(0, size - 1)}`} value={index} onChange={(event) => setIndex(event.target.value)} /></label>
        <button type="submit" className="button" disabled={!/^[0-9]+$/u.test(index)}>Prove it</button>
      </form>
      {check ? <p role="status" className="row"><State state={check.state} /><span>{check.says}</span></p> : null}
    </section>
  );
}

function Logs() {
  const logs = useResource<Schema<"Logs">>("/v1/logs");
  if (!logs.data || logs.data.logs.length < 2) return null;
  return (
    <section className="card">
      <h2>All logs</h2>
      <ul className="list">
        {logs.data.logs.map((log) => (
          <li key={log.number} className="list-row"><span><strong>{log.number}</strong> <span className="mono small">{log.origin}</span></span><span className="quiet small">{many(log.size, "record")}{log.first ? ` since ${dateTime(log.first)}` : ""}</span><Pill>{log.state}</Pill></li>
        ))}
      </ul>
    </section>
  );
}

/** Draws how many records came in each of the last minutes. */
function Pulse() {
  const events = useEvents();
  const last = events.at(-1)?.at ?? 0;
  const first = events[0]?.at ?? 0;
  const bars = 48;
  const width = Math.max(1_000, (last - first) / bars);
  const counts = Array.from({ length: bars }, () => 0);
  for (const event of events) {
    const at = Math.min(bars - 1, Math.floor((event.at - first) / width));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  const most = Math.max(1, ...counts);
  if (events.length < 2) return null;
  return (
    <figure className="pulse" aria-label={`${events.length} records between ${dateTime(first)} and ${dateTime(last)}`} role="img">
      {counts.map((count, key) => <i key={key} style={{ height: `${Math.max(2, (count / most) * 100)}%` }} className={count > 0 ? "" : "none"} />)}
    </figure>
  );
}

export function LogPage() {
  const live = useResource<LiveLog>("/v1/log", (event) => event.index % 8 === 0);
  const [verified, setVerified] = useState<Verified>();
  const [failed, setFailed] = useState("");
  const [pinned, setPinned] = useState<readonly string[]>();
  const log = live.data;
  const origin = log?.origin;
  useEffect(() => {
    if (log && pinned === undefined) setPinned(recall(log.origin)?.keys ?? log.keys);
  }, [log, pinned]);
  const check = useCallback(() => {
    if (!log || !pinned) return;
    setFailed("");
    verifyLog(log, pinned).then(setVerified, (error: unknown) => setFailed(error instanceof Error ? error.message : String(error)));
  }, [log, pinned]);
  // Verified when the page opens and when the trust changes; the log goes on meanwhile.
  useEffect(() => { check(); }, [origin, pinned]);
  if (!log || !pinned) return live.problem ? <ProblemNote problem={live.problem} /> : null;
  const checkpoint = verified?.checkpoint;
  const bad = verified?.checks.some((one) => one.state === "bad") ?? false;
  return (
    <div className="page">
      <PageHead title="Log" aside={<button type="button" className="button" onClick={check}>Verify again</button>}>
        Everything that was decided and done, in one tree that nobody can change without it showing.
      </PageHead>
      {log.frozen ? <Note tone="bad">The log is frozen: its keys may be in other hands, and nothing more is recorded.</Note> : null}
      {failed ? <div role="alert"><Note tone="bad">It could not be verified: <Text>{failed}</Text></Note></div> : null}
      <section className={`card hero ${bad ? "hero-bad" : ""}`}>
        <div>
          <p className="figure num">{(checkpoint?.size ?? log.size).toLocaleString("en")}</p>
          <p className="quiet">records in the checkpoint that this browser {bad ? "does not accept" : "has verified"}</p>
        </div>
        <Pulse />
      </section>
      {verified ? <section className="card"><h2>Verified in this browser</h2><Checks verified={verified} /></section> : null}
      <Witnesses log={log} verified={verified} />
      <Trust log={log} pinned={pinned} onPin={setPinned} />
      <Lookup size={log.size} />
      {checkpoint ? (
        <section className="card stack">
          <h2>Checkpoint</h2>
          <dl className="facts">
            <dt>Log</dt><dd className="mono">{checkpoint.origin}</dd>
            <dt>Size</dt><dd className="num">{checkpoint.size}</dd>
            <dt>Root</dt><dd><Digest of={toBase64(checkpoint.root)} label="root" /></dd>
            <dt>Signed by</dt><dd>{checkpoint.signatures.map(({ name }) => name).join(", ")}</dd>
            {log.dated_by ? null : <><dt>Last record</dt><dd><LastRecord /></dd></>}
          </dl>
          <p className="quiet">The same with the auditor's program, from the published files alone:</p>
          <Command label="the command">{`countersign-verify countersign/data/log --key "${pinned[0] ?? ""}"`}</Command>
        </section>
      ) : null}
      <Logs />
    </div>
  );
}

function LastRecord() {
  const last = useEvents().at(-1);
  return last ? <>{last.index}, <Ago at={last.at} /></> : <>none seen yet</>;
}
