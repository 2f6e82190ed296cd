// What every page does: tell errors, show progress, remember a message over a reload.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

export function show(element, visible = true) {
  element.hidden = !visible;
}

export function state(name) {
  $("main").dataset.state = name;
}

export function tell(error, where = $("#error")) {
  where.textContent = "";
  delete where.dataset.error;
  if (!error) return;
  where.dataset.error = error.code ?? error.name ?? "error";
  const left = error.body?.attempts_left;
  where.textContent = error.message + (left === undefined ? "" : ` ${left} attempts left.`);
  where.scrollIntoView({ block: "nearest" });
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
    tell(null, where);
    if (button) button.disabled = true;
    document.body.setAttribute("aria-busy", "true");
    try {
      await action(happening);
    } catch (error) {
      if (error?.code !== "cancelled") tell(error, where);
      if (!error?.code && !error?.name?.endsWith("Error")) throw error;
    } finally {
      if (button) button.disabled = false;
      document.body.removeAttribute("aria-busy");
    }
  });
}

export function values(form) {
  return Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
}

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
