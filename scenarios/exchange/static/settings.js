import { run } from "./operation.js";
import { $, $$, afterReload, on } from "./ui.js";

const read = {
  "whitelist-only": (form) => ({ on: form.elements.on.checked }),
  "whitelist-address": (form) => Object.fromEntries(new FormData(form)),
  "api-key": (form) => ({ label: form.elements.label.value, rights: new FormData(form).getAll("rights") }),
};
for (const form of $$("form[data-kind]")) {
  on(form, "submit", async () => {
    const { kind } = form.dataset;
    const { result } = await run(kind, read[kind](form), { about: "This setting is sensitive: show that it is you." });
    if (result.key) $("#new-key").textContent = `Your key, shown this once: ${result.key}`;
    else afterReload("Saved.");
  });
}
