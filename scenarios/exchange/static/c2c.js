import { run } from "./operation.js";
import { $, afterReload, on, values } from "./ui.js";

on($("#order"), "submit", async (event) => {
  const sent = values(event.target);
  const operation = await run("order", sent, { about: `${sent.side} ${sent.amount} ${sent.asset}` });
  afterReload(`The order is placed, verified with ${operation.result.verified_with}.`);
});
