// WebAuthn in the browser: options in, toJSON out, errors in words that people understand.

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0)).buffer;
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const descriptors = (list) => (list ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

export const isSupported = () => Boolean(globalThis.PublicKeyCredential && navigator.credentials);

function creationOptions(json) {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
  return {
    ...json,
    challenge: bytes(json.challenge),
    user: { ...json.user, id: bytes(json.user.id) },
    excludeCredentials: descriptors(json.excludeCredentials),
  };
}

function requestOptions(json) {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
  return { ...json, challenge: bytes(json.challenge), allowCredentials: descriptors(json.allowCredentials) };
}

function toJSON(credential) {
  if (credential.toJSON) {
    try {
      return credential.toJSON();
    } catch {
      // some password managers hand out credentials whose toJSON throws
    }
  }
  const { response } = credential;
  const members = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) members[name] = text(response[name]);
  }
  if (response.getTransports) members.transports = response.getTransports();
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: members,
  };
}

export class PasskeyError extends Error {
  constructor(error, message) {
    super(message);
    this.code = error.name;
    this.cause = error;
  }
}

const CREATING = {
  NotAllowedError: "No passkey was created: it was cancelled, timed out or not allowed. Try again.",
  InvalidStateError: "This device or key already has a passkey for your account.",
  NotSupportedError: "This device or key cannot make such a passkey. Choose another way.",
  ConstraintError: "This device or key cannot verify you. Set a screen lock or a PIN, or choose another one.",
  SecurityError: "Passkeys do not work at this address.",
  AbortError: "It was cancelled. Try again.",
};
const USING = {
  NotAllowedError: "No passkey was used: it was cancelled, timed out or not allowed. Try again, or use another way.",
  InvalidStateError: "This device or key has no passkey for your account.",
  SecurityError: "Passkeys do not work at this address.",
  AbortError: "It was cancelled. Try again, or use another way.",
};

function understandable(error, words) {
  if (!(error instanceof DOMException)) return error;
  return new PasskeyError(error, words[error.name] ?? `It did not work: ${error.message} Try again.`);
}

let underWay = null; // one ceremony at a time: the autofill's gives way to any other
let isAutofill = false;

function begin(mediation) {
  const comes = mediation === "conditional";
  if (comes && underWay && !isAutofill) throw new DOMException("another request goes first", "AbortError");
  stop();
  underWay = new AbortController();
  isAutofill = comes;
  return underWay.signal;
}

export function stop() {
  underWay?.abort(new DOMException("another request goes first", "AbortError"));
  underWay = null;
}

const unsupported = () =>
  new PasskeyError({ name: "NotSupportedError" }, "This browser does not support passkeys. Update it, or use another.");

export async function create(json) {
  if (!isSupported()) throw unsupported();
  try {
    return toJSON(await navigator.credentials.create({ publicKey: creationOptions(json), signal: begin() }));
  } catch (error) {
    throw understandable(error, CREATING);
  }
}

export async function use(json, mediation) {
  if (!isSupported()) throw unsupported();
  try {
    const request = { publicKey: requestOptions(json), signal: begin(mediation) };
    return toJSON(await navigator.credentials.get(mediation ? { ...request, mediation } : request));
  } catch (error) {
    throw understandable(error, USING);
  }
}

export async function hasAutofill() {
  return isSupported() && Boolean(await PublicKeyCredential.isConditionalMediationAvailable?.());
}

async function capabilities() {
  try {
    return (await PublicKeyCredential.getClientCapabilities?.()) ?? {};
  } catch {
    return {};
  }
}

// What the page can find out about the device; what it cannot is left out.
export async function device() {
  if (!isSupported()) return {};
  const found = {};
  const able = await capabilities();
  const verifies = await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable?.().catch(() => undefined);
  if (verifies === true) found.screen_lock = true;
  if (able.hybridTransport === true) found.bluetooth = true;
  return found;
}

// The Signal API: password managers hear which passkeys the account has, and its name.
export async function signal(signals) {
  if (!isSupported()) return;
  for (const { rpId, userId, allAcceptedCredentialIds, name, displayName } of signals) {
    try {
      await PublicKeyCredential.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds });
      if (allAcceptedCredentialIds.length) {
        await PublicKeyCredential.signalCurrentUserDetails?.({ rpId, userId, name, displayName });
      }
    } catch {
      // it is a courtesy: a browser may refuse it
    }
  }
}

export async function signalUnknown(rpId, credentialId) {
  try {
    await PublicKeyCredential.signalUnknownCredential?.({ rpId, credentialId });
  } catch {
    // as above
  }
}
