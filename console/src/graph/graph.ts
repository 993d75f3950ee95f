/** A graph of lineage as a page keeps it: put together from several answers, and walked in either direction. Pure. */

import type { AnsweredGraph, AnsweredNode, Kind } from "../api/lineage.ts";

export interface Node {
  readonly id: string;
  readonly kind: Kind;
  /** Is its name as somebody wrote it. */
  readonly name: string;
  /** Is what it belongs to, as somebody wrote it: a namespace, or the dataset of a column. */
  readonly of: string;
}

export interface Graph {
  readonly nodes: ReadonlyMap<string, Node>;
  /** Are the ids that a node leads to. */
  readonly out: ReadonlyMap<string, ReadonlySet<string>>;
  /** Are the ids that lead to a node. */
  readonly into: ReadonlyMap<string, ReadonlySet<string>>;
}

export type Direction = "both" | "up" | "down";

export const NOTHING: Graph = { nodes: new Map(), out: new Map(), into: new Map() };

function named({ id, type, data }: AnsweredNode): Node {
  if (type === "DATASET_FIELD") return { id, kind: type, name: data.field ?? id, of: data.dataset ?? "" };
  if (type === "MODEL") return { id, kind: type, name: typeof data.id === "string" ? data.id : id, of: "" };
  if (type === "FEATURE" || type === "VERSION") return { id, kind: type, name: `${data.name ?? id} ${String(data.version)}`, of: "" };
  if (type === "DEPLOYMENT") return { id, kind: type, name: data.target ?? id, of: `${data.name ?? ""} ${String(data.version)}` };
  return { id, kind: type, name: data.name ?? id, of: data.namespace ?? "" };
}

function link(edges: Map<string, Set<string>>, from: string, to: string): void {
  const known = edges.get(from);
  if (known) known.add(to);
  else edges.set(from, new Set([to]));
}

/** Adds an answer to a graph. In answers about columns each edge begins at the node that it stands at, also one that leads to it. */
export function merged(graph: Graph, answer: AnsweredGraph): Graph {
  const nodes = new Map(graph.nodes);
  for (const node of answer.graph) nodes.set(node.id, named(node));
  const copy = (edges: Graph["out"]) => new Map([...edges].map(([id, ends]) => [id, new Set(ends)]));
  const [out, into] = [copy(graph.out), copy(graph.into)];
  const add = (from: string, to: string) => {
    if (from === to || !nodes.has(from) || !nodes.has(to)) return;
    link(out, from, to);
    link(into, to, from);
  };
  for (const { id, inEdges, outEdges } of answer.graph) {
    for (const { origin, destination } of inEdges) add(origin === id ? destination : origin, id);
    for (const { origin, destination } of outEdges) add(id, destination === id ? origin : destination);
  }
  return { nodes, out, into };
}

/** Returns what a node came of (`up`) or what came of it (`down`), with itself. */
export function reached(graph: Graph, from: string, way: "up" | "down"): Set<string> {
  const edges = way === "up" ? graph.into : graph.out;
  const found = new Set([from]);
  const waiting = [from];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const end of edges.get(next) ?? []) {
      if (!found.has(end)) { found.add(end); waiting.push(end); }
    }
  }
  return found;
}

/** Leaves of a graph what is in one direction of a node. */
export function towards(graph: Graph, from: string, direction: Direction): Graph {
  if (direction === "both") return graph;
  const kept = reached(graph, from, direction);
  const within = (edges: Graph["out"]) => new Map([...edges].filter(([id]) => kept.has(id)).map(([id, ends]) => [id, new Set([...ends].filter((end) => kept.has(end)))]));
  return { nodes: new Map([...graph.nodes].filter(([id]) => kept.has(id))), out: within(graph.out), into: within(graph.into) };
}

/** Lists what is next to a node, by name. */
export function beside(graph: Graph, id: string, way: "up" | "down"): Node[] {
  const ends = [...((way === "up" ? graph.into : graph.out).get(id) ?? [])];
  return ends.flatMap((end) => graph.nodes.get(end) ?? []).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Lists the nodes behind which more may be: those that an answer reached last.
 *
 * - `asked`: what was asked for, with how many jobs away; an answer holds the datasets of the last job too.
 */
export function openEnds(graph: Graph, asked: ReadonlyMap<string, number>): Set<string> {
  const found = new Set<string>();
  for (const edges of [graph.into, graph.out]) {
    const [last, inner] = [new Set<string>(), new Set(asked.keys())];
    for (const [root, jobs] of asked) {
      const steps = 2 * jobs + (graph.nodes.get(root)?.kind === "JOB" ? 1 : 2);
      const far = new Map([[root, 0]]);
      for (const [id, step] of far) {
        (step < steps ? inner : last).add(id);
        for (const end of step < steps ? (edges.get(id) ?? []) : []) if (!far.has(end)) far.set(end, step + 1);
      }
    }
    for (const id of last) if (!inner.has(id)) found.add(id);
  }
  return new Set([...found].filter((id) => ["DATASET", "JOB"].includes(graph.nodes.get(id)?.kind ?? "")));
}
