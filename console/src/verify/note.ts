/** Signed notes and checkpoints (C2SP `signed-note`, `tlog-checkpoint`, `tlog-cosignature`), on WebCrypto's Ed25519. */

import { type Bytes, concat, equal, fromBase64, fromHex, utf8 } from "./bytes.ts";

/** Is who signs: a name, an identity of four bytes, and a public key of a kind. */
export interface Verifier {
  readonly name: string;
  readonly id: Bytes;
  readonly kind: number;
  readonly key: Bytes;
}

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Bytes;
  /** The signed text, with its last line break. */
  readonly text: string;
  readonly signatures: readonly { readonly name: string; readonly id: Bytes; readonly signature: Bytes }[];
}

const ED25519 = 1;
const COSIGNATURE = 4;

async function keyId(name: string, material: Bytes): Promise<Bytes> {
  const hash = await crypto.subtle.digest("SHA-256", concat(utf8(`${name}\n`), material));
  return new Uint8Array(hash).slice(0, 4);
}

/** Reads a verifier key, `name+id+base64`, and checks that its identity is its own. */
export async function parseVerifier(text: string): Promise<Verifier> {
  const [name, id, ...rest] = text.trim().split("+");
  const material = fromBase64(rest.join("+"));
  if (!name || !id || material.length < 2 || /\s/u.test(name)) throw new Error("this is no verifier key");
  const verifier = { name, id: fromHex(id), kind: material[0] ?? 0, key: material.slice(1) };
  if (!equal(verifier.id, await keyId(name, material))) throw new Error("the key's identity is not its own");
  return verifier;
}

/** Reads a checkpoint; nothing is believed of it until {@link isSignedBy} says so. */
export function parseCheckpoint(note: string): Checkpoint {
  const end = note.indexOf("\n\n");
  if (end < 0 || !note.endsWith("\n")) throw new Error("this is no signed note");
  const text = note.slice(0, end + 1);
  const [origin, size, root] = text.split("\n");
  if (!origin || !size || !/^(?:0|[1-9][0-9]{0,15})$/u.test(size) || !root) throw new Error("this is no checkpoint");
  const lines = note.slice(end + 2, -1).split("\n");
  const signatures = lines.map((line) => {
    const parts = /^\u2014 (\S+) (\S+)$/u.exec(line);
    const bytes = fromBase64(parts?.[2] ?? "-");
    if (bytes.length < 5) throw new Error("a signature is malformed");
    return { name: parts?.[1] ?? "", id: bytes.slice(0, 4), signature: bytes.slice(4) };
  });
  const hash = fromBase64(root);
  if (hash.length !== 32 || !Number.isSafeInteger(Number(size))) throw new Error("this is no checkpoint");
  return { origin, size: Number(size), root: hash, text, signatures };
}

async function isEd25519(key: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  if (key.length !== 32 || signature.length !== 64) return false;
  const imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, message);
}

function cosigned(time: Bytes, text: string): Bytes {
  const seconds = new DataView(time.buffer, time.byteOffset, 8).getBigUint64(0);
  return utf8(`cosignature/v1\ntime ${seconds}\n${text}`);
}

/** Says whether a verifier has signed a checkpoint; a kind that WebCrypto does not speak has not. */
export async function isSignedBy(checkpoint: Checkpoint, verifier: Verifier): Promise<boolean> {
  for (const { name, id, signature } of checkpoint.signatures) {
    if (name !== verifier.name || !equal(id, verifier.id)) continue;
    if (verifier.kind === ED25519) return isEd25519(verifier.key, signature, utf8(checkpoint.text));
    if (verifier.kind === COSIGNATURE && signature.length === 72) {
      return isEd25519(verifier.key, signature.slice(8), cosigned(signature.slice(0, 8), checkpoint.text));
    }
  }
  return false;
}
