// What every page does: tell errors, show progress, remember a message over a reload.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

export function show(element, visible = true) {
  element.hidden = !visible;
}

export function state(name) {
  $("main").dataset.state = name;
}

export function tell(error, where = $("#error"), form = null) {
  where.textContent = "";
  delete where.dataset.error;
  where.classList.remove("at-field");
  clearFields(form);
  if (!error) return;
  where.dataset.error = error.code ?? error.name ?? "error";
  const left = error.body?.attempts_left;
  const more = left === undefined ? "" : left === 1 ? " One attempt left." : ` ${left} attempts left.`;
  where.textContent = error.message + more;
  if (markField(form, error.body?.field ?? error.body?.factor, where.textContent)) where.classList.add("at-field");
  else where.scrollIntoView({ block: "nearest" });
}

// What is wrong with a field stands below it; the alert then only says it to those who hear the page.
function markField(form, name, text) {
  const control = name && form?.elements.namedItem(name.replaceAll("-", "_"));
  if (!(control instanceof HTMLElement)) return false;
  const told = element("small", { class: "field-error", id: `${control.id}-error`, "data-test": "field-error" }, text);
  control.dataset.described = control.getAttribute("aria-describedby") ?? "";
  control.setAttribute("aria-describedby", `${control.dataset.described} ${told.id}`.trim());
  control.setAttribute("aria-invalid", "true");
  (control.closest(".with-button") ?? control).after(told);
  control.focus();
  return true;
}

function clearFields(form) {
  for (const control of form ? $$('[aria-invalid="true"]', form) : []) {
    control.removeAttribute("aria-invalid");
    if (control.dataset.described) control.setAttribute("aria-describedby", control.dataset.described);
    else control.removeAttribute("aria-describedby");
    $(`#${control.id}-error`)?.remove();
  }
}

export function message(text) {
  $("#message").textContent = text;
}

export function afterReload(text, path = location.href) {
  sessionStorage.setItem("message", text);
  if (path === location.href) location.reload();
  else location.assign(path);
}

// fires after the page's own module has run
document.addEventListener("DOMContentLoaded", () => {
  if ($("main").dataset.state === "loading") state("ready");
});

const kept = sessionStorage.getItem("message");
if (kept) {
  sessionStorage.removeItem("message");
  message(kept);
}

// Runs what a form or button stands for: busy while it lasts, errors told where they belong.
export function on(element, event, action, where) {
  element?.addEventListener(event, async (happening) => {
    happening.preventDefault();
    const button = happening.submitter ?? (element instanceof HTMLButtonElement ? element : null);
    const form = element instanceof HTMLFormElement ? element : null;
    tell(null, where, form);
    message("");
    if (button) button.disabled = true;
    document.body.setAttribute("aria-busy", "true");
    try {
      await action(happening);
    } catch (error) {
      if (error?.code !== "cancelled") tell(error, where, form);
      if (!error?.code && !error?.name?.endsWith("Error")) throw error;
    } finally {
      if (button) button.disabled = false;
      document.body.removeAttribute("aria-busy");
    }
  });
}

// 10000.5 as 10,000.5
export const grouped = (number) => number.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

export function values(form) {
  return Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
}

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
