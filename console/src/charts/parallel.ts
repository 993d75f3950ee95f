/** Parallel coordinates: one axis for each parameter and each metric, one line for each run. Pure. */

import type { Run } from "../api/mlflow.ts";

export type Field = "params" | "metrics";

export interface Column {
  readonly field: Field;
  readonly key: string;
}

/** Is an axis with a place from 0 (below) to 1 (above) for each of its values. */
export interface Axis extends Column {
  readonly kind: "numbers" | "words";
  /** Is what stands beside the axis, from below to above. */
  readonly marks: readonly { readonly at: number; readonly text: string }[];
  /** Returns the place of a run's value; nothing if it has none, or none that is a number. */
  readonly place: (run: Run) => number | undefined;
}

/** Is how many words an axis names, at most. */
const WORDS_MAX = 12;

/** Lists what runs have values of, the most frequent first. */
export function columns(runs: readonly Run[]): Column[] {
  const counts = new Map<string, { column: Column; count: number }>();
  const note = (field: Field, key: string) => {
    const name = `${field}\n${key}`;
    const known = counts.get(name);
    if (known) known.count += 1;
    else counts.set(name, { column: { field, key }, count: 1 });
  };
  for (const run of runs) {
    for (const { key } of run.data.params ?? []) note("params", key);
    for (const { key } of run.data.metrics ?? []) note("metrics", key);
  }
  const sorted = [...counts.values()].sort((a, b) => b.count - a.count || (a.column.key < b.column.key ? -1 : 1));
  return sorted.map(({ column }) => column);
}

/** Returns what a run has at a column, as it came. */
export function value(run: Run, { field, key }: Column): string | number | undefined {
  return run.data[field]?.find((pair) => pair.key === key)?.value;
}

function number(value: string | number | undefined): number | undefined {
  if (typeof value === "number") return value;
  const read = value === undefined || value.trim() === "" ? Number.NaN : Number(value);
  return Number.isFinite(read) ? read : undefined;
}

function numbers(column: Column, values: readonly number[], write: (value: number) => string): Axis {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const at = (value: number) => (low === high ? 0.5 : (value - low) / (high - low));
  const ends = low === high ? [low] : [low, high];
  const place = (run: Run) => { const found = number(value(run, column)); return found === undefined ? undefined : at(found); };
  return { ...column, kind: "numbers", marks: ends.map((end) => ({ at: at(end), text: write(end) })), place };
}

function words(column: Column, values: readonly string[]): Axis {
  const all = [...new Set(values)].sort();
  const at = (word: string) => (all.length === 1 ? 0.5 : all.indexOf(word) / (all.length - 1));
  const every = Math.ceil(all.length / WORDS_MAX);
  const marks = all.filter((_, index) => index % every === 0).map((text) => ({ at: at(text), text }));
  const place = (run: Run) => { const found = value(run, column); return found === undefined ? undefined : at(String(found)); };
  return { ...column, kind: "words", marks, place };
}

/** Makes an axis of a column. Metrics are numbers; parameters are if all of them read as such. */
export function axis(runs: readonly Run[], column: Column, write: (value: number) => string): Axis | undefined {
  const found = runs.map((run) => value(run, column)).filter((one) => one !== undefined);
  if (found.length === 0) return undefined;
  const read = found.map(number);
  const isNumbers = column.field === "metrics" || read.every((one) => one !== undefined);
  const known = read.filter((one) => one !== undefined);
  if (!isNumbers) return words(column, found.map(String));
  return known.length === 0 ? undefined : numbers(column, known, write);
}
