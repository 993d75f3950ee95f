/** Verifies the published log in this browser, and remembers what it has seen, as a witness of its own. */

import { get, getBytes, type Schema } from "../api/client.ts";
import { type Bytes, equal, fromBase64, fromHex, toBase64 } from "./bytes.ts";
import { isConsistent, isIncluded } from "./merkle.ts";
import { type Checkpoint, isSignedBy, parseCheckpoint, parseVerifier } from "./note.ts";
import { Tree } from "./tiles.ts";

export type LiveLog = Schema<"LiveLog">;

/** Is one thing that was checked. */
export interface Check {
  readonly name: string;
  readonly state: "good" | "bad" | "open";
  readonly says: string;
}

/** Is what this browser has seen of a log, and who may sign it. */
export interface Memory {
  readonly keys: readonly string[];
  readonly size: number;
  readonly root: string;
  readonly at: number;
}

const PREFIX = "countersign.log.";

export function recall(origin: string): Memory | undefined {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + origin) ?? "null") as Memory | undefined ?? undefined;
  } catch {
    return undefined;
  }
}

export function remember(origin: string, memory: Memory): void {
  localStorage.setItem(PREFIX + origin, JSON.stringify(memory));
}

async function readTile(path: string): Promise<Bytes> {
  return getBytes(`/log/${path}`);
}

async function readCheckpoint(): Promise<Checkpoint> {
  return parseCheckpoint(new TextDecoder().decode(await getBytes("/log/checkpoint")));
}

/** Says whether one of some keys has signed, and which cannot be judged. */
async function signedBy(checkpoint: Checkpoint, keys: readonly string[]): Promise<string | undefined> {
  for (const text of keys) {
    const key = await parseVerifier(text);
    if (key.name === checkpoint.origin && (await isSignedBy(checkpoint, key))) return text;
  }
  return undefined;
}

export interface Verified {
  readonly checks: readonly Check[];
  readonly checkpoint: Checkpoint | undefined;
  readonly tree: Tree | undefined;
  readonly cosigners: readonly { readonly name: string; readonly state: Check["state"] }[];
}

async function cosigners(checkpoint: Checkpoint, log: LiveLog): Promise<Verified["cosigners"]> {
  return Promise.all(log.witnesses.map(async (text) => {
    const key = await parseVerifier(text).catch(() => undefined);
    // WebCrypto speaks no ML-DSA: such a cosignature is left for `countersign-verify`.
    if (key?.kind !== 4) return { name: key?.name ?? text, state: "open" } as const;
    return { name: key.name, state: (await isSignedBy(checkpoint, key)) ? "good" : "bad" } as const;
  }));
}

async function past(checkpoint: Checkpoint, tree: Tree, before: Memory | undefined): Promise<Check> {
  const name = "It extends what this browser has seen";
  if (!before) return { name, state: "open", says: "This browser sees the log for the first time, and remembers it from now on." };
  const [size, root] = [before.size, fromBase64(before.root)];
  const when = new Date(before.at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  if (size > checkpoint.size) return { name, state: "bad", says: `It had ${size} records on ${when}, and has ${checkpoint.size} now.` };
  const proof = size === checkpoint.size ? [] : await tree.consistency(size);
  const holds = await isConsistent(size, checkpoint.size, root, checkpoint.root, proof);
  return holds
    ? { name, state: "good", says: `The ${size} records seen on ${when} are its first ones, by ${proof.length} hashes.` }
    : { name, state: "bad", says: `It is another log than the one of ${size} records seen on ${when}.` };
}

async function signature(checkpoint: Checkpoint, pinned: readonly string[]): Promise<Check> {
  const key = await signedBy(checkpoint, pinned);
  const name = "Its checkpoint is signed by a key that you trust";
  return key
    ? { name, state: "good", says: key }
    : { name, state: "bad", says: "None of the trusted keys has signed it. If the log's key was rotated, trust the new one once you know it from elsewhere." };
}

/** Verifies the log as it is published now. */
export async function verifyLog(log: LiveLog, pinned: readonly string[]): Promise<Verified> {
  const checkpoint = await readCheckpoint();
  const tree = new Tree(checkpoint.size, readTile);
  const root = equal(await tree.range(0, checkpoint.size), checkpoint.root);
  const before = recall(checkpoint.origin);
  const checks: Check[] = [
    await signature(checkpoint, pinned),
    {
      name: "Its tiles hash to the signed root",
      state: root ? "good" : "bad",
      says: root ? `${checkpoint.size} records, ${toBase64(checkpoint.root)}` : "The tiles are not those of the checkpoint.",
    },
    await past(checkpoint, tree, before),
  ];
  if (checks.every((check) => check.state !== "bad")) {
    remember(checkpoint.origin, { keys: pinned, size: checkpoint.size, root: toBase64(checkpoint.root), at: Date.now() });
  }
  return { checks, checkpoint, tree, cosigners: await cosigners(checkpoint, log) };
}

/** Says whether a record is in the log that a trusted key has signed. */
export async function verifyRecord(index: number, hash: string): Promise<Check> {
  const name = `Record ${index}`;
  const log = await get<LiveLog>("/v1/log");
  const checkpoint = await readCheckpoint();
  const pinned = recall(checkpoint.origin)?.keys ?? log.keys;
  if (index >= checkpoint.size) return { name, state: "open", says: "Not published yet; the next checkpoint covers it." };
  if (!(await signedBy(checkpoint, pinned))) return { name, state: "bad", says: "No trusted key has signed the checkpoint." };
  const proof = await new Tree(checkpoint.size, readTile).inclusion(index);
  const holds = await isIncluded(index, checkpoint.size, fromHex(hash), proof, checkpoint.root);
  return holds
    ? { name, state: "good", says: `in the signed log of ${checkpoint.size} records, by ${proof.length} hashes` }
    : { name, state: "bad", says: "The log does not hold it at this place." };
}
