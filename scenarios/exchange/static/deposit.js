import { followAsset } from "./chains.js";
import { run } from "./operation.js";
import { $, on, show, state, values } from "./ui.js";

followAsset();
on($("#deposit"), "submit", async (event) => {
  const operation = await run("deposit-address", values(event.target), { about: "A new deposit address." });
  $("#address").textContent = operation.result.address;
  show($("#shown"));
  state("done");
});
