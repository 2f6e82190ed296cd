// From a form to a finished operation: begin, confirm, verify.

import { post } from "./api.js";
import { $, $$, state } from "./ui.js";
import { verify } from "./verify.js";

export async function run(kind, details, { about, onBegun, confirm } = {}) {
  let operation = await post("/api/operations", { kind, details });
  onBegun?.(operation);
  while (operation.state === "draft") {
    if (confirm) await confirm(operation);
    operation = await post(`/api/operations/${operation.id}/confirm`, { details: operation.details });
  }
  state("verify");
  try {
    return await verify(operation, about);
  } finally {
    state("ready");
  }
}

// Buttons with data-dialog open a dialog, those with data-close close theirs.
export function openDialogs() {
  for (const button of $$("[data-dialog]")) {
    button.addEventListener("click", () => $(`#${button.dataset.dialog}`).showModal());
  }
  for (const button of $$("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
}

// Resolves when the dialog's own button is pressed; rejects where it is closed otherwise.
export function ask(dialog, button) {
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    const { signal } = done;
    dialog.addEventListener("close", () => {
      done.abort();
      reject(Object.assign(new Error("It was cancelled."), { code: "cancelled" }));
    }, { signal });
    button.addEventListener("click", () => {
      done.abort();
      dialog.close();
      resolve();
    }, { signal });
    dialog.showModal();
  });
}
