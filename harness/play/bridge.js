// Hands a page's passkey ceremonies to the devices of a play. Runs before any of the page's own scripts.
// The binding `stuntkeyAsk` answers {native: true}, {response: …} or {error: …, message: …}.
(() => {
  if (!globalThis.PublicKeyCredential || !navigator.credentials) return;
  const ask = (request) => globalThis.stuntkeyAsk(request);
  const native = {
    create: navigator.credentials.create.bind(navigator.credentials),
    get: navigator.credentials.get.bind(navigator.credentials),
  };

  const toBase64url = (source) => {
    const view = ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source);
    let text = "";
    for (const byte of view) text += String.fromCharCode(byte);
    return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  };
  const fromBase64url = (text) => {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0)).buffer;
  };
  const plain = (value) => {
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return toBase64url(value);
    if (Array.isArray(value)) return value.map(plain);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined).map(([key, each]) => [key, plain(each)]));
    }
    return value;
  };

  const BINARY = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const credential = (json) => {
    const registered = "attestationObject" in json.response;
    const prototype = registered ? AuthenticatorAttestationResponse.prototype : AuthenticatorAssertionResponse.prototype;
    const response = Object.create(prototype);
    const define = (target, name, value) => Object.defineProperty(target, name, { value, enumerable: true });
    for (const name of BINARY) {
      if (name in json.response) define(response, name, fromBase64url(json.response[name]));
      else if (name === "userHandle" && !registered) define(response, name, null);
    }
    if (registered) {
      define(response, "getTransports", () => [...json.response.transports]);
      define(response, "getPublicKeyAlgorithm", () => json.response.publicKeyAlgorithm);
      define(response, "getPublicKey", () => (json.response.publicKey ? fromBase64url(json.response.publicKey) : null));
      define(response, "getAuthenticatorData", () => fromBase64url(json.response.authenticatorData));
    }
    const made = Object.create(PublicKeyCredential.prototype);
    define(made, "id", json.id);
    define(made, "type", "public-key");
    define(made, "rawId", fromBase64url(json.id));
    define(made, "authenticatorAttachment", json.authenticatorAttachment);
    define(made, "response", response);
    define(made, "getClientExtensionResults", () => structuredClone(json.clientExtensionResults));
    define(made, "toJSON", () => structuredClone(json));
    return made;
  };

  const failure = (name, message) =>
    name === "TypeError" ? new TypeError(message) : new DOMException(message, name);
  const settle = (answer) => {
    if (answer.error) throw failure(answer.error, answer.message);
    return credential(answer.response);
  };
  const aborted = (signal) =>
    new Promise((_, reject) => {
      if (!signal) return;
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });

  // A conditional request waits for the person to pick a passkey from the field's list.
  let waiting = null;
  globalThis.stuntkeyPick = async () => {
    if (!waiting) return false;
    const { options, resolve, reject } = waiting;
    waiting = null;
    try {
      resolve(settle(await ask({ kind: "get", mediation: "conditional", options })));
    } catch (error) {
      reject(error);
    }
    return true;
  };
  globalThis.stuntkeyIsWaiting = () => waiting !== null;

  const ceremony = async (kind, given) => {
    if (!given || !given.publicKey) return native[kind](given);
    given.signal?.throwIfAborted();
    const options = plain(given.publicKey);
    if (kind === "get" && given.mediation === "conditional") {
      const picked = new Promise((resolve, reject) => {
        waiting = { options, resolve, reject };
      });
      return Promise.race([picked, aborted(given.signal)]).finally(() => {
        if (given.signal?.aborted) waiting = null;
      });
    }
    const answer = await Promise.race([ask({ kind, mediation: given.mediation ?? null, options }), aborted(given.signal)]);
    return answer.native ? native[kind](given) : settle(answer);
  };
  const replace = (target, name, value) =>
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
  replace(navigator.credentials, "create", (given) => ceremony("create", given));
  replace(navigator.credentials, "get", (given) => ceremony("get", given));

  const capabilities = () => ask({ kind: "capabilities" });
  replace(PublicKeyCredential, "isUserVerifyingPlatformAuthenticatorAvailable", async () =>
    (await capabilities()).userVerifyingPlatformAuthenticator);
  replace(PublicKeyCredential, "isConditionalMediationAvailable", async () => (await capabilities()).conditionalGet);
  replace(PublicKeyCredential, "getClientCapabilities", capabilities);
  for (const signal of ["signalUnknownCredential", "signalAllAcceptedCredentials", "signalCurrentUserDetails"]) {
    replace(PublicKeyCredential, signal, async (options) => {
      const answer = await ask({ kind: signal, options: plain(options) });
      if (answer.error) throw failure(answer.error, answer.message);
    });
  }
})();
