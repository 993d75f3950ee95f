/** Proofs out of a log's tiles (C2SP `tlog-tiles`). What they say is worth nothing until a proof is checked. */

import type { Bytes } from "./bytes.ts";
import { nodeHash } from "./merkle.ts";

const WIDTH = 256;

/** Reads a tile by its path below the log, such as `tile/0/000.p/12`. */
export type ReadTile = (path: string) => Promise<Bytes>;

function number(index: number): string {
  const groups: string[] = [];
  let rest = index;
  do {
    groups.unshift(String(rest % 1_000).padStart(3, "0"));
    rest = Math.floor(rest / 1_000);
  } while (rest > 0);
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
}

/** Names the tile of a level that holds a hash, in a tree of a size. */
export function tilePath(level: number, index: number, size: number): string {
  const hashes = Math.floor(size / WIDTH ** level);
  const tile = Math.floor(index / WIDTH);
  const width = Math.min(WIDTH, hashes - tile * WIDTH);
  return `tile/${level}/${number(tile)}${width < WIDTH ? `.p/${width}` : ""}`;
}

/** Computes hashes of a tree of a size out of its tiles. */
export class Tree {
  readonly size: number;
  readonly #read: ReadTile;
  readonly #tiles = new Map<string, Promise<Bytes>>();

  constructor(size: number, read: ReadTile) {
    this.size = size;
    this.#read = read;
  }

  #tile(path: string): Promise<Bytes> {
    const known = this.#tiles.get(path) ?? this.#read(path);
    this.#tiles.set(path, known);
    return known;
  }

  /** Returns the hash of the complete subtree of 2^height leaves that begins at index × 2^height. */
  async #complete(height: number, index: number): Promise<Bytes> {
    const level = Math.floor(height / 8);
    const span = 2 ** (height - level * 8);
    if (span === 1) {
      const path = tilePath(level, index, this.size);
      const at = (index % WIDTH) * 32;
      const hash = (await this.#tile(path)).slice(at, at + 32);
      if (hash.length !== 32) throw new Error(`${path} is shorter than the tree`);
      return hash;
    }
    return nodeHash(await this.#complete(height - 1, index * 2), await this.#complete(height - 1, index * 2 + 1));
  }

  /** Returns the root over the leaves from one index to another (RFC 9162, 2.1.1). */
  async range(from: number, to: number): Promise<Bytes> {
    const count = to - from;
    const height = Math.ceil(Math.log2(count));
    if (2 ** height === count && from % count === 0) return this.#complete(height, from / count);
    const left = split(count);
    return nodeHash(await this.range(from, from + left), await this.range(from + left, to));
  }

  leaf(index: number): Promise<Bytes> {
    return this.#complete(0, index);
  }

  /** Returns the proof that the tree has its leaf at an index (RFC 9162, 2.1.3.1). */
  async inclusion(index: number, from = 0, to = this.size): Promise<Bytes[]> {
    if (to - from <= 1) return [];
    const middle = from + split(to - from);
    return index < middle
      ? [...(await this.inclusion(index, from, middle)), await this.range(middle, to)]
      : [...(await this.inclusion(index, middle, to)), await this.range(from, middle)];
  }

  /** Returns the proof that the tree begins with the tree of its first leaves (RFC 9162, 2.1.4.1). */
  async consistency(first: number, from = 0, to = this.size, whole = true): Promise<Bytes[]> {
    if (first === to) return whole ? [] : [await this.range(from, to)];
    const middle = from + split(to - from);
    return first <= middle
      ? [...(await this.consistency(first, from, middle, whole)), await this.range(middle, to)]
      : [...(await this.consistency(first, middle, to, false)), await this.range(from, middle)];
  }
}

/** Returns the largest power of two below a count. */
function split(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}
