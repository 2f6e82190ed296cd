// Making a passkey: verification first, then the ceremony, which can be tried again.

import { get, post } from "./api.js";
import { create, device, signal } from "./passkey.js";
import { run } from "./operation.js";

// `attempt(make)` is called with what tries once; it decides on another go.
export async function makePasskey({ method, network, about }, attempt) {
  const operation = await run("add-passkey", { method, network, device: await device() }, { about });
  const passkey = await attempt(async () => {
    const { ceremony, options } = await post("/api/passkeys/options", { operation: operation.id });
    const credential = await create(options);
    return post("/api/passkeys", { operation: operation.id, ceremony, credential });
  });
  await signal((await get("/api/passkeys")).signals);
  return passkey;
}
