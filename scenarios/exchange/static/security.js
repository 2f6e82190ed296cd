import { post } from "./api.js";
import { $, $$, afterReload, on, state } from "./ui.js";
import { openDialogs, run } from "./operation.js";
import { verify } from "./verify.js";

openDialogs();
for (const form of $$("form[data-kind]")) {
  const where = form.querySelector('[data-test="dialog-error"]');
  on(form, "submit", async () => {
    await run(form.dataset.kind, Object.fromEntries(new FormData(form)), { onBegun: () => form.closest("dialog").close() });
    afterReload("Saved.");
  }, where);
}

let binding;
on($("#bind-totp"), "click", async () => {
  binding = await post("/api/operations", { kind: "bind-totp", details: {} });
  $("#totp-secret").textContent = binding.details.secret;
  $("#totp-qr").src = binding.details.qr;
  $("#totp").showModal();
});
on($("#totp-next"), "click", async () => {
  $("#totp").close();
  state("verify");
  await verify(binding);
  afterReload("The authenticator app is set up.");
});
