// Puts virtual keys in the place of the browser's own: navigator.credentials answers with what the binding says.
// The binding `__stuntkey` takes one call and answers {value: …} or {error: {name, message}}. The value of a ceremony
// is {credential: …}, {native: true} where the browser is to ask for itself, or {wait: true} for autofill that nobody
// has picked from yet.
(() => {
  const call = globalThis.__stuntkey;
  if (!call || !globalThis.PublicKeyCredential || globalThis.__stuntkeyBridged) return;
  Object.defineProperty(globalThis, "__stuntkeyBridged", {value: true});
  const native = {create: navigator.credentials.create, get: navigator.credentials.get};
  const LOOK_AGAIN = 100;
  let numbers = 0;

  const bytes = (source) => ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
  const encode = (source) => btoa(Array.from(bytes(source), (b) => String.fromCharCode(b)).join(""))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const decode = (text) => Uint8Array.from(
    atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0)).buffer;
  const isBytes = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);
  const toJson = (value) => {
    if (isBytes(value)) return encode(value);
    if (Array.isArray(value)) return value.map(toJson);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value)
      .filter(([, item]) => item !== undefined).map(([name, item]) => [name, toJson(item)]));
  };

  const failure = ({name, message}) => name === "TypeError" ? new TypeError(message) : new DOMException(message, name);
  const aborted = (signal) => signal.reason ?? new DOMException("signal is aborted without reason", "AbortError");
  const ask = async (kind, options) => {
    const answer = await call({kind, ...options});
    if (answer.error) throw failure(answer.error);
    return answer.value;
  };

  const own = (prototype, members) => {
    const object = Object.create(prototype);
    for (const [name, value] of Object.entries(members)) Object.defineProperty(object, name, {value, enumerable: true});
    return object;
  };
  // Members of clientExtensionResults that are bytes: prf, largeBlob and credBlob have them
  const EXTENSION_BYTES = new Set(["first", "second", "blob"]);
  const extensions = (value, name) => {
    if (typeof value === "string" && EXTENSION_BYTES.has(name)) return decode(value);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, extensions(item, key)]));
  };
  const responseOf = ({response}) => {
    const shared = {clientDataJSON: decode(response.clientDataJSON)};
    if (response.attestationObject === undefined) {
      return own(AuthenticatorAssertionResponse.prototype, {
        ...shared,
        authenticatorData: decode(response.authenticatorData),
        signature: decode(response.signature),
        userHandle: response.userHandle === undefined ? null : decode(response.userHandle),
      });
    }
    return own(AuthenticatorAttestationResponse.prototype, {
      ...shared,
      attestationObject: decode(response.attestationObject),
      getAuthenticatorData: () => decode(response.authenticatorData),
      getPublicKey: () => response.publicKey === undefined ? null : decode(response.publicKey),
      getPublicKeyAlgorithm: () => response.publicKeyAlgorithm,
      getTransports: () => [...response.transports],
    });
  };
  const credentialOf = (json) => own(PublicKeyCredential.prototype, {
    id: json.id,
    rawId: decode(json.rawId),
    type: json.type,
    authenticatorAttachment: json.authenticatorAttachment,
    response: responseOf(json),
    getClientExtensionResults: () => extensions(json.clientExtensionResults),
    toJSON: () => structuredClone(json),
  });

  const pause = () => new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  const ceremony = (kind) => async function (options) {
    if (!options?.publicKey) return native[kind].call(navigator.credentials, options);
    const {publicKey, signal, mediation} = options;
    if (signal?.aborted) throw aborted(signal);
    const request = {number: `${performance.timeOrigin} ${++numbers}`, mediation, publicKey: toJson(publicKey)};
    let isOver = false;
    const hangUp = () => {
      isOver = true;
      return call({kind: "abort", number: request.number});
    };
    const askOn = async () => {
      for (;;) {
        const answer = await ask(kind, request);
        if (!answer.wait || isOver) return answer;
        await pause();
        if (isOver) return answer;
      }
    };
    addEventListener("pagehide", hangUp, {once: true});
    try {
      const answered = askOn();
      answered.catch(() => {});
      const answer = await (!signal ? answered : Promise.race([answered, new Promise((_, reject) => {
        signal.addEventListener("abort", () => { hangUp(); reject(aborted(signal)); }, {once: true});
      })]));
      if (!answer.native) return credentialOf(answer.credential);
      // Whoever picked from the autofill has chosen: the browser need not wait for that again.
      const asked = mediation === "conditional" ? {...options, mediation: "optional"} : options;
      return await native[kind].call(navigator.credentials, asked);
    } finally {
      removeEventListener("pagehide", hangUp);
    }
  };
  const replace = (target, name, value) =>
    Object.defineProperty(target, name, {value, configurable: true, writable: true});
  replace(navigator.credentials, "create", ceremony("create"));
  replace(navigator.credentials, "get", ceremony("get"));

  const statics = {
    isUserVerifyingPlatformAuthenticatorAvailable: async () => (await ask("capabilities")).userVerifyingPlatformAuthenticator,
    isConditionalMediationAvailable: async () => (await ask("capabilities")).conditionalGet,
    getClientCapabilities: () => ask("capabilities"),
  };
  for (const name of ["signalUnknownCredential", "signalAllAcceptedCredentials", "signalCurrentUserDetails"]) {
    statics[name] = async (options) => { await ask("signal", {name, options: toJson(options)}); };
  }
  for (const [name, value] of Object.entries(statics)) replace(PublicKeyCredential, name, value);
})();
