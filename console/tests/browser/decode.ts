/** Reads what stands on a page back into what was written: an independent reader, which shares nothing with the renderer. */

export function decode(shown: string): string {
  let out = "";
  let rest = shown;
  while (rest !== "") {
    const code = /^⟨U\+([0-9A-F]{4,6})⟩/u.exec(rest);
    const [taken, means] = code
      ? [code[0], String.fromCodePoint(Number.parseInt(code[1] ?? "", 16))]
      : rest.startsWith("↵\n") ? ["↵\n", "\n"]
      : rest.startsWith("⇥") ? ["⇥", "\t"]
      : rest.startsWith("␣") ? ["␣", " "]
      : rest.startsWith("\\\\") ? ["\\\\", "\\"]
      : rest.startsWith('\\"') ? ['\\"', '"']
      : [[...rest][0] ?? "", [...rest][0] ?? ""];
    out += means;
    rest = rest.slice(taken.length);
  }
  return out;
}
