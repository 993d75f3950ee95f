/** Shows foreign text: what {@link render} returns, stretch by stretch, and nothing else. */

import type { ReactNode } from "react";

import { renderJson, type Token } from "./json.ts";
import { type Kind, render, type Segment, unescape } from "./text.ts";

const WHY: Record<Exclude<Kind, "plain" | "rtl">, string> = {
  break: "a line break",
  blank: "a blank that is easily overlooked",
  control: "a control character",
  hidden: "a character without a shape",
  order: "a character that changes the order of others",
  lookalike: "a character that can be taken for another",
  foreign: "a character that is rarely meant",
};

function one(segment: Segment, key: number): ReactNode {
  switch (segment.kind) {
    case "plain":
      return segment.text;
    case "rtl":
      return <bdi key={key}>{segment.text}</bdi>;
    default:
      return (
        <span key={key} className={`mark mark-${segment.kind}`} title={WHY[segment.kind]}>
          {segment.text}
        </span>
      );
  }
}

export function Segments({ of }: { of: readonly Segment[] }) {
  return <>{of.map(one)}</>;
}

/** Shows a text that the server has escaped. */
export function Text({ children, className }: { children: string; className?: string | undefined }) {
  return (
    <span className={`text ${className ?? ""}`} dir="ltr">
      <Segments of={render(unescape(children))} />
    </span>
  );
}

/** Shows a text as somebody wrote it, which no server has escaped: what is written like an escape in it stands for itself. */
export function Raw({ children, className }: { children: string; className?: string | undefined }) {
  return (
    <span className={`text ${className ?? ""}`} dir="ltr">
      <Segments of={render(children)} />
    </span>
  );
}

function token(token: Token, key: number): ReactNode {
  return (
    <span key={key} className={`json-${token.role}`}>
      <Segments of={token.segments} />
    </span>
  );
}

/** Shows a JSON text over several lines. */
export function Json({ children }: { children: string }) {
  return (
    <code className="json text" dir="ltr">
      {renderJson(children).map(token)}
    </code>
  );
}
