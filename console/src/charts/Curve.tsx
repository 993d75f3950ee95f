/** Draws the history of one metric, a line for each run; what cannot be drawn is told. */

import { type PointerEvent, useId, useMemo, useState } from "react";

import { Raw } from "../render/Text.tsx";
import { label } from "../render/text.ts";
import { type Along, bounds, type Bounds, gaps, gapsTold, nearest, type Point, short, stretches, thinned, ticks } from "./curve.ts";

/** Is how many kinds of line there are. */
export const LINES = 8;

const [WIDTH, HEIGHT] = [640, 240];
const EDGE = { left: 56, right: 12, top: 12, bottom: 26 };

export interface Series {
  readonly run: string;
  readonly name: string;
  /** Is which kind of line it has. */
  readonly line: number;
  readonly curve: readonly Point[];
  /** Says whether the curve goes on beyond what was read. */
  readonly isCut: boolean;
}

interface Scale {
  readonly bounds: Bounds;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

function scale(bounds: Bounds): Scale {
  const [wide, high] = [WIDTH - EDGE.left - EDGE.right, HEIGHT - EDGE.top - EDGE.bottom];
  return {
    bounds,
    x: (value) => EDGE.left + ((value - bounds.x[0]) / (bounds.x[1] - bounds.x[0])) * wide,
    y: (value) => EDGE.top + (1 - (value - bounds.y[0]) / (bounds.y[1] - bounds.y[0])) * high,
  };
}

function Axes({ to }: { to: Scale }) {
  const base = HEIGHT - EDGE.bottom;
  return (
    <g className="axes">
      {ticks(to.bounds.y, 4).map((value) => (
        <g key={value}>
          <line x1={EDGE.left} x2={WIDTH - EDGE.right} y1={to.y(value)} y2={to.y(value)} />
          <text x={EDGE.left - 8} y={to.y(value) + 4} textAnchor="end">{short(value)}</text>
        </g>
      ))}
      {ticks(to.bounds.x, 6).map((value) => <text key={value} x={to.x(value)} y={base + 18} textAnchor="middle">{short(value)}</text>)}
      <line x1={EDGE.left} x2={WIDTH - EDGE.right} y1={base} y2={base} className="base" />
    </g>
  );
}

function Line({ series, to }: { series: Series; to: Scale }) {
  const place = ({ x, y }: Point) => `${to.x(x).toFixed(1)},${to.y(y ?? 0).toFixed(1)}`;
  const base = HEIGHT - EDGE.bottom;
  return (
    <g className={`line line-${series.line}`}>
      {stretches(series.curve).map((stretch, key) => {
        const kept = thinned(stretch, to.bounds.x, WIDTH);
        const alone = kept.length === 1 ? kept[0] : undefined;
        if (alone) return <circle key={key} cx={to.x(alone.x)} cy={to.y(alone.y ?? 0)} r="2.6" />;
        return <path key={key} d={`M${kept.map(place).join("L")}`} />;
      })}
      {gaps(series.curve).map((gap, key) => (
        <rect key={key} className="gap" x={to.x(gap.from) - 2} width={Math.max(4, to.x(gap.to) - to.x(gap.from) + 4)} y={base - 5 - 5 * series.line} height="4" rx="2" />
      ))}
    </g>
  );
}

/** Is the sign by which a run is known in every drawing. */
export function Swatch({ line }: { line: number }) {
  return <svg className="swatch" viewBox="0 0 26 8" aria-hidden="true"><g className={`line line-${line}`}><path d="M1,4L25,4" /></g></svg>;
}

function last(curve: readonly Point[]): string {
  const point = curve.at(-1);
  return point ? (point.y === undefined ? "not a number" : short(point.y)) : "nothing";
}

function Legend({ all, along, at }: { all: readonly Series[]; along: Along; at: number | undefined }) {
  return (
    <ul className="curve-legend">
      {all.map((series) => {
        const gone = gapsTold(series.curve, along);
        const point = at === undefined ? undefined : nearest(series.curve, at);
        return (
          <li key={series.run}>
            <Swatch line={series.line} />
            <span className="ellipsis"><Raw>{series.name}</Raw></span>
            <strong className="num">{point ? (point.y === undefined ? "not a number" : short(point.y)) : last(series.curve)}</strong>
            {gone ? <span className="gap-told small">{gone}</span> : null}
            {series.isCut ? <span className="gap-told small">Only the first {series.curve.length.toLocaleString("en")} values are drawn.</span> : null}
          </li>
        );
      })}
    </ul>
  );
}

/** Says a chart in a sentence, for whoever does not see it. */
function told(name: string, all: readonly Series[], along: Along): string {
  const each = all.map((series) => `${label(series.name)} ends at ${last(series.curve)} after ${series.curve.length} values. ${gapsTold(series.curve, along)}`);
  return `${label(name)} along ${along === "step" ? "steps" : "seconds"}. ${each.join(" ")}`;
}

/** Lists the places at which some curve has a value. */
function places(all: readonly Series[]): number[] {
  return [...new Set(all.flatMap((series) => series.curve.map((point) => point.x)))].sort((a, b) => a - b);
}

function Drawing({ name, all, along, to, at, read }: {
  name: string; all: readonly Series[]; along: Along; to: Scale; at: number | undefined; read: (event: PointerEvent<SVGSVGElement>) => void;
}) {
  return (
    <svg className="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={told(name, all, along)} onPointerMove={read}>
      <Axes to={to} />
      {all.map((series) => <Line key={series.run} series={series} to={to} />)}
      {at === undefined ? null : <line className="reading" x1={to.x(at)} x2={to.x(at)} y1={EDGE.top} y2={HEIGHT - EDGE.bottom} />}
    </svg>
  );
}

export function Curve({ name, all, along }: { name: string; all: readonly Series[]; along: Along }) {
  const [chosen, setChosen] = useState<number>();
  const id = useId();
  const known = useMemo(() => places(all), [all]);
  const reach = useMemo(() => bounds(all.map((series) => series.curve)), [all]);
  const at = chosen === undefined ? undefined : known[Math.min(chosen, known.length - 1)];
  const read = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = ((event.clientX - box.left) / box.width) * WIDTH;
    const x = reach ? reach.x[0] + ((share - EDGE.left) / (WIDTH - EDGE.left - EDGE.right)) * (reach.x[1] - reach.x[0]) : 0;
    const close = nearest(known.map((place) => ({ x: place, y: 0 })), x)?.x;
    setChosen(close === undefined ? undefined : known.indexOf(close));
  };
  return (
    <figure className="card stack-s">
      <figcaption className="row-apart"><h3 className="plain mono"><Raw>{name}</Raw></h3><span className="quiet small num">{at === undefined ? "latest" : `${along === "step" ? "step" : "second"} ${short(at)}`}</span></figcaption>
      {reach ? <Drawing name={name} all={all} along={along} to={scale(reach)} at={at} read={read} /> : <p className="note">None of these runs has logged a number here.</p>}
      {known.length > 1 && reach ? (
        <>
          <label className="hidden-label" htmlFor={id}>Read {label(name)} along the curve</label>
          <input id={id} type="range" className="reader" min={0} max={known.length - 1} value={chosen ?? known.length - 1} onChange={(event) => setChosen(Number(event.target.value))} aria-valuetext={`${along} ${short(at ?? known.at(-1) ?? 0)}`} />
        </>
      ) : null}
      <Legend all={all} along={along} at={at} />
    </figure>
  );
}
