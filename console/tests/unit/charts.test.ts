import assert from "node:assert/strict";
import { test } from "node:test";

import { literal, type Metric, ordered, type Run } from "../../src/api/mlflow.ts";
import { bounds, gaps, gapsTold, nearest, points, short, stretches, thinned, ticks } from "../../src/charts/curve.ts";
import { axis, columns } from "../../src/charts/parallel.ts";

function metrics(...values: readonly (number | "NaN")[]): Metric[] {
  return values.map((value, step) => ({ key: "loss", value, step, timestamp: 1_000 + step * 500 }));
}

test("a curve is parted where its values are no numbers, and no line goes over them", () => {
  const curve = points(metrics(3, 2, "NaN", "NaN", 1, "NaN", 0.5), "step");
  assert.deepEqual(stretches(curve).map((part) => part.map((point) => point.x)), [[0, 1], [4], [6]]);
  assert.deepEqual(gaps(curve), [{ from: 2, to: 3, count: 2 }, { from: 5, to: 5, count: 1 }]);
  assert.equal(gapsTold(curve, "step"), "3 values of 7 are not a number: steps 2 to 3, step 5");
  assert.equal(gapsTold(points(metrics(1, 2), "step"), "step"), "");
  assert.equal(gapsTold(points(metrics("NaN"), "step"), "step"), "1 value of 1 is not a number: step 0");
});

test("what has no number at all reaches nowhere, and what does not move is in the middle", () => {
  assert.equal(bounds([points(metrics("NaN", "NaN"), "step")]), undefined);
  const flat = bounds([points(metrics(2, 2), "step")]);
  assert.ok(flat && flat.y[0] < 2 && flat.y[1] > 2);
  const one = bounds([points(metrics(2), "step")]);
  assert.ok(one && one.x[0] < one.x[1]);
});

test("points are in the order of their steps or their time, whatever order they came in", () => {
  const late: Metric[] = [{ key: "a", value: 2, step: 5, timestamp: 100 }, { key: "a", value: 1, step: 1, timestamp: 900 }];
  assert.deepEqual(points(late, "step").map((point) => point.y), [1, 2]);
  assert.deepEqual(points(late, "time").map((point) => [point.x, point.y]), [[0, 2], [0.8, 1]]);
});

test("of many points the ends and every peak stay", () => {
  const many = points(Array.from({ length: 20_000 }, (_, step) => ({ key: "a", value: step === 7_777 ? 99 : step === 12_345 ? -99 : Math.sin(step / 50), step, timestamp: step })), "step");
  const kept = thinned(many, [0, 19_999], 600);
  assert.ok(kept.length <= 600 * 4 + 4, String(kept.length));
  const ys = kept.map((point) => point.y);
  assert.ok(ys.includes(99) && ys.includes(-99));
  assert.deepEqual([kept[0]?.x, kept.at(-1)?.x], [0, 19_999]);
  assert.ok(kept.every((point, at) => at === 0 || point.x > (kept[at - 1]?.x ?? 0)), "in order, none twice");
});

test("ticks are round, within their ends, and not too many", () => {
  assert.deepEqual(ticks([0, 10], 5), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(ticks([0.13, 0.42], 3), [0.2, 0.3, 0.4]);
  for (const ends of [[-3e-9, 4e-9], [1e12, 3e12], [5, 5], [0, 1e308]] as const) {
    const found = ticks(ends, 5);
    assert.ok(found.length > 0 && found.length <= 51 && found.every((tick) => tick >= ends[0] - 1e-12 && tick <= ends[1]), JSON.stringify([ends, found]));
  }
});

test("the nearest point is found, and numbers are short and not wrong", () => {
  const curve = points(metrics(3, "NaN", 1), "step");
  assert.equal(nearest(curve, 1.2)?.y, undefined);
  assert.equal(nearest(curve, 1.8)?.y, 1);
  assert.deepEqual([0, 0.1 + 0.2, 123_456, 1e-9, 2.5e7].map(short), ["0", "0.3", "123460", "1.00e-9", "2.50e7"]);
});

function run(id: string, params: Record<string, string>, logged: Record<string, number | string>): Run {
  return {
    info: { run_id: id, run_name: id, experiment_id: "0", user_id: "", status: "FINISHED", start_time: 0 },
    data: {
      params: Object.entries(params).map(([key, value]) => ({ key, value })),
      metrics: Object.entries(logged).map(([key, value]) => ({ key, value, step: 0, timestamp: 0 })),
    },
    inputs: {},
  };
}

test("an axis of numbers reaches from the least to the most, and one of words has a place for each", () => {
  const runs = [run("a", { depth: "2", kind: "tree" }, { f1: 0.5 }), run("b", { depth: "6", kind: "forest" }, { f1: 0.9 }), run("c", {}, { f1: "NaN" })];
  assert.deepEqual(columns(runs).map(({ key }) => key), ["f1", "depth", "kind"]);
  const depth = axis(runs, { field: "params", key: "depth" }, short);
  assert.deepEqual([depth?.kind, runs.map((run) => depth?.place(run))], ["numbers", [0, 1, undefined]]);
  const kind = axis(runs, { field: "params", key: "kind" }, short);
  assert.deepEqual([kind?.kind, runs.map((run) => kind?.place(run)), kind?.marks.map(({ text }) => text)], ["words", [1, 0, undefined], ["forest", "tree"]]);
  const f1 = axis(runs, { field: "metrics", key: "f1" }, short);
  assert.deepEqual(runs.map((run) => f1?.place(run)), [0, 1, undefined], "what is not a number has no place among numbers");
  assert.equal(axis(runs, { field: "metrics", key: "gone" }, short), undefined);
});

test("names go into MLflow's grammar quoted, or not at all", () => {
  assert.equal(literal("fraud"), "'fraud'");
  assert.equal(literal("o'hara"), `"o'hara"`);
  assert.equal(literal(`o'ha"ra`), undefined);
  assert.equal(ordered("metrics", "a b", false), "metrics.`a b` DESC");
  assert.equal(ordered("metrics", "a`, x", true), undefined);
});
