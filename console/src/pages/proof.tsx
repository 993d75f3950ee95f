/** The proof of an action's records, checked in this browser. */

import { useEffect, useState } from "react";

import type { ActionPath } from "../api/client.ts";
import { Digest, Pill } from "../ui/parts.tsx";
import { type Check, verifyRecord } from "../verify/log.ts";

const WORDS = { good: ["proved", "good"], bad: ["not proved", "bad"], open: ["not yet", "plain"] } as const;

export function State({ state }: { state: Check["state"] }) {
  const [word, tone] = WORDS[state];
  return <Pill tone={tone}>{word}</Pill>;
}

const AGAIN_MS = 1_500;

/** Checks a record, and once more if it was not published yet. */
function useCheck(index: number, hash: string, live: boolean): Check | undefined {
  const [check, setCheck] = useState<Check>();
  useEffect(() => {
    if (!live) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const look = (tries: number) => {
      verifyRecord(index, hash).catch((error: unknown): Check => ({ name: "", state: "bad", says: String(error) })).then((check) => {
        if (over) return;
        setCheck(check);
        if (check.state === "open" && tries > 0) timer = setTimeout(() => look(tries - 1), AGAIN_MS);
      }, () => {});
    };
    look(3);
    return () => { over = true; clearTimeout(timer); };
  }, [index, hash, live]);
  return check;
}

function Row({ record }: { record: ActionPath["records"][number] }) {
  const live = record.log === undefined;
  const check = useCheck(record.index, record.hash, live);
  return (
    <li className="list-row">
      <span><strong className="num">{record.index}</strong> <span className="quiet">{record.kind.replaceAll("_", " ")}{record.erased ? ", content erased" : ""}</span></span>
      <span className="small quiet"><Digest of={record.hash} label={`hash of record ${record.index}`} /> {live ? check?.says : `in closed log ${record.log}, whose archive proves it`}</span>
      {check ? <State state={check.state} /> : null}
    </li>
  );
}

export function ProofCard({ path }: { path: ActionPath }) {
  return (
    <section className="card">
      <h2>Proof</h2>
      <p className="quiet">Each record, checked in this browser against the signed log, by code that shares nothing with the server's.</p>
      <ul className="list">{path.records.map((record) => <Row key={`${record.log}-${record.index}`} record={record} />)}</ul>
    </section>
  );
}
