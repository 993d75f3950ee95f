import assert from "node:assert/strict";
import { test } from "node:test";

import type { AnsweredGraph, AnsweredNode } from "../../src/api/lineage.ts";
import { beside, type Graph, merged, NOTHING, openEnds, reached, towards } from "../../src/graph/graph.ts";
import { type Layout, laidOut, LAYER, ROW } from "../../src/graph/layout.ts";

function node(id: string, ends: readonly string[], from: readonly string[] = []): AnsweredNode {
  const outEdges = ends.map((destination) => ({ origin: id, destination }));
  const inEdges = from.map((origin) => ({ origin, destination: id }));
  return { id, type: id.startsWith("j") ? "JOB" : "DATASET", data: { name: `name of ${id}`, namespace: "ns" }, inEdges, outEdges };
}

function answer(...graph: AnsweredNode[]): AnsweredGraph {
  return { graph, truncated: false };
}

function layout(graph: Graph): Layout {
  const work = laidOut(graph);
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

const CHAIN = merged(NOTHING, answer(node("a", ["j1"]), node("j1", ["b"], ["a"]), node("b", ["j2"]), node("j2", ["c"]), node("c", [])));

/** A graph of so many nodes, each of which leads to two or three others behind it. */
function large(count: number): Graph {
  const ends = (n: number) => [2 * n + 1, 2 * n + 2, 3 * n + 40].filter((end) => end < count).map((end) => `n${end}`);
  return merged(NOTHING, answer(...Array.from({ length: count }, (_, n) => node(`n${n}`, ends(n)))));
}

/** Counts the pairs of edges that cross between neighbouring layers. */
function crossings(graph: Graph, { places }: Layout): number {
  const ends = [...graph.out].flatMap(([from, all]) => [...all].map((to) => [places.get(from)?.y ?? 0, places.get(to)?.y ?? 0] as const));
  let count = 0;
  ends.forEach(([a, b], n) => { for (const [c, d] of ends.slice(n + 1)) if ((a - c) * (b - d) < 0) count += 1; });
  return count;
}

test("answers are put together, and an edge that both ends tell is one", () => {
  const more = merged(CHAIN, answer(node("c", ["j3"]), node("j3", ["d"], ["c"]), node("d", [])));
  assert.equal(more.nodes.size, 7);
  assert.deepEqual([...(more.out.get("a") ?? [])], ["j1"]);
  assert.deepEqual(beside(more, "c", "up").map(({ id }) => id), ["j2"]);
  assert.deepEqual(beside(more, "c", "down").map(({ id }) => id), ["j3"]);
  assert.equal(CHAIN.nodes.size, 5, "the graph that was there is left as it was");
});

test("an edge to what is not in any answer is left out until it is", () => {
  const half = merged(NOTHING, answer(node("a", ["elsewhere"])));
  assert.equal(half.out.get("a"), undefined);
});

test("in answers about columns an edge that leads to a node begins at it too", () => {
  const column = (id: string, into: readonly string[], out: readonly string[]): AnsweredNode => ({
    id, type: "DATASET_FIELD", data: { field: id, dataset: "t", namespace: "ns" },
    inEdges: into.map((destination) => ({ origin: id, destination })), outEdges: out.map((destination) => ({ origin: id, destination })),
  });
  for (const told of [[column("x", [], ["y"]), column("y", ["x"], [])], [column("x", [], []), column("y", ["x"], [])], [column("x", [], ["y"]), column("y", [], [])]]) {
    const graph = merged(NOTHING, answer(...told));
    assert.deepEqual([...graph.out].map(([id, ends]) => [id, [...ends]]), [["x", ["y"]]]);
    assert.deepEqual([...graph.into].map(([id, ends]) => [id, [...ends]]), [["y", ["x"]]]);
  }
});

test("both directions are walked, also in a circle", () => {
  assert.deepEqual([...reached(CHAIN, "b", "up")].sort(), ["a", "b", "j1"]);
  assert.deepEqual([...reached(CHAIN, "b", "down")].sort(), ["b", "c", "j2"]);
  const circle = merged(NOTHING, answer(node("a", ["b"]), node("b", ["c"]), node("c", ["a"])));
  assert.equal(reached(circle, "a", "down").size, 3);
  assert.deepEqual([...towards(CHAIN, "b", "up").nodes.keys()].sort(), ["a", "b", "j1"]);
  assert.deepEqual([...(towards(CHAIN, "b", "up").out.get("b") ?? [])], []);
  assert.equal(towards(CHAIN, "b", "both"), CHAIN);
});

test("more may be behind what an answer reached last, and behind nothing that was asked for since", () => {
  const whole = [["a", "j1"], ["j1", "b"], ["b", "j2"], ["j2", "c"], ["c", "j3"], ["j3", "d"]] as const;
  const part = (...ids: string[]) => answer(...ids.map((id) => node(id, whole.filter(([from, to]) => from === id && ids.includes(to)).map(([, to]) => to))));
  const first = merged(NOTHING, part("a", "j1", "b"));
  assert.deepEqual([...openEnds(first, new Map([["a", 0]]))], ["b"]);
  const more = merged(first, part("a", "j1", "b", "j2", "c"));
  assert.deepEqual([...openEnds(more, new Map([["a", 0], ["b", 0]]))], ["c"]);
  assert.deepEqual([...openEnds(more, new Map([["a", 20]]))], [], "an answer that ends earlier has reached the end");
  assert.deepEqual([...openEnds(merged(NOTHING, part("b", "j2", "c")), new Map([["j2", 0]]))].sort(), ["b", "c"]);
});

test("what came of something stands to the right of it, and nothing stands on anything", () => {
  for (const graph of [CHAIN, large(400)]) {
    const { places, layers } = layout(graph);
    assert.equal(places.size, graph.nodes.size);
    for (const [id, ends] of graph.out) for (const end of ends) {
      assert.ok((places.get(id)?.x ?? 0) + LAYER <= (places.get(end)?.x ?? 0), `${id} before ${end}`);
    }
    for (const layer of layers) layer.forEach((one, at) => {
      const above = layer[at - 1];
      assert.ok(!above || one.y - above.y >= ROW - 1e-6, `${above?.id} and ${one.id}`);
    });
  }
});

test("a circle is laid out too, in the order in which it is entered", () => {
  const circle = merged(NOTHING, answer(node("a", ["b"]), node("b", ["c"]), node("c", ["a", "d"]), node("d", []), node("alone", [])));
  const { places } = layout(circle);
  assert.deepEqual(["a", "b", "c", "d"].map((id) => places.get(id)?.x), [0, LAYER, 2 * LAYER, 3 * LAYER]);
  assert.equal(places.size, 5);
});

test("what nothing leads to stands right before what came of it", () => {
  const late = merged(NOTHING, answer(node("a", ["b"]), node("b", ["c"]), node("c", ["d"]), node("d", []), node("late", ["d"])));
  assert.equal(layout(late).places.get("late")?.x, 2 * LAYER);
});

test("two chains are not drawn across each other", () => {
  const two = merged(NOTHING, answer(node("a1", ["b2"]), node("b2", ["c1"]), node("c1", []), node("a2", ["b1"]), node("b1", ["c2"]), node("c2", [])));
  const { places } = layout(two);
  const y = (id: string) => places.get(id)?.y ?? 0;
  assert.equal(Math.sign(y("a1") - y("a2")), Math.sign(y("b2") - y("b1")));
  assert.equal(Math.sign(y("b2") - y("b1")), Math.sign(y("c1") - y("c2")));
});

test("a comb whose names are shuffled is combed again", () => {
  const teeth = 24;
  const name = (side: string, n: number) => `${side}${String((n * 7) % teeth).padStart(2, "0")}`;
  const comb = Array.from({ length: teeth }, (_, n) => node(name("x", n), [n - 1, n, n + 1].filter((end) => end >= 0 && end < teeth).map((end) => name("y", end))));
  const graph = merged(NOTHING, answer(...comb, ...Array.from({ length: teeth }, (_, n) => node(name("y", n), []))));
  const crossed = crossings(graph, layout(graph));
  assert.ok(crossed < 200, `${crossed} crossings`);
});

test("the same graph is always laid out the same, and the layout stops often", () => {
  const graph = large(1_000);
  let [steps, longest] = [0, 0];
  const work = laidOut(graph);
  for (let began = performance.now(); !work.next().done; began = performance.now()) { steps += 1; longest = Math.max(longest, performance.now() - began); }
  assert.ok(steps >= 28 * layout(graph).layers.length, `${steps} steps`);
  assert.ok(longest < 500, `one step took ${longest} ms`);
  const places = (layout: Layout) => JSON.stringify([...layout.places]);
  assert.equal(places(layout(graph)), places(layout(graph)));
});
