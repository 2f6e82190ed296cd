// The bridge to npm's @simplewebauthn/server. The protocol is that of docs/fuzz-bridge.md: one JSON object a line.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.argv[2] ? pathToFileURL(process.argv[2] + "/") : import.meta.url);
const library = require("@simplewebauthn/server");
const entry = require.resolve("@simplewebauthn/server");
const { version } = JSON.parse(readFileSync(entry.slice(0, entry.lastIndexOf("server") + 6) + "/package.json", "utf8"));
const { verifyRegistrationResponse, verifyAuthenticationResponse, SettingsService, supportedCOSEAlgorithmIdentifiers } = library;

const FORMATS = ["packed", "fido-u2f", "tpm", "android-key", "android-safetynet", "apple"];
const before = Object.fromEntries(FORMATS.map((identifier) => [identifier, SettingsService.getRootCertificates({ identifier })]));
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64url"));
const text = (data) => Buffer.from(data).toString("base64url");

function trust(roots) {
  for (const identifier of FORMATS) {
    SettingsService.setRootCertificates({ identifier, certificates: roots.length ? roots.map(bytes).map((der) => Buffer.from(der)) : before[identifier] });
  }
}

async function register({ body, expected }) {
  trust(expected.roots);
  const { verified, registrationInfo } = await verifyRegistrationResponse({
    response: JSON.parse(body),
    expectedChallenge: expected.challenge,
    expectedOrigin: expected.origin,
    expectedRPID: expected.rpId,
    requireUserVerification: expected.userVerification,
  });
  if (!verified) return { outcome: "unverified" };
  const { id, publicKey, counter } = registrationInfo.credential;
  return { outcome: "accepted", credential: { id, publicKey: text(publicKey), counter } };
}

async function authenticate({ body, expected, credential }) {
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: JSON.parse(body),
    expectedChallenge: expected.challenge,
    expectedOrigin: expected.origin,
    expectedRPID: expected.rpId,
    requireUserVerification: expected.userVerification,
    credential: { id: credential.id, publicKey: bytes(credential.publicKey), counter: credential.counter },
  });
  return verified ? { outcome: "accepted", counter: authenticationInfo.newCounter } : { outcome: "unverified" };
}

// The library refuses by throwing Error; subclasses of the language's own are accidents.
function refusal(error) {
  const accident = [TypeError, RangeError, SyntaxError, ReferenceError, URIError].some((kind) => error instanceof kind);
  return { outcome: accident ? "crashed" : "refused", kind: error?.name ?? typeof error, reason: String(error?.message ?? error) };
}

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
say({ bridge: 1, library: "@simplewebauthn/server", version, algorithms: supportedCOSEAlgorithmIdentifiers ?? [-8, -7, -257] });

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { id, do: what, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = await (what === "register" ? register(rest) : authenticate(rest));
  } catch (error) {
    answer = refusal(error);
  }
  say({ id, ...answer });
}
