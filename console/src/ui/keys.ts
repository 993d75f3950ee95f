/** Single keys that do something, unless somebody is writing. */

import { useLayoutEffect, useRef } from "react";

export type Keys = Readonly<Record<string, () => void>>;

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/u.test(target.tagName));
}

/** Enter and blanks press what has the focus, where something has. */
function isPressing(event: KeyboardEvent): boolean {
  return (event.key === "Enter" || event.key === " ") && event.target instanceof HTMLElement && /^(A|BUTTON|SUMMARY)$/u.test(event.target.tagName);
}

export function useKeys(keys: Keys): void {
  const current = useRef(keys);
  current.current = keys;
  // Before the page is painted: a key that is pressed at what is seen is heard.
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.repeat && event.key.length > 1) return;
      if (isWriting(event.target) || isPressing(event) || document.querySelector("dialog[open]")) return;
      const act = current.current[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
