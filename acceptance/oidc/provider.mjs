// npm oidc-provider with two accounts, and a hand that changes the ID token on its way out: node provider.mjs REDIRECT_URI
// Prints its issuer. `POST /change/NAME` has the next token changed.
import { createServer } from "node:http";

import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { Provider } from "oidc-provider";

const [redirectUri] = process.argv.slice(2);
const keys = async (alg, kid) => {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(privateKey)), kid, alg, use: "sig" } };
};
const own = { RS256: await keys("RS256", "rsa"), ES256: await keys("ES256", "p256"), EdDSA: await keys("EdDSA", "ed") };
const foreign = { RS256: await keys("RS256", "rsa"), ES256: await keys("ES256", "p256"), EdDSA: await keys("EdDSA", "ed") };

let handler;
const server = createServer((request, response) => handler(request, response));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const client = (alg) => ({
  client_id: `gate-${alg}`, client_secret: "s3cret/+%&=", redirect_uris: [redirectUri], id_token_signed_response_alg: alg,
  grant_types: ["authorization_code"], response_types: ["code"], token_endpoint_auth_method: "client_secret_basic",
});
const provider = new Provider(issuer, {
  clients: Object.keys(own).map(client),
  jwks: { keys: Object.values(own).map((key) => key.jwk) },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  cookies: { keys: ["a", "b"] },
  pkce: { required: () => true },
  enabledJWA: { idTokenSigningAlgValues: Object.keys(own) },
});

let change = "";
const b64 = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const changes = {
  nonce: (c) => ({ ...c, nonce: "another" }),
  audience: (c) => ({ ...c, aud: "another" }),
  issuer: (c) => ({ ...c, iss: "https://login.example" }),
  expired: (c) => ({ ...c, exp: c.iat - 3_600 }),
};
async function changed(token) {
  const [head, body] = token.split(".").map((part) => { try { return JSON.parse(Buffer.from(part, "base64url")); } catch { return undefined; } });
  if (change === "none") return `${b64({ alg: "none" })}.${b64(body)}.`;
  if (change === "hmac") return new SignJWT(body).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode("s3cret/+%&=".padEnd(32, "x")));
  if (change === "key") return new SignJWT(body).setProtectedHeader(head).sign(foreign[head.alg].privateKey);
  if (change === "byte") return token.replace(/.$/u, (last) => (last === "A" ? "Q" : "A"));
  return new SignJWT(changes[change](body)).setProtectedHeader(head).sign(own[head.alg].privateKey);
}
provider.use(async (context, next) => {
  await next();
  if (change && context.oidc?.route === "token" && context.body?.id_token) {
    context.body = { ...context.body, id_token: await changed(context.body.id_token) };
    change = "";
  }
});
const serve = provider.callback();
handler = (request, response) => {
  const [, name] = request.url.match(/^\/change\/([a-z]+)$/u) ?? [];
  if (!name) return serve(request, response);
  change = name;
  return response.end();
};
console.log(issuer);
