import { get, post } from "./api.js";
import { device, isSupported, signal } from "./passkey.js";
import { makePasskey } from "./make_passkey.js";
import { ask, openDialogs, run } from "./operation.js";
import { $, $$, afterReload, on, show, tell } from "./ui.js";

const list = $("#passkeys");
const row = (id) => $(`[data-test="passkey"][data-id="${id}"]`);
openDialogs();
signal(JSON.parse(list.dataset.signals));

on($("#enable"), "click", async () => {
  await run("enable-passkeys", {}, { about: "Before passkeys are turned on, show that it is you." });
  afterReload("Passkeys are enabled. Now make your first one.");
});

// Which ways are open on this device, and why others are not.
async function drawMethods() {
  const verdict = await post("/api/requirements", { device: await device() });
  const [problem] = verdict.problems;
  tell(problem && { code: problem.what, message: problem.message }, $("#method-error"));
  for (const { method, available, why } of verdict.methods) {
    const button = $(`[data-method="${method}"]`);
    if (!button) continue;
    button.disabled = !available || !isSupported();
    const about = button.querySelector("small");
    about.textContent = why ?? about.dataset.about;
    button.dataset.why = why ?? "";
  }
  if (!isSupported()) tell({ code: "unsupported", message: "This browser does not support passkeys." }, $("#method-error"));
}

on($("#add"), "click", async () => {
  await drawMethods();
  $("#method").showModal();
});

// Tries, tells what went wrong, and tries again as often as the person likes.
function attempt(make) {
  const dialog = $("#retry");
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    const { signal: stop } = done;
    const once = async () => {
      tell(null, $("#create-error"));
      show($("#creating"));
      show($("#create-again"), false);
      dialog.dataset.state = "creating";
      try {
        const passkey = await make();
        done.abort();
        dialog.close();
        resolve(passkey);
      } catch (error) {
        dialog.dataset.state = "failed";
        tell(error, $("#create-error"));
        show($("#creating"), false);
        show($("#create-again"));
      }
    };
    dialog.addEventListener("close", () => {
      done.abort();
      reject(Object.assign(new Error("It was cancelled."), { code: "cancelled" }));
    }, { signal: stop });
    $("#create-again").addEventListener("click", once, { signal: stop });
    dialog.showModal();
    once();
  });
}

for (const button of $$("[data-method]")) {
  on(button, "click", async () => {
    const network = $("#new-network")?.value ?? "exchange";
    $("#method").close();
    const passkey = await makePasskey(
      { method: button.dataset.method, network, about: "Before a passkey is added, show that it is you." },
      attempt,
    );
    afterReload(`The passkey “${passkey.name}” was created.`);
  });
}

let renaming;
for (const button of $$("[data-rename]")) {
  button.addEventListener("click", () => {
    renaming = button.dataset.rename;
    $("#new-name").value = row(renaming).dataset.name;
    $("#rename").showModal();
    $("#new-name").select();
  });
}
on($("#rename-form"), "submit", async () => {
  const passkey = await post(`/api/passkeys/${renaming}/name`, { name: $("#new-name").value });
  afterReload(`It is called “${passkey.name}” now.`);
}, $("#rename-error"));

for (const button of $$("[data-remove]")) {
  on(button, "click", async () => {
    const id = button.dataset.remove;
    $("#remove-name").textContent = row(id).dataset.name;
    const operation = await run("remove-passkey", { passkey: id }, {
      about: "Verify with another passkey, or with codes.",
      confirm: () => ask($("#remove"), $("#remove-confirm")),
    });
    await signal((await get("/api/passkeys")).signals);
    afterReload(operation.result.held ? "The passkey was removed. Withdrawals and P2P trading are held." : "The passkey was removed.");
  });
}

on($("#uses-form"), "submit", async (event) => {
  const uses = new FormData(event.target).getAll("uses");
  await run("passkey-uses", { uses }, { about: "Saving needs two-step verification.", onBegun: () => $("#uses").close() });
  afterReload("The application scenarios are saved.");
}, $("#uses-error"));
