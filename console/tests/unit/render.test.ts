import assert from "node:assert/strict";
import { test } from "node:test";

import { quoted, readQuoted, renderJson } from "../../src/render/json.ts";
import { label, read, render, shown, unescape } from "../../src/render/text.ts";
import { CORPUS } from "../corpus.ts";
import { eye } from "../eye.ts";

/** A fixed sequence of numbers below 2^32 (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

test("the corpus is large, and its pairs are pairs", () => {
  assert.ok(CORPUS.length >= 100, String(CORPUS.length));
  assert.equal(new Set(CORPUS.map((pair) => pair.hostile)).size, CORPUS.length);
  for (const { name, hostile, benign } of CORPUS) assert.notEqual(hostile, benign, name);
});

test("a hostile text and its twin never look the same", () => {
  for (const { name, hostile, benign } of CORPUS) {
    assert.notEqual(eye(shown(render(hostile))), eye(shown(render(benign))), name);
    assert.notEqual(eye(shown(quoted(hostile))), eye(shown(quoted(benign))), name);
  }
});

test("most of the corpus would deceive an eye if it were shown as it is", () => {
  const deceives = CORPUS.filter(({ hostile, benign }) => eye(hostile) === eye(benign));
  assert.ok(deceives.length >= 100, `only ${deceives.length} of ${CORPUS.length}`);
});

test("what is shown can be read back", () => {
  for (const { name, hostile, benign } of CORPUS) {
    for (const text of [hostile, benign]) {
      assert.equal(read(shown(render(text))), text, name);
      assert.equal(readQuoted(shown(quoted(text))), text, name);
    }
  }
});

test("what is shown can be read back, whatever was written", () => {
  const next = numbers(7);
  const alphabets = [0x80, 0x250, 0x600, 0x2100, 0x3100, 0xffff, 0x10ffff];
  const own = [..."⟨⟩↵⇥␣U+\\\"20 \n\t{}"];
  for (let turn = 0; turn < 20_000; turn += 1) {
    const limit = alphabets[next() % alphabets.length] ?? 0x80;
    const text = Array.from({ length: next() % 12 }, () => {
      if (next() % 3 === 0) return own[next() % own.length] ?? "";
      const code = next() % limit;
      return code >= 0xd800 && code <= 0xdfff ? "x" : String.fromCodePoint(code);
    }).join("");
    assert.equal(read(shown(render(text))), text, JSON.stringify(text));
    assert.equal(readQuoted(shown(quoted(text))), text, JSON.stringify(text));
  }
});

test("nothing without a shape and nothing that turns the line reaches the page", () => {
  for (let code = 0; code <= 0x10ffff; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const text = shown(render(`a${String.fromCodePoint(code)}b`));
    assert.ok(!/[\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|[^\P{Cc}\n]|[^\P{Zs} ]/u.test(text), code.toString(16));
  }
});

test("people's own languages are left alone", () => {
  for (const text of [
    "Größe ändern, s'il vous plaît", "Привет, перезапустите сервер", "再起動してください", "서버를 다시 시작", "إعادة تشغيل الخادم",
    "żółć", "Ελλάδα", "सर्वर पुनः", "İstanbul", "naïve café", "C++ → Rust ✓", "šest", "Đ".replace("Đ", "D"),
  ]) {
    const kinds = render(text).map((segment) => segment.kind).filter((kind) => kind !== "plain" && kind !== "rtl");
    assert.deepEqual(kinds, [], `${text}: ${shown(render(text))}`);
  }
});

test("indentation stays, and blanks that nobody sees do not", () => {
  assert.equal(shown(render("if x:\n    y")), "if x:↵\n    y");
  assert.equal(shown(render(" a  b ")), "␣a␣␣b␣");
});

test("json keeps its numbers, its order and its layout", () => {
  const json = '{\n  "b": 1.50,\n  "10": [1e21, true, null],\n  "2": "x\\u202ey",\n  "__proto__": "\\"q\\""\n}';
  const text = renderJson(json).map((token) => shown(token.segments)).join("");
  assert.equal(text, '{\n  "b": 1.50,\n  "10": [1e21, true, null],\n  "2": "x⟨U+202E⟩y",\n  "__proto__": "\\"q\\""\n}');
  const roles = renderJson(json).filter((token) => token.role === "name").map((token) => shown(token.segments));
  assert.deepEqual(roles, ['"b"', '"10"', '"2"', '"__proto__"']);
});

test("a value cannot pass for another member", () => {
  const hostile = JSON.stringify({ service: 'web",\n  "dry_run": true,\n  "x": "' }, null, 2);
  const text = renderJson(hostile).map((token) => shown(token.segments)).join("");
  assert.ok(text.includes('\\",↵\n  \\"dry_run\\": true'), text);
});

test("what only looks like json hides nothing either", () => {
  const text = (json: string) => renderJson(json).map((token) => shown(token.segments)).join("");
  for (const wrong of ['{"a": "cut\u202e', "no \u200bjson", '"raw\u001b[8m"', '{"a": \u0430pi}']) {
    const said = text(wrong);
    assert.ok(!/[\u200b\u202e\u001b\u0430]/u.test(said) && said.includes("⟨U+"), said);
  }
});

test("what the server has escaped is read back", () => {
  assert.equal(unescape("a\\u{202e}b\\u{5c}u{5c}"), "a\u202eb\\u{5c}");
  assert.equal(shown(render(unescape("harmless\\u{1b}[8m"))), "harmless⟨U+001B⟩[8m");
});

test("a label is one line, and deceives no more than what is shown in full", () => {
  for (const { name, hostile, benign } of CORPUS) {
    assert.ok(!label(hostile).includes("\n"), name);
    assert.notEqual(eye(label(hostile)), eye(label(benign)), name);
  }
});
