/**
 * Puts a graph in layers, from what came first on the left to what came of it on the right. Pure.
 *
 * It is a generator that stops between its steps, so that whoever runs it can let the page breathe: a worker would need an address
 * that the pages' policy lets nobody make.
 */

import type { Graph } from "./graph.ts";

export const [BOX_WIDTH, BOX_HEIGHT] = [176, 42];
export const [LAYER, ROW] = [256, 58];

const SWEEPS = 24;
const MOVES = 4;

export interface Placed {
  readonly id: string;
  readonly x: number;
  y: number;
}

export interface Layout {
  readonly places: ReadonlyMap<string, Placed>;
  /** Are the layers from left to right, each from above to below. */
  readonly layers: readonly (readonly Placed[])[];
  readonly width: number;
  readonly height: number;
}

export const EMPTY: Layout = { places: new Map(), layers: [], width: 0, height: 0 };

/** Lists nodes so that each comes behind all that lead to it, but for one edge of each circle. */
function sorted(graph: Graph): string[] {
  const seen = new Set<string>();
  const behind: string[] = [];
  for (const root of [...graph.nodes.keys()].sort()) {
    const path: { id: string; ends: Iterator<string> }[] = [];
    const enter = (id: string) => { seen.add(id); path.push({ id, ends: [...(graph.out.get(id) ?? [])].sort()[Symbol.iterator]() }); };
    if (!seen.has(root)) enter(root);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const next = top.ends.next();
      if (next.done) { behind.push(top.id); path.pop(); }
      else if (!seen.has(next.value)) enter(next.value);
    }
  }
  return behind.reverse();
}

/** Gives each node its layer: one more than the last of those that lead to it. An edge that closes a circle leads back, and counts for nothing. */
function layered(graph: Graph): string[][] {
  const ids = sorted(graph);
  const layer = new Map<string, number>();
  for (const id of ids) {
    const before = [...(graph.into.get(id) ?? [])].flatMap((from) => layer.get(from) ?? []);
    layer.set(id, Math.max(-1, ...before) + 1);
  }
  // What nothing leads to stands right before what it leads to, and not at the far left.
  for (const id of ids) {
    const after = [...(graph.out.get(id) ?? [])].flatMap((to) => layer.get(to) ?? []);
    if ((graph.into.get(id)?.size ?? 0) === 0 && after.length > 0) layer.set(id, Math.min(...after) - 1);
  }
  const layers: string[][] = [];
  for (const id of ids) (layers[layer.get(id) ?? 0] ??= []).push(id);
  return Array.from(layers, (one) => one ?? []).filter((one) => one.length > 0);
}

function mean(ends: ReadonlySet<string> | undefined, of: (id: string) => number | undefined, otherwise: number): number {
  if (!ends || ends.size === 0) return otherwise;
  let sum = 0;
  for (const end of ends) sum += of(end) ?? otherwise;
  return sum / ends.size;
}

/** Orders the layers so that few edges cross: each node goes to the middle of those that it is tied to on one side. */
function* untangled(graph: Graph, layers: string[][]): Generator<undefined, void> {
  const at = new Map<string, number>();
  const number = (layer: readonly string[]) => layer.forEach((id, n) => at.set(id, n / Math.max(1, layer.length - 1)));
  layers.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forth = sweep % 2 === 0;
    for (const layer of forth ? layers : [...layers].reverse()) {
      const wish = new Map(layer.map((id) => [id, mean((forth ? graph.into : graph.out).get(id), (end) => at.get(end), at.get(id) ?? 0)]));
      layer.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0));
      number(layer);
      yield;
    }
  }
}

/** Moves a layer's nodes towards where they wish to be, and keeps them in order and apart. */
function moved(layer: readonly Placed[], wish: (node: Placed) => number): void {
  let above = -Infinity;
  for (const node of layer) { node.y = Math.max(wish(node), above + ROW); above = node.y; }
  // Whoever was pushed down pushes the others up half as far.
  const drift = layer.reduce((sum, node) => sum + node.y - wish(node), 0) / Math.max(1, layer.length);
  for (const node of layer) node.y -= drift;
}

function* straightened(graph: Graph, layers: readonly Placed[][], places: ReadonlyMap<string, Placed>): Generator<undefined, void> {
  for (let move = 0; move < MOVES; move += 1) {
    const forth = move % 2 === 0;
    for (const layer of forth ? layers : [...layers].reverse()) {
      const wishes = new Map(layer.map((node) => [node.id, mean((forth ? graph.into : graph.out).get(node.id), (end) => places.get(end)?.y, node.y)]));
      moved(layer, (node) => wishes.get(node.id) ?? node.y);
      yield;
    }
  }
}

/** Places a graph, a step at a time. */
export function* laidOut(graph: Graph): Generator<undefined, Layout> {
  const ids = layered(graph);
  yield;
  yield* untangled(graph, ids);
  const layers = ids.map((layer, n) => layer.map((id, row): Placed => ({ id, x: n * LAYER, y: (row - (layer.length - 1) / 2) * ROW })));
  const places = new Map(layers.flat().map((node) => [node.id, node]));
  yield* straightened(graph, layers, places);
  const top = layers.flat().reduce((least, { y }) => Math.min(least, y), Infinity);
  const end = layers.flat().reduce((most, { y }) => Math.max(most, y), -Infinity);
  for (const node of layers.flat()) node.y -= top;
  if (layers.length === 0) return EMPTY;
  return { places, layers, width: (layers.length - 1) * LAYER + BOX_WIDTH, height: end - top + BOX_HEIGHT };
}

/** Is how long one stretch of work may take before the page is drawn again, in milliseconds. */
const BREATH_MS = 8;

/** Runs what stops between its steps, and lets the page be drawn in between. Returns a way to give it up. */
export function inBreaths<T>(work: Generator<undefined, T>, done: (result: T) => void): () => void {
  let frame = 0;
  const go = () => {
    const until = performance.now() + BREATH_MS;
    for (;;) {
      const step = work.next();
      if (step.done) { done(step.value); return; }
      if (performance.now() > until) { frame = requestAnimationFrame(go); return; }
    }
  };
  frame = requestAnimationFrame(go);
  return () => cancelAnimationFrame(frame);
}
