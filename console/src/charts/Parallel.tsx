/** Draws runs as lines over parallel axes, and names what is under the pointer. */

import { useMemo, useState } from "react";

import type { Run } from "../api/mlflow.ts";
import { Raw } from "../render/Text.tsx";
import { label } from "../render/text.ts";
import { many } from "../ui/words.ts";
import { short } from "./curve.ts";
import { Swatch } from "./Curve.tsx";
import { axis, type Axis, type Column, columns } from "./parallel.ts";

const AXES = 6;
const AXES_MAX = 12;
const [GAP, HEIGHT, TOP, BOTTOM] = [150, 320, 34, 40];

/** Is how many letters of a name have room. */
const LETTERS = 18;

/** Is a kind of line for each run that was chosen. */
export type Lines = ReadonlyMap<string, number>;

function cut(text: string): string {
  const shown = label(text);
  return shown.length > LETTERS ? `${shown.slice(0, LETTERS - 1)}…` : shown;
}

function at(place: number | undefined): number {
  return place === undefined ? HEIGHT - 12 : TOP + (1 - place) * (HEIGHT - TOP - BOTTOM);
}

function line(run: Run, axes: readonly Axis[]): string {
  return `M${axes.map((axis, n) => `${(n + 0.5) * GAP},${at(axis.place(run)).toFixed(1)}`).join("L")}`;
}

function AxisView({ axis, n, hasNone }: { axis: Axis; n: number; hasNone: boolean }) {
  const x = (n + 0.5) * GAP;
  return (
    <g className="axis">
      <title>{label(axis.key)}</title>
      <text x={x} y={16} textAnchor="middle" className="axis-name">{cut(axis.key)}</text>
      <line x1={x} x2={x} y1={TOP} y2={HEIGHT - BOTTOM} />
      {axis.marks.map((mark) => <text key={mark.text} x={x + 7} y={at(mark.at) + 4}>{axis.kind === "words" ? cut(mark.text) : mark.text}</text>)}
      {hasNone ? <text x={x + 7} y={HEIGHT - 8} className="none">none</text> : null}
    </g>
  );
}

function Choice({ all, chosen, onChoose }: { all: readonly Column[]; chosen: readonly Column[]; onChoose: (next: readonly Column[]) => void }) {
  return (
    <details>
      <summary>Axes: {chosen.length} of {all.length}</summary>
      <div className="choices" role="group" aria-label="Axes">
        {all.slice(0, 60).map((column) => {
          const is = chosen.includes(column);
          return (
            <label key={`${column.field} ${column.key}`} className="choice">
              <input type="checkbox" checked={is} disabled={!is && chosen.length >= AXES_MAX} onChange={() => onChoose(is ? chosen.filter((one) => one !== column) : [...chosen, column])} />
              <span className="quiet small">{column.field === "params" ? "parameter" : "metric"}</span> <span className="mono small"><Raw>{column.key}</Raw></span>
            </label>
          );
        })}
      </div>
    </details>
  );
}

/** Takes parameters first, then metrics, of each those that most runs have. */
function usual(all: readonly Column[]): readonly Column[] {
  const of = (field: Column["field"]) => all.filter((column) => column.field === field).slice(0, AXES / 2);
  return [...of("params"), ...of("metrics")];
}

export function Parallel({ runs, lines }: { runs: readonly Run[]; lines: Lines }) {
  const all = useMemo(() => columns(runs), [runs]);
  const [wished, setWished] = useState<readonly Column[]>();
  const [over, setOver] = useState<string>();
  const chosen = useMemo(() => (wished ?? usual(all)).filter((one) => all.some((known) => known.field === one.field && known.key === one.key)), [wished, all]);
  const axes = useMemo(() => chosen.flatMap((column) => axis(runs, column, short) ?? []), [runs, chosen]);
  if (axes.length === 0) return <p className="note">These runs have no parameters and no metrics to compare.</p>;
  const named = runs.find((run) => run.info.run_id === over);
  const order = [...runs].sort((a, b) => Number(lines.has(a.info.run_id)) - Number(lines.has(b.info.run_id)));
  return (
    <section className="card stack-s" aria-label="Parallel coordinates">
      <Choice all={all} chosen={chosen} onChoose={setWished} />
      <div className="scroll bare" tabIndex={0} role="region" aria-label="Parallel coordinates of runs">
        <svg className="parallel" width={axes.length * GAP} height={HEIGHT} viewBox={`0 0 ${axes.length * GAP} ${HEIGHT}`} role="img" aria-label={`${many(runs.length, "run")} over ${axes.map((axis) => label(axis.key)).join(", ")}. The table above says the same.`} onPointerLeave={() => setOver(undefined)}>
          {order.map((run) => {
            const kind = lines.get(run.info.run_id);
            const name = `strand ${kind === undefined ? "" : `line line-${kind}`} ${over === run.info.run_id ? "strand-over" : ""}`;
            return <path key={run.info.run_id} className={name} d={line(run, axes)} onPointerEnter={() => setOver(run.info.run_id)} />;
          })}
          {axes.map((axis, n) => <AxisView key={`${axis.field} ${axis.key}`} axis={axis} n={n} hasNone={runs.some((run) => axis.place(run) === undefined)} />)}
        </svg>
      </div>
      <p className="small quiet parallel-over">{named ? <>{lines.has(named.info.run_id) ? <Swatch line={lines.get(named.info.run_id) ?? 0} /> : null} <Raw>{named.info.run_name}</Raw></> : "A line that goes below an axis has no value there, or none that is a number."}</p>
    </section>
  );
}
