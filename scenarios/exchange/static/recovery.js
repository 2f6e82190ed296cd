import { post } from "./api.js";
import { $, message, on, state, values } from "./ui.js";
import { verify } from "./verify.js";

const utc = (seconds) => `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;

on($("#recover"), "submit", async (event) => {
  const operation = await verify(await post("/api/recovery", values(event.target)), "Show that the account is yours.");
  const { token, ready } = operation.result;
  $("#token").value = token;
  state("waiting");
  message(`Your identity is verified. Keep this reference: ${token}. Come back after ${utc(ready)}.`);
});
on($("#complete"), "submit", async (event) => {
  await post("/api/recovery/complete", values(event.target));
  location.assign("/security/passkeys");
});
