// Logs in at a running server by way of npm oidc-provider, well and badly: node logins.mjs SERVER ISSUER CHANGE=CODE…
// Prints a line for each login.
import assert from "node:assert/strict";

const [server, issuer, ...wanted] = process.argv.slice(2);

/** A browser as far as it matters: cookies by host and port, and redirects followed one at a time. */
class Browser {
  jar = new Map();

  async go(url, init = {}) {
    const { origin } = new URL(url);
    const own = this.jar.get(origin) ?? new Map();
    const cookie = [...own].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { ...init, redirect: "manual", headers: { ...init.headers, ...(cookie ? { cookie } : {}) } });
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(";");
      const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
      if (/max-age=0|expires=Thu, 01 Jan 1970/iu.test(line) || value === "") own.delete(name);
      else own.set(name, value);
    }
    this.jar.set(origin, own);
    return answer;
  }

  /** Goes through login and consent at the provider, and returns the address that leads back. */
  async through(url, account) {
    for (let at = url, step = 0; step < 20; step += 1) {
      if (at.startsWith(server)) return at;
      const answer = await this.go(at);
      const next = answer.headers.get("location");
      if (next) { at = new URL(next, at).href; continue; }
      const page = await answer.text();
      assert.equal(answer.status, 200, page);
      const [, action] = page.match(/action="([^"]+)"/u) ?? [];
      const [, prompt] = page.match(/name="prompt" value="([^"]+)"/u) ?? [];
      assert.ok(action && prompt, page);
      const sent = await this.go(new URL(action, at).href, { method: "POST", body: new URLSearchParams({ prompt, login: account, password: "x" }) });
      at = new URL(sent.headers.get("location"), at).href;
    }
    return assert.fail("the provider does not end");
  }

  async begin() {
    const answer = await this.go(`${server}/v1/login/oidc`, { method: "POST", headers: { origin: server } });
    assert.equal(answer.status, 200, await answer.clone().text());
    const { url } = await answer.json();
    assert.ok(url.startsWith(issuer), url);
    return url;
  }

  async finish(back) {
    const answer = await this.go(back);
    assert.equal(answer.status, 303, await answer.clone().text());
    return answer.headers.get("location");
  }

  async who() {
    const answer = await this.go(`${server}/v1/login`, { headers: { "sec-fetch-site": "same-origin" } });
    return answer.status === 200 ? (await answer.json()).person : undefined;
  }
}

async function login(account) {
  const browser = new Browser();
  const back = await browser.through(await browser.begin(), account);
  return { browser, back, place: await browser.finish(back) };
}

let passed = 0;
async function check(name, test) {
  await test();
  passed += 1;
  console.log(`ok      ${name}`);
}

await check("whom the provider names is logged in, once", async () => {
  const { browser, back, place } = await login("u-ana");
  assert.deepEqual([place, await browser.who()], ["/", "ana"]);
  assert.equal(await browser.finish(back), "/#refused=login-unasked");
});
await check("nobody here: /#refused=identity-unmapped", async () => {
  const { browser, place } = await login("u-mallory");
  assert.deepEqual([place, await browser.who()], ["/#refused=identity-unmapped", undefined]);
});
await check("in another browser: /#refused=login-unasked", async () => {
  const [one, two] = [new Browser(), new Browser()];
  const back = await one.through(await one.begin(), "u-ana");
  await two.begin();
  assert.equal(await two.finish(back), "/#refused=login-unasked");
  assert.equal(await two.who(), undefined);
});
await check("refused at the provider: /#refused=provider-refused", async () => {
  const browser = new Browser();
  const state = new URL(await browser.begin()).searchParams.get("state");
  assert.equal(await browser.finish(`${server}/v1/login/oidc/callback?error=access_denied&state=${state}`), "/#refused=provider-refused");
});
for (const one of wanted) {
  const [change, code] = one.split("=");
  await check(`${change}: ${code}`, async () => {
    assert.equal((await fetch(`${issuer}/change/${change}`, { method: "POST" })).status, 200);
    const { browser, place } = await login("u-ana");
    assert.deepEqual([place, await browser.who()], [`/#refused=${code}`, undefined]);
  });
}
console.log(`${passed} passed`);
