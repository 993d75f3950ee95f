/** Passkeys: made by whoever was invited, asked to sign what a vote commits to, and to log in. */

import { type LoggedIn, logInSigned, post, type Schema } from "./client.ts";

type Options = Schema<"RequestOptions">;

/** Says where the same page can use passkeys, if it is at an address that browsers know none for. */
function elsewhere(): string {
  const port = location.port ? `:${location.port}` : "";
  const loopback = /^(?:127\.\d+\.\d+\.\d+|\[::1\])$/u.test(location.hostname);
  return loopback ? `open http://localhost${port}${location.pathname} and log in there` : "open this page by the server's name";
}

/** Says why this page cannot use passkeys; undefined where it can. */
export function whyNone(): string | undefined {
  if (/^[\d.]+$|^\[/u.test(location.hostname)) return `Browsers know no passkeys for a bare address such as ${location.hostname}: ${elsewhere()}.`;
  if (!isSecureContext) return "Browsers know passkeys on pages over HTTPS and of localhost alone.";
  if (typeof PublicKeyCredential === "undefined" || !("parseRequestOptionsFromJSON" in PublicKeyCredential)) return "This browser knows no passkeys.";
  return undefined;
}

/** Says in words why a browser made or signed nothing; undefined for what is no answer of its own. */
export function refusal(error: unknown): string | undefined {
  if (!(error instanceof DOMException)) return undefined;
  if (error.name === "NotAllowedError") return "It was put aside, took too long, or there is no such passkey here.";
  if (error.name === "InvalidStateError") return "This authenticator has a passkey of yours already.";
  if (error.name === "SecurityError") return "The server's passkeys are for another site than this page.";
  return error.message;
}

/** Has a passkey sign a challenge. */
export async function sign(options: Options): Promise<PublicKeyCredentialJSON> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as unknown as PublicKeyCredentialRequestOptionsJSON);
  const credential = await navigator.credentials.get({ publicKey });
  return (credential as PublicKeyCredential).toJSON();
}

/** Logs in with whichever passkey of this site the person picks. */
export async function logInWithPasskey(): Promise<LoggedIn> {
  return logInSigned(await sign(await post<Options>("/v1/login/passkey/options", undefined)));
}

/** Makes and enrols the passkey of an invitation. */
export async function enrol(token: string): Promise<Schema<"PasskeyLine">> {
  const options = await post<Schema<"CreationOptions">>("/v1/passkeys/options", { token });
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as unknown as PublicKeyCredentialCreationOptionsJSON);
  const credential = await navigator.credentials.create({ publicKey });
  return post<Schema<"PasskeyLine">>("/v1/passkeys", { token, credential: (credential as PublicKeyCredential).toJSON() });
}
