/** The drawing of a graph: dragged, zoomed, and walked by keys. The list beside it says the same to whoever does not see it. */

import { type KeyboardEvent, type MouseEvent, type PointerEvent, type RefObject, useCallback, useEffect, useRef, useState } from "react";

import { many } from "../ui/words.ts";
import { begun, colours, draw, fitted, hit, type Scene, type View, zoomed } from "./draw.ts";
import { beside, type Graph } from "./graph.ts";
import { BOX_HEIGHT, BOX_WIDTH, type Layout } from "./layout.ts";

const STEP = 1.3;

/** Is how far a pointer may move and still point. */
const STILL = 4;

export interface Does {
  readonly choose: (id: string) => void;
  readonly expand: (id: string) => void;
}

/** Draws at most once in a frame, whatever has changed. */
function useDrawing(canvas: RefObject<HTMLCanvasElement | null>, scene: Scene, view: RefObject<View>): () => void {
  const current = useRef(scene);
  current.current = scene;
  const waiting = useRef(0);
  const again = useCallback(() => {
    if (waiting.current) return;
    waiting.current = requestAnimationFrame(() => {
      waiting.current = 0;
      const here = canvas.current;
      if (here) here.dataset["seen"] = String(draw(here, current.current, view.current, colours(here)));
    });
  }, [canvas, view]);
  useEffect(() => again(), [again, scene]);
  useEffect(() => {
    // Another look of the page has other colours.
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const looks = new MutationObserver(again);
    looks.observe(document.documentElement, { attributes: true });
    dark.addEventListener("change", again);
    return () => { looks.disconnect(); dark.removeEventListener("change", again); cancelAnimationFrame(waiting.current); waiting.current = 0; };
  }, [again]);
  return again;
}

/** Keeps the canvas as large as its place. */
function useSize(canvas: RefObject<HTMLCanvasElement | null>, changed: () => void): void {
  const tell = useRef(changed);
  tell.current = changed;
  useEffect(() => {
    const here = canvas.current;
    if (!here) return;
    const sizes = new ResizeObserver(() => {
      const ratio = devicePixelRatio || 1;
      [here.width, here.height] = [Math.round(here.clientWidth * ratio), Math.round(here.clientHeight * ratio)];
      tell.current();
    });
    sizes.observe(here);
    return () => sizes.disconnect();
  }, [canvas]);
}

/** Returns the node that a key leads to. */
function led(key: string, graph: Graph, layout: Layout, from: string): string | undefined {
  if (key === "ArrowLeft") return beside(graph, from, "up")[0]?.id;
  if (key === "ArrowRight") return beside(graph, from, "down")[0]?.id;
  const layer = layout.layers.find((one) => one.some(({ id }) => id === from)) ?? [];
  const at = layer.findIndex(({ id }) => id === from);
  return layer[key === "ArrowUp" ? at - 1 : at + 1]?.id;
}

/** Moves a view so far that a node is seen. */
function shifted(view: View, layout: Layout, id: string, canvas: HTMLCanvasElement): View {
  const place = layout.places.get(id);
  if (!place) return view;
  const [wide, high] = [canvas.clientWidth / view.scale, canvas.clientHeight / view.scale];
  const isSeen = place.x >= view.x && place.x + BOX_WIDTH <= view.x + wide && place.y >= view.y && place.y + BOX_HEIGHT <= view.y + high;
  return isSeen ? view : { ...view, x: place.x + BOX_WIDTH / 2 - wide / 2, y: place.y + BOX_HEIGHT / 2 - high / 2 };
}

interface Drag {
  readonly at: readonly [number, number];
  readonly from: View;
  isMoved: boolean;
}

/** Follows the pointer: a drag moves the view, a press without one chooses, a double one expands. */
function usePointer(view: RefObject<View>, layout: Layout, again: () => void, does: Does) {
  const drag = useRef<Drag>(undefined);
  const place = (event: { readonly currentTarget: Element; readonly clientX: number; readonly clientY: number }): readonly [number, number] => {
    const box = event.currentTarget.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  return {
    onPointerDown: (event: PointerEvent<HTMLCanvasElement>) => { event.currentTarget.setPointerCapture(event.pointerId); drag.current = { at: place(event), from: view.current, isMoved: false }; },
    onPointerMove: (event: PointerEvent<HTMLCanvasElement>) => {
      const held = drag.current;
      if (!held) return;
      const [dx, dy] = [place(event)[0] - held.at[0], place(event)[1] - held.at[1]];
      held.isMoved ||= Math.hypot(dx, dy) > STILL;
      if (!held.isMoved) return;
      view.current = { ...held.from, x: held.from.x - dx / held.from.scale, y: held.from.y - dy / held.from.scale };
      again();
    },
    onPointerUp: (event: PointerEvent<HTMLCanvasElement>) => {
      const found = drag.current?.isMoved === false ? hit(layout, view.current, place(event)) : undefined;
      drag.current = undefined;
      if (found) does.choose(found);
    },
    onPointerCancel: () => { drag.current = undefined; },
    onDoubleClick: (event: MouseEvent<HTMLCanvasElement>) => { const found = hit(layout, view.current, place(event)); if (found) does.expand(found); },
  };
}

function useWheel(canvas: RefObject<HTMLCanvasElement | null>, zoom: (times: number, at: readonly [number, number]) => void): void {
  const turn = useRef(zoom);
  turn.current = zoom;
  useEffect(() => {
    const here = canvas.current;
    if (!here) return;
    // Without a key the wheel scrolls the page, as everywhere.
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      turn.current(Math.exp(-event.deltaY / 300), [event.offsetX, event.offsetY]);
    };
    here.addEventListener("wheel", wheel, { passive: false });
    return () => here.removeEventListener("wheel", wheel);
  }, [canvas]);
}

function Buttons({ onZoom, onFit }: { onZoom: (times: number) => void; onFit: () => void }) {
  return (
    <div className="graph-buttons" role="group" aria-label="View">
      <button type="button" className="button button-small" onClick={() => onZoom(STEP)} aria-label="Larger">+</button>
      <button type="button" className="button button-small" onClick={() => onZoom(1 / STEP)} aria-label="Smaller">−</button>
      <button type="button" className="button button-small" onClick={onFit}>All of it</button>
    </div>
  );
}

export function GraphCanvas({ scene, does }: { scene: Scene; does: Does }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const view = useRef<View>({ x: 0, y: 0, scale: 1 });
  // Until somebody has looked elsewhere, a larger page or graph is looked at anew.
  const [look, setLook] = useState<"begun" | "all" | "own">("begun");
  const { graph, layout, marks } = scene;
  const again = useDrawing(canvas, scene, view);
  const fit = (how: typeof look) => {
    const here = canvas.current;
    if (here && how === "begun") view.current = begun(layout, marks.chosen, here.clientWidth, here.clientHeight);
    if (here && how === "all") view.current = fitted(layout, here.clientWidth, here.clientHeight);
    setLook(how);
    again();
  };
  const middle = (): readonly [number, number] => [(canvas.current?.clientWidth ?? 0) / 2, (canvas.current?.clientHeight ?? 0) / 2];
  const zoom = (times: number, at = middle()) => { view.current = zoomed(view.current, times, at); fit("own"); };
  useSize(canvas, () => fit(look));
  useWheel(canvas, zoom);
  useEffect(() => fit(look === "own" ? "begun" : look), [layout]);
  useEffect(() => {
    if (canvas.current && marks.chosen) view.current = shifted(view.current, layout, marks.chosen, canvas.current);
    again();
  }, [marks.chosen]);
  const press = (event: KeyboardEvent) => {
    const from = marks.chosen ?? layout.layers[0]?.[0]?.id;
    const next = event.key.startsWith("Arrow") && from !== undefined ? (led(event.key, graph, layout, from) ?? from) : undefined;
    if (next !== undefined) does.choose(next);
    else if (event.key === "Enter" && marks.chosen) does.expand(marks.chosen);
    else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? STEP : 1 / STEP);
    else if (event.key === "0") fit("all");
    else return;
    event.preventDefault();
  };
  return (
    <div className="graph-place">
      <canvas ref={canvas} className="graph-canvas" tabIndex={0} role="img" aria-label={`A graph of ${many(graph.nodes.size, "node")}; the arrow keys walk it, and the lists below say the same`} onKeyDown={press} {...usePointer(view, layout, () => fit("own"), does)} />
      <Buttons onZoom={zoom} onFit={() => fit("all")} />
    </div>
  );
}
