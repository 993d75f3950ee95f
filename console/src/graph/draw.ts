/** Draws what is visible of a graph onto a canvas: boxes, the edges between them, and names as far as they can be read. */

import { label } from "../render/text.ts";
import type { Graph, Node } from "./graph.ts";
import { BOX_HEIGHT, BOX_WIDTH, type Layout, type Placed } from "./layout.ts";

/** Is how a graph is looked at: what of it is at the canvas's corner, and how large. */
export interface View {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export const [SCALE_MIN, SCALE_MAX] = [0.004, 2.5];

/** Is from what size on names can be read. */
const READABLE = 0.45;

const LETTERS = 22;
const RADIUS = 8;

export const KINDS: Record<Node["kind"], { readonly word: string; readonly colour: string }> = {
  DATASET: { word: "dataset", colour: "--hue-0" },
  JOB: { word: "job", colour: "--hue-1" },
  RUN: { word: "run", colour: "--hue-2" },
  MODEL: { word: "model", colour: "--hue-3" },
  FEATURE: { word: "feature", colour: "--hue-6" },
  VERSION: { word: "version", colour: "--hue-5" },
  DEPLOYMENT: { word: "deployment", colour: "--hue-7" },
  AGENT: { word: "agent", colour: "--hue-8" },
  DATASET_FIELD: { word: "column", colour: "--hue-4" },
};

/** Is what stands out. */
export interface Marks {
  readonly chosen: string | undefined;
  /** Are what the chosen node came of and what came of it; all others step back. */
  readonly kin: ReadonlySet<string> | undefined;
  /** Are those behind which more may be. */
  readonly open: ReadonlySet<string>;
}

export interface Scene {
  readonly graph: Graph;
  readonly layout: Layout;
  readonly marks: Marks;
}

type Colours = (name: string) => string;

/** Reads the page's colours, each once. */
export function colours(element: Element): Colours {
  const style = getComputedStyle(element);
  const known = new Map<string, string>();
  return (name) => {
    const found = known.get(name) ?? style.getPropertyValue(name).trim();
    known.set(name, found);
    return found;
  };
}

/** Returns the view in which all of a layout is seen. */
export function fitted(layout: Layout, width: number, height: number): View {
  const room = 24;
  const share = Math.min((width - 2 * room) / Math.max(1, layout.width), (height - 2 * room) / Math.max(1, layout.height));
  const scale = Math.max(SCALE_MIN, Math.min(1.1, share));
  return { scale, x: layout.width / 2 - width / 2 / scale, y: layout.height / 2 - height / 2 / scale };
}

/** Returns the view that one begins with: all of it if its names can be read then, or else what is around a node. */
export function begun(layout: Layout, around: string | undefined, width: number, height: number): View {
  const all = fitted(layout, width, height);
  const place = around === undefined ? undefined : layout.places.get(around);
  if (all.scale >= READABLE || !place) return all;
  const scale = 0.7;
  return { scale, x: place.x + BOX_WIDTH / 2 - width / 2 / scale, y: place.y + BOX_HEIGHT / 2 - height / 2 / scale };
}

/** Changes the size of what is seen, and leaves what is at a place of the canvas there. */
export function zoomed(view: View, times: number, at: readonly [number, number]): View {
  const scale = Math.max(SCALE_MIN, Math.min(SCALE_MAX, view.scale * times));
  return { scale, x: view.x + at[0] / view.scale - at[0] / scale, y: view.y + at[1] / view.scale - at[1] / scale };
}

/** Returns the node at a place of the canvas. */
export function hit(layout: Layout, view: View, at: readonly [number, number]): string | undefined {
  const [x, y] = [view.x + at[0] / view.scale, view.y + at[1] / view.scale];
  const layer = layout.layers.find((one) => one[0] !== undefined && one[0].x <= x && x <= one[0].x + BOX_WIDTH);
  return layer?.find((node) => node.y <= y && y <= node.y + BOX_HEIGHT)?.id;
}

/** Is the part of a graph that a canvas shows. */
interface Window {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function isSeen(window: Window, { x, y }: Placed): boolean {
  return x + BOX_WIDTH >= window.left && x <= window.right && y + BOX_HEIGHT >= window.top && y <= window.bottom;
}

function crosses(window: Window, from: Placed, to: Placed): boolean {
  const [left, right] = from.x < to.x ? [from.x, to.x] : [to.x, from.x];
  const [top, bottom] = from.y < to.y ? [from.y, to.y] : [to.y, from.y];
  return right + BOX_WIDTH >= window.left && left <= window.right && bottom + BOX_HEIGHT >= window.top && top <= window.bottom;
}

function edge(pen: CanvasPath, from: Placed, to: Placed): void {
  const [x1, y1] = [from.x + BOX_WIDTH, from.y + BOX_HEIGHT / 2];
  const [x2, y2] = [to.x, to.y + BOX_HEIGHT / 2];
  const bend = Math.max(30, Math.abs(x2 - x1) / 2);
  pen.moveTo(x1, y1);
  pen.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
}

/** Draws the edges in two strokes: those that step back, and those that stand out. */
function edges(pen: CanvasRenderingContext2D, { graph, layout, marks }: Scene, window: Window, colour: Colours): void {
  const strokes = { back: new Path2D(), front: new Path2D() };
  for (const [id, ends] of graph.out) {
    const from = layout.places.get(id);
    if (!from) continue;
    for (const end of ends) {
      const to = layout.places.get(end);
      if (!to || !crosses(window, from, to)) continue;
      const isKin = marks.kin?.has(id) && marks.kin.has(end);
      edge(isKin ? strokes.front : strokes.back, from, to);
    }
  }
  pen.lineWidth = 1.2;
  pen.strokeStyle = colour("--line-2");
  pen.stroke(strokes.back);
  pen.lineWidth = 2;
  pen.strokeStyle = colour("--accent");
  pen.stroke(strokes.front);
}

function box(pen: CanvasRenderingContext2D, node: Node, place: Placed, marks: Marks, colour: Colours, isReadable: boolean): void {
  const { x, y } = place;
  const isChosen = node.id === marks.chosen;
  pen.globalAlpha = marks.kin && !marks.kin.has(node.id) ? 0.35 : 1;
  pen.fillStyle = isReadable ? colour("--card") : colour(KINDS[node.kind].colour);
  pen.beginPath();
  pen.roundRect(x, y, BOX_WIDTH, BOX_HEIGHT, RADIUS);
  pen.fill();
  if (isReadable || isChosen) {
    pen.lineWidth = isChosen ? 3 : 1.2;
    pen.strokeStyle = colour(isChosen ? "--accent" : "--line-2");
    pen.stroke();
  }
  if (!isReadable) return;
  pen.fillStyle = colour(KINDS[node.kind].colour);
  pen.fillRect(x + 8, y + 9, 4, BOX_HEIGHT - 18);
  if (marks.open.has(node.id)) pen.fillText("+", x + BOX_WIDTH - 16, y + BOX_HEIGHT / 2 + 4);
}

const cut = new Map<string, string>();

/** Returns as much of a name as has room, its end rather than its beginning; kept, since it is drawn in every frame. */
function short(name: string): string {
  const known = cut.get(name);
  if (known !== undefined) return known;
  const letters = [...label(name)];
  const found = letters.length > LETTERS ? `…${letters.slice(1 - LETTERS).join("")}` : letters.join("");
  if (cut.size > 20_000) cut.clear();
  cut.set(name, found);
  return found;
}

function names(pen: CanvasRenderingContext2D, node: Node, { x, y }: Placed, colour: Colours, fonts: readonly [string, string]): void {
  pen.font = fonts[0];
  pen.fillStyle = colour("--ink");
  pen.fillText(short(node.name), x + 20, y + 18, BOX_WIDTH - 40);
  pen.font = fonts[1];
  pen.fillStyle = colour("--ink-3");
  pen.fillText(node.of === "" ? KINDS[node.kind].word : `${KINDS[node.kind].word} · ${short(node.of)}`, x + 20, y + 33, BOX_WIDTH - 28);
}

/** Draws a scene as a view shows it, and returns how many boxes of it were seen. */
export function draw(canvas: HTMLCanvasElement, scene: Scene, view: View, colour: Colours): number {
  const pen = canvas.getContext("2d");
  if (!pen) return 0;
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.width / ratio, canvas.height / ratio];
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, -view.x * view.scale * ratio, -view.y * view.scale * ratio);
  const window = { left: view.x, right: view.x + width / view.scale, top: view.y, bottom: view.y + height / view.scale };
  edges(pen, scene, window, colour);
  const isReadable = view.scale >= READABLE;
  const family = colour("--text") || "sans-serif";
  const fonts = [`600 12px ${family}`, `11px ${family}`] as const;
  let seen = 0;
  for (const place of scene.layout.places.values()) {
    const node = isSeen(window, place) ? scene.graph.nodes.get(place.id) : undefined;
    if (!node) continue;
    seen += 1;
    box(pen, node, place, scene.marks, colour, isReadable);
    if (isReadable) names(pen, node, place, colour, fonts);
  }
  pen.globalAlpha = 1;
  return seen;
}
