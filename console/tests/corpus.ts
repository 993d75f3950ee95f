/**
 * Arguments that deceive, each with its benign twin: what a reader is meant to take it for.
 *
 * Generated from classes of deception, so that none of them is a single lucky example.
 */

export interface Pair {
  readonly name: string;
  readonly hostile: string;
  readonly benign: string;
}

const c = (...codes: number[]) => String.fromCodePoint(...codes);

function invisible(): Pair[] {
  const codes = [
    0x00ad, 0x034f, 0x061c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028,
    0x2029, 0x2060, 0x2061, 0x2063, 0x2064, 0x206a, 0x2800, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0x1d173, 0xe0001,
    0xe0041, 0xe0100, 0xe000, 0xf0000,
  ];
  return codes.map((code) => ({ name: `hidden U+${code.toString(16)}`, hostile: `web-${c(code)}prod`, benign: "web-prod" }));
}

function controls(): Pair[] {
  const codes = [0x00, 0x07, 0x08, 0x0b, 0x0c, 0x0d, 0x1b, 0x7f, 0x85, 0x90, 0x9b, 0x9d];
  return codes.map((code) => ({ name: `control U+${code.toString(16)}`, hostile: `api${c(code)}1`, benign: "api1" }));
}

function terminal(): Pair[] {
  return [
    { name: "ansi conceal", hostile: "rm -rf /tmp\u001b[8m /home\u001b[0m", benign: "rm -rf /tmp" },
    { name: "ansi cursor back", hostile: "rm -rf /home\u001b[5D/tmp ", benign: "rm -rf /tmp" },
    { name: "ansi title", hostile: "\u001b]0;approved\u0007ls", benign: "ls" },
    { name: "carriage return", hostile: "drop table users\rselect 1         ", benign: "select 1" },
    { name: "backspaces", hostile: "prod\b\b\b\btest", benign: "test" },
    { name: "form feed", hostile: "restart\fstop", benign: "restartstop" },
  ];
}

function order(): Pair[] {
  return [0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069]
    .map((code) => ({ name: `order U+${code.toString(16)}`, hostile: `pay ${c(code)}001 EUR`, benign: "pay 001 EUR" }))
    .concat([
      { name: "reversed extension", hostile: "invoice_\u202efdp.exe", benign: "invoice_exe.pdf" },
      { name: "isolate swap", hostile: "\u2067deny\u2069 \u2066allow\u2069", benign: "allow deny" },
      { name: "hebrew neutral", hostile: "a/\u05d0\u05d1/b", benign: "b/\u05d0\u05d1/a" },
    ]);
}

function blanks(): Pair[] {
  const codes = [0xa0, 0x1680, 0x2000, 0x2003, 0x2007, 0x2009, 0x202f, 0x205f, 0x3000];
  return codes
    .map((code) => ({ name: `blank U+${code.toString(16)}`, hostile: `rm${c(code)}-i`, benign: "rm -i" }))
    .concat([
      { name: "trailing blank", hostile: "web ", benign: "web" },
      { name: "leading blank", hostile: " web", benign: "web" },
      { name: "two blanks", hostile: "a  b", benign: "a b" },
      { name: "far right", hostile: `ls${" ".repeat(400)}; rm -rf /`, benign: "ls" },
      { name: "tab", hostile: "a\tb", benign: "a b" },
      { name: "trailing break", hostile: "web\n", benign: "web" },
      { name: "pushed down", hostile: `ls${"\n".repeat(60)}rm -rf /`, benign: "ls" },
    ]);
}

function lookalikes(): Pair[] {
  const pairs: [string, string][] = [
    ["wеb", "web"], ["аpi", "api"], ["раураl", "paypal"], ["сосо", "coco"], ["ехес", "exec"], ["ѕсоре", "scope"],
    ["Аdmin", "Admin"], ["рrоd", "prod"], ["ІD", "ID"], ["аррӏе", "apple"], ["ρrod", "prod"], ["οwner", "owner"],
    ["Ηost", "Host"], ["κey", "key"], ["νpn", "vpn"], ["օwner", "owner"], ["hսb", "hub"], ["ոode", "node"],
    ["ｗｅｂ", "web"], ["𝐰𝐞𝐛", "web"], ["𝓌𝑒𝒷", "web"], ["ⓦⓔⓑ", "web"], ["ʷeb", "web"], ["ﬁle", "file"], ["ⅼs", "ls"],
    ["ıd", "id"], ["ɡit", "git"], ["ᴀdmin", "admin"], ["ʟog", "log"], ["ạpi", "api"], ["ḅen", "ben"],
    ["Ꭺdmin", "Admin"], ["ꓲD", "ID"], ["𐐬wner", "owner"], ["ⲟwner", "owner"], ["סwner", "owner"], ["1٠0", "100"], ["1०0", "100"],
    ["10０", "100"], ["𝟏00", "100"], ["l０", "l0"], ["a\u0301pi", "ápi"], ["e\u0323nv", "env"], ["w\u0335eb", "web"],
    ["n\u0303o", "ño"], ["ノetc", "/etc"], ["丨s", "ls"], ["ハ", "/\\"], ["сu", "cu"], ["срu", "cpu"], ["х", "x"], ["у", "y"],
  ];
  return pairs.map(([hostile, benign]) => ({ name: `lookalike ${hostile}`, hostile, benign }));
}

function signs(): Pair[] {
  const pairs: [string, string][] = [
    ["a‐b", "a-b"], ["a‑b", "a-b"], ["a–b", "a-b"], ["−1", "-1"], ["a∕b", "a/b"], ["a⁄b", "a/b"], ["a／b", "a/b"],
    ["a․b", "a.b"], ["a。b", "a.b"], ["a．b", "a.b"], ["a：b", "a:b"], ["a∶b", "a:b"], ["a；b", "a;b"], ["a\u037eb", "a;b"],
    ["‘a’", "'a'"], ["ʼa", "'a"], ["“a”", '"a"'], ["a｜b", "a|b"], ["a∣b", "a|b"], ["a＆b", "a&b"], ["＄a", "$a"], ["a∗", "a*"],
    ["a＼b", "a\\b"], ["a∖b", "a\\b"], ["～a", "~a"], ["＜b＞", "<b>"], ["a＝b", "a=b"], ["a＠b", "a@b"], ["％a", "%a"], ["！a", "!a"],
  ];
  return pairs.map(([hostile, benign]) => ({ name: `sign ${hostile}`, hostile, benign }));
}

function markup(): Pair[] {
  return [
    { name: "markup", hostile: "<b>Approved</b>", benign: "Approved" },
    { name: "image", hostile: "web<img src=x onerror=alert(1)>", benign: "web" },
    { name: "entity", hostile: "&#119;eb", benign: "web" },
    { name: "entity of a mark", hostile: "we&#8238;b", benign: "web" },
    { name: "markdown link", hostile: "[web](https://evil.example)", benign: "web" },
    { name: "json escape", hostile: "we\\u202eb", benign: "we\u202eb" },
    { name: "quote and another member", hostile: 'web", "dry_run": "true', benign: "web" },
    { name: "line and another member", hostile: 'web",\n  "dry_run": true,\n  "x": "', benign: "web" },
    { name: "our own mark", hostile: "we⟨U+202E⟩b", benign: "we\u202eb" },
    { name: "our own break", hostile: "a↵b", benign: "a\nb" },
    { name: "our own tab", hostile: "a⇥b", benign: "a\tb" },
    { name: "our own blank", hostile: "a␣", benign: "a " },
    { name: "our own escape", hostile: "a\\", benign: 'a"' },
    { name: "fake digest", hostile: "web ⟨shown 3f2a⟩", benign: "web" },
  ];
}

export const CORPUS: readonly Pair[] = [
  ...invisible(), ...controls(), ...terminal(), ...order(), ...blanks(), ...lookalikes(), ...signs(), ...markup(),
];
