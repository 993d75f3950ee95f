import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { type Bytes, concat, equal, fromBase64, toHex, utf8 } from "../../src/verify/bytes.ts";
import { isConsistent, isIncluded, leafHash, nodeHash } from "../../src/verify/merkle.ts";
import { isSignedBy, parseCheckpoint, parseVerifier } from "../../src/verify/note.ts";
import { Tree, tilePath } from "../../src/verify/tiles.ts";

const DATA = join(import.meta.dirname, "../../../crates/tlog/testdata");
const TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";

interface Vector {
  readonly desc: string;
  readonly wantErr: boolean;
  readonly proof: string[] | null;
  readonly leafIdx: number; readonly treeSize: number; readonly root: string; readonly leafHash: string;
  readonly size1: number; readonly size2: number; readonly root1: string; readonly root2: string;
}

function vectors(kind: string): Vector[] {
  const folder = join(DATA, "merkle", kind);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json"));
  return files.map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Vector);
}

test("inclusion proofs hold exactly where the vectors say so", async () => {
  const all = vectors("inclusion");
  assert.ok(all.length >= 90, String(all.length));
  for (const v of all) {
    const proof = (v.proof ?? []).map(fromBase64);
    const holds = await isIncluded(v.leafIdx, v.treeSize, fromBase64(v.leafHash), proof, fromBase64(v.root));
    assert.equal(holds, !v.wantErr, `${v.desc}: ${v.leafIdx} of ${v.treeSize}`);
  }
});

test("consistency proofs hold exactly where the vectors say so", async () => {
  const all = vectors("consistency");
  assert.ok(all.length >= 90, String(all.length));
  for (const v of all) {
    const proof = (v.proof ?? []).map(fromBase64);
    const holds = await isConsistent(v.size1, v.size2, fromBase64(v.root1), fromBase64(v.root2), proof);
    assert.equal(holds, !v.wantErr, `${v.desc}: ${v.size1} in ${v.size2}`);
  }
});

test("a checkpoint of software from elsewhere is read and its signature holds, and no other does", async () => {
  const key = await parseVerifier(TESSERA_KEY);
  const note = readFileSync(join(DATA, "tessera-log/log/checkpoint"), "utf8");
  const checkpoint = parseCheckpoint(note);
  assert.deepEqual([checkpoint.origin, checkpoint.size], ["example.com/log/testdata", 15]);
  assert.ok(await isSignedBy(checkpoint, key));
  assert.ok(!(await isSignedBy(parseCheckpoint(note.replace("\n15\n", "\n14\n")), key)));
  assert.ok(!(await isSignedBy(checkpoint, { ...key, key: key.key.map((byte, at) => (at === 0 ? byte ^ 1 : byte)) as Bytes })));
  await assert.rejects(parseVerifier(TESSERA_KEY.replace("33d7b496", "33d7b497")), /identity/u);
  for (const wrong of ["", "a\n1\n", note.slice(0, -1), note.replace("15", "015"), note.replace("15", "-1"), note.replace("— ", "- ")]) {
    assert.throws(() => parseCheckpoint(wrong), Error, JSON.stringify(wrong.slice(0, 40)));
  }
});

test("a witness's cosignature holds over its own time alone", async () => {
  const policy = readFileSync(join(DATA, "cosigned/policy"), "utf8");
  const proof = readFileSync(join(DATA, "cosigned/entry-3.tlog-proof"), "utf8");
  const checkpoint = parseCheckpoint(proof.slice(proof.indexOf("\n\n") + 2));
  const key = async (line: RegExp) => parseVerifier(line.exec(policy)?.[1] ?? "");
  const witness = await key(/^witness ed (\S+)/mu);
  assert.ok(await isSignedBy(checkpoint, await key(/^log (\S+)/mu)));
  assert.ok(await isSignedBy(checkpoint, witness));
  const later = checkpoint.signatures.map((one) => {
    const signature = one.signature.slice() as Bytes;
    signature[7] = (signature[7] ?? 0) ^ 1;
    return { ...one, signature };
  });
  assert.ok(!(await isSignedBy({ ...checkpoint, signatures: later }, witness)));
  const lines = proof.split("\n");
  const hashes = lines.slice(2, lines.indexOf("")).map(fromBase64);
  assert.ok(hashes.length > 0 && checkpoint.size === 5);
});

test("proofs out of tiles from elsewhere hold against its checkpoints", async () => {
  const key = await parseVerifier(TESSERA_KEY);
  const read = async (path: string) => new Uint8Array(readFileSync(join(DATA, "tessera-log/log", path)));
  const at = (size: number) => parseCheckpoint(readFileSync(join(DATA, `tessera-log/log/checkpoint.${size}`), "utf8"));
  const last = at(15);
  const tree = new Tree(15, read);
  assert.ok(equal(await tree.range(0, 15), last.root));
  for (let index = 0; index < 15; index += 1) {
    assert.ok(await isIncluded(index, 15, await tree.leaf(index), await tree.inclusion(index), last.root), String(index));
  }
  for (let size = 1; size <= 15; size += 1) {
    const earlier = at(size);
    assert.ok(await isSignedBy(earlier, key));
    assert.ok(await isConsistent(size, 15, earlier.root, last.root, await tree.consistency(size)), String(size));
  }
});

/** Builds every tile of a tree whose leaves are numbers. */
async function tiles(size: number): Promise<Map<string, Bytes>> {
  const made = new Map<string, Bytes>();
  let hashes = await Promise.all(Array.from({ length: size }, (_, index) => leafHash(utf8(String(index)))));
  for (let level = 0; hashes.length > 0; level += 1) {
    for (let at = 0; at < hashes.length; at += 256) {
      made.set(tilePath(level, at, size), concat(...hashes.slice(at, at + 256)));
    }
    const above: Bytes[] = [];
    for (let at = 0; at + 256 <= hashes.length; at += 256) {
      let row = hashes.slice(at, at + 256);
      while (row.length > 1) {
        row = await Promise.all(Array.from({ length: row.length / 2 }, (_, i) => nodeHash(row[2 * i] as Bytes, row[2 * i + 1] as Bytes)));
      }
      above.push(row[0] as Bytes);
    }
    hashes = above;
  }
  return made;
}

test("a tree of several tile levels proves its leaves and its past", async () => {
  const size = 1_337;
  const made = await tiles(size);
  assert.deepEqual([...made.keys()].sort(), [
    "tile/0/000", "tile/0/001", "tile/0/002", "tile/0/003", "tile/0/004", "tile/0/005.p/57", "tile/1/000.p/5",
  ]);
  const tree = new Tree(size, async (path) => made.get(path) ?? assert.fail(path));
  const root = await tree.range(0, size);
  for (const index of [0, 255, 256, 511, 1_023, 1_280, 1_336]) {
    const proof = await tree.inclusion(index);
    assert.ok(await isIncluded(index, size, await leafHash(utf8(String(index))), proof, root), String(index));
    assert.ok(!(await isIncluded(index, size, await leafHash(utf8("x")), proof, root)), String(index));
  }
  for (const first of [1, 255, 256, 257, 512, 1_024, 1_336, 1_337]) {
    const earlier = await new Tree(first, async (path) => (await tiles(first)).get(path) ?? assert.fail(path)).range(0, first);
    assert.ok(await isConsistent(first, size, earlier, root, await tree.consistency(first)), String(first));
  }
});

test("tiles have the paths of the specification", () => {
  assert.equal(tilePath(0, 1_234_067 * 256, 2 ** 40), "tile/0/x001/x234/067");
  assert.equal(tilePath(0, 0, 1), "tile/0/000.p/1");
  assert.equal(tilePath(1, 3, 70_000), "tile/1/000");
  assert.equal(tilePath(1, 260, 70_000), "tile/1/001.p/17");
});

test("bytes and texts", () => {
  assert.equal(toHex(utf8("aé")), "61c3a9");
  assert.throws(() => fromBase64("a"), /base64/u);
});
