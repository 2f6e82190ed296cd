import { get, post } from "./api.js";
import { followAsset } from "./chains.js";
import { makePasskey } from "./make_passkey.js";
import { ask, openDialogs } from "./operation.js";
import { $, grouped, on, show, state, tell, values } from "./ui.js";
import { Cancelled, verify } from "./verify.js";

followAsset();
openDialogs();

function review({ details }) {
  $("#review-amount").textContent = `${grouped(details.amount)} ${details.asset}`;
  $("#review-address").textContent = details.address;
  $("#review-chain").textContent = $("#chain").selectedOptions[0].textContent;
  $("#review-fee").textContent = `${details.fee} ${details.asset}`;
  state("review");
  return ask($("#review"), $("#confirm-withdrawal"));
}

// "Add Passkey for Withdrawal": makes one and goes on with it, or goes on with codes.
function offerPasskey() {
  const dialog = $("#add-passkey");
  tell(null, $("#prompt-error"));
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    const { signal } = done;
    const end = (how, value) => {
      done.abort();
      dialog.close();
      how(value);
    };
    $("#not-now").addEventListener("click", () => end(resolve, false), { signal });
    dialog.addEventListener("cancel", () => end(reject, new Cancelled("It was cancelled.")), { signal });
    $("#add-now").addEventListener("click", async () => {
      tell(null, $("#prompt-error"));
      try {
        await makePasskey({ method: "this-device", network: "exchange" }, (make) => make());
        end(resolve, true);
      } catch (error) {
        tell(error, $("#prompt-error"));
      }
    }, { signal });
    dialog.showModal();
  });
}

on($("#withdraw"), "submit", async (event) => {
  let operation = await post("/api/operations", { kind: "withdraw", details: values(event.target) });
  try {
    while (operation.state === "draft") {
      await review(operation);
      operation = await post(`/api/operations/${operation.id}/confirm`, { details: operation.details });
    }
    if (operation.prompt === "add-passkey") {
      state("prompt");
      await offerPasskey();
      operation = await get(`/api/operations/${operation.id}`);
    }
    state("verify");
    const { amount, asset, address } = operation.details;
    operation = await verify(operation, `${grouped(amount)} ${asset} to ${address}`);
  } catch (error) {
    state("ready");
    throw error;
  }
  for (const name of ["amount", "address", "chain", "fee"]) {
    $(`#receipt-${name}`).textContent = $(`#review-${name}`).textContent;
  }
  $("#withdrawal-id").textContent = operation.result.withdrawal;
  $("#verified-with").textContent = operation.result.verified_with;
  show($("#withdraw"), false);
  show($("#receipt"));
  state("done");
});
