// Puts virtual keys in the place of the browser's own: navigator.credentials answers with what the binding says.
(() => {
  const call = globalThis.__stuntkey;
  if (!call || !globalThis.PublicKeyCredential || globalThis.__stuntkeyBridged) return;
  Object.defineProperty(globalThis, "__stuntkeyBridged", {value: true});
  const native = {create: navigator.credentials.create, get: navigator.credentials.get};
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

  const ceremony = (kind) => async function (options) {
    if (!options?.publicKey) return native[kind].call(navigator.credentials, options);
    const {publicKey, signal, mediation} = options;
    if (signal?.aborted) throw aborted(signal);
    const number = `${performance.timeOrigin} ${++numbers}`;
    const hangUp = () => call({kind: "abort", number});
    addEventListener("pagehide", hangUp, {once: true});
    try {
      const answered = ask(kind, {number, mediation, publicKey: toJson(publicKey)});
      answered.catch(() => {});
      const given = await (!signal ? answered : Promise.race([answered, new Promise((_, reject) => {
        signal.addEventListener("abort", () => { hangUp(); reject(aborted(signal)); }, {once: true});
      })]));
      return credentialOf(given);
    } finally {
      removeEventListener("pagehide", hangUp);
    }
  };
  navigator.credentials.create = ceremony("create");
  navigator.credentials.get = ceremony("get");

  const statics = {
    isUserVerifyingPlatformAuthenticatorAvailable: async () => (await ask("capabilities")).userVerifyingPlatformAuthenticator,
    isConditionalMediationAvailable: async () => (await ask("capabilities")).conditionalGet,
    getClientCapabilities: () => ask("capabilities"),
  };
  for (const name of ["signalUnknownCredential", "signalAllAcceptedCredentials", "signalCurrentUserDetails"]) {
    statics[name] = async (options) => { await ask("signal", {name, options: toJson(options)}); };
  }
  for (const [name, value] of Object.entries(statics)) {
    Object.defineProperty(PublicKeyCredential, name, {value, configurable: true, writable: true});
  }
})();
