import { post } from "./api.js";
import { $$, afterReload, on } from "./ui.js";

for (const button of $$("[data-end]")) {
  on(button, "click", async () => {
    await post(`/api/sessions/${button.dataset.end}/end`);
    afterReload("That device is logged out.");
  });
}
