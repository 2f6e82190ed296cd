import { post } from "./api.js";
import { $, on, state, values } from "./ui.js";
import { verify } from "./verify.js";

on($("#sign-up"), "submit", async (event) => {
  const operation = await post("/api/sign-up", values(event.target));
  state("verify");
  await verify(operation, "We send you a code to make sure that it is your address.");
  location.assign("/dashboard");
});
