/**
 * Merkle proofs of RFC 6962, checked apart from the product's own code: written from RFC 9162, section 2.1.
 *
 * Sizes are below 2^53, which a journal does not reach.
 */

import { type Bytes, concat, equal } from "./bytes.ts";

async function sha256(...parts: readonly Bytes[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

export function leafHash(leaf: Bytes): Promise<Bytes> {
  return sha256(Uint8Array.of(0), leaf);
}

export function nodeHash(left: Bytes, right: Bytes): Promise<Bytes> {
  return sha256(Uint8Array.of(1), left, right);
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function areHashes(hashes: readonly Bytes[]): boolean {
  return hashes.every((hash) => hash.length === 32);
}

/** Says whether a proof shows that a tree has a leaf at an index (RFC 9162, 2.1.3.2). */
export async function isIncluded(index: number, size: number, leaf: Bytes, proof: readonly Bytes[], root: Bytes): Promise<boolean> {
  if (!isSize(index) || !isSize(size) || index >= size || !areHashes([leaf, root, ...proof])) return false;
  let [fn, sn, hash] = [index, size - 1, leaf];
  for (const step of proof) {
    if (sn === 0) return false;
    if (isOdd(fn) || fn === sn) {
      hash = await nodeHash(step, hash);
      while (!isOdd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      hash = await nodeHash(hash, step);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && equal(hash, root);
}

function isPowerOfTwo(value: number): boolean {
  let rest = value;
  while (rest > 1 && !isOdd(rest)) rest = half(rest);
  return rest === 1;
}

/** Says whether a proof shows that a larger tree begins with a smaller one (RFC 9162, 2.1.4.2). */
export async function isConsistent(first: number, second: number, root1: Bytes, root2: Bytes, proof: readonly Bytes[]): Promise<boolean> {
  if (!isSize(first) || !isSize(second) || first > second || !areHashes(proof)) return false;
  // That a tree begins with an empty one says nothing of either.
  if (first === 0) return false;
  if (first === second) return proof.length === 0 && equal(root1, root2);
  const path = isPowerOfTwo(first) ? [root1, ...proof] : [...proof];
  const start = path.shift();
  if (!start) return false;
  let [fn, sn] = [first - 1, second - 1];
  while (isOdd(fn)) [fn, sn] = [half(fn), half(sn)];
  let [fr, sr] = [start, start];
  for (const step of path) {
    if (sn === 0) return false;
    if (isOdd(fn) || fn === sn) {
      [fr, sr] = [await nodeHash(step, fr), await nodeHash(step, sr)];
      while (!isOdd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      sr = await nodeHash(sr, step);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && equal(fr, root1) && equal(sr, root2);
}
