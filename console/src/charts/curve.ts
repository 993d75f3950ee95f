/** What is drawn of a metric's history: pure, and never a line over what is no number. */

import type { Metric } from "../api/mlflow.ts";

export interface Point {
  readonly x: number;
  /** Is nothing where the value is no number. */
  readonly y: number | undefined;
}

/** Is a stretch of values that are no numbers. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Is a part of the plane. */
export interface Bounds {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

export type Along = "step" | "time";

/** Puts a history in order along its steps or its time. */
export function points(metrics: readonly Metric[], along: Along): Point[] {
  const sorted = [...metrics].sort((a, b) => (along === "step" ? a.step - b.step : 0) || a.timestamp - b.timestamp || a.step - b.step);
  const first = sorted[0]?.timestamp ?? 0;
  return sorted.map(({ value, step, timestamp }) => ({
    x: along === "step" ? step : (timestamp - first) / 1_000,
    y: typeof value === "number" && Number.isFinite(value) ? value : undefined,
  }));
}

/** Parts a curve where its values are no numbers. */
export function stretches(curve: readonly Point[]): (readonly Point[])[] {
  const parts: Point[][] = [];
  let open: Point[] | undefined;
  for (const point of curve) {
    if (point.y === undefined) open = undefined;
    else if (open) open.push(point);
    else parts.push((open = [point]));
  }
  return parts;
}

/** Lists where a curve has no numbers. */
export function gaps(curve: readonly Point[]): Gap[] {
  const found: { from: number; to: number; count: number }[] = [];
  let open: { from: number; to: number; count: number } | undefined;
  for (const { x, y } of curve) {
    if (y !== undefined) open = undefined;
    else if (open) [open.to, open.count] = [x, open.count + 1];
    else found.push((open = { from: x, to: x, count: 1 }));
  }
  return found;
}

/** Returns what all curves together reach over; nothing if none of them has a number. */
export function bounds(curves: readonly (readonly Point[])[]): Bounds | undefined {
  const [x, y] = [[Infinity, -Infinity] as [number, number], [Infinity, -Infinity] as [number, number]];
  for (const point of curves.flat()) {
    [x[0], x[1]] = [Math.min(x[0], point.x), Math.max(x[1], point.x)];
    if (point.y !== undefined) [y[0], y[1]] = [Math.min(y[0], point.y), Math.max(y[1], point.y)];
  }
  if (y[0] > y[1]) return undefined;
  // A curve that does not move is drawn in the middle.
  const room = y[0] === y[1] ? Math.max(1e-9, Math.abs(y[0]) * 0.1) : 0;
  return { x: x[0] === x[1] ? [x[0] - 0.5, x[1] + 0.5] : x, y: [y[0] - room, y[1] + room] };
}

/** Returns round values between two ends, about so many. */
export function ticks([from, to]: readonly [number, number], about: number): number[] {
  const rough = (to - from) / Math.max(1, about);
  if (!(rough > 0) || !Number.isFinite(rough)) return [from];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((times) => times * power >= rough) ?? 10) * power;
  const first = Math.ceil(from / step);
  const count = Math.min(50, Math.floor(to / step + 1e-9) - first + 1);
  return Array.from({ length: Math.max(0, count) }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

/** Keeps of a stretch what can be seen: in each of so many columns the first, the least, the most and the last. */
export function thinned(stretch: readonly Point[], [from, to]: readonly [number, number], columns: number): readonly Point[] {
  if (stretch.length <= columns * 4) return stretch;
  const kept = new Map<number, Point[]>();
  for (const point of stretch) {
    const column = Math.floor(((point.x - from) / (to - from)) * columns);
    const [first, least, most] = kept.get(column) ?? [point, point, point];
    const y = point.y ?? 0;
    kept.set(column, [first ?? point, y < (least?.y ?? y) ? point : (least ?? point), y > (most?.y ?? y) ? point : (most ?? point), point]);
  }
  return [...kept.values()].flatMap((four) => [...new Set(four)].sort((a, b) => a.x - b.x));
}

/** Returns the point of a curve that is nearest to a place along it. */
export function nearest(curve: readonly Point[], x: number): Point | undefined {
  let best: Point | undefined;
  for (const point of curve) if (!best || Math.abs(point.x - x) <= Math.abs(best.x - x)) best = point;
  return best;
}

/** Writes a number in a few digits. */
export function short(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2).replace("e+", "e");
  return String(Number(value.toPrecision(5)));
}

function times(count: number): string {
  return count === 1 ? "1 value" : `${count} values`;
}

/** Says in words where a curve has no numbers; nothing if it has them everywhere. */
export function gapsTold(curve: readonly Point[], along: Along): string {
  const found = gaps(curve);
  const total = found.reduce((sum, gap) => sum + gap.count, 0);
  if (total === 0) return "";
  const unit = along === "step" ? "step" : "second";
  const place = ({ from, to }: Gap) => (from === to ? `${unit} ${short(from)}` : `${unit}s ${short(from)} to ${short(to)}`);
  const places = found.slice(0, 3).map(place).join(", ") + (found.length > 3 ? ` and ${found.length - 3} more stretches` : "");
  return `${times(total)} of ${curve.length} ${total === 1 ? "is" : "are"} not a number: ${places}`;
}
