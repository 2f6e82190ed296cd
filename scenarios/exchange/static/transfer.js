import { run } from "./operation.js";
import { $, afterReload, on, values } from "./ui.js";

on($("#transfer"), "submit", async (event) => {
  const sent = values(event.target);
  const operation = await run(event.target.dataset.kind, sent, { about: `${sent.amount} ${sent.asset} to ${sent.to}` });
  afterReload(`Done, verified with ${operation.result.verified_with}.`);
});
