// The dialog in which an operation is verified: by a passkey, or by codes, and by a face.

import { post } from "./api.js";
import { use, device, stop } from "./passkey.js";
import { $, element, on, show, tell } from "./ui.js";

const dialog = $("#verify");
const error = $("#verify-error");
const LABELS = {
  email: "E-mail code",
  phone: "SMS code",
  "new-email": "Code sent to the new e-mail address",
  "new-phone": "Code sent to the new number",
  totp: "Authenticator app code",
  "new-totp": "Code of the new authenticator app",
  password: "Password",
};
const TITLES = {
  "sign-up": "Confirm your address",
  "log-in": "Two-step verification",
  recover: "Verify your identity",
  withdraw: "Verify the withdrawal",
};

let operation;
let settle;

export class Cancelled extends Error {
  code = "cancelled";
}

const way = (name) => operation.ways.find((each) => each.way === name);
const isOpen = () => operation.state === "verify";

// Resolves with the operation once it is verified; rejects with Cancelled.
export function verify(given, about = "") {
  operation = given;
  if (!isOpen()) return Promise.resolve(operation);
  $("#verify-title").textContent = TITLES[operation.kind] ?? "Security verification";
  $("#verify-about").textContent = about;
  $("#verify-codes").replaceChildren();
  tell(null, error);
  dialog.showModal();
  const passkey = way("passkey");
  if (passkey?.available) offerPasskey(true);
  else offerCodes(passkey?.why);
  return new Promise((resolve, reject) => {
    settle = { resolve, reject };
  });
}

function close() {
  dialog.dataset.state = "closed";
  dialog.close();
}

function finish(answer) {
  operation = answer;
  if (isOpen()) {
    offerRest();
    return;
  }
  close();
  settle.resolve(operation);
}

function mode(name) {
  dialog.dataset.state = name;
  show($("#verify-passkey"), name === "passkey");
  show($("#verify-codes"), name === "codes");
  show($("#verify-submit"), name === "codes" && Boolean($("#verify-codes input")));
  const other = name === "passkey" ? way("codes") : way("passkey");
  show($("#verify-other"), Boolean(other?.available) && !operation.proofs.includes("passkey"));
  $("#verify-other").textContent = name === "passkey" ? "Use codes instead" : "Use a passkey instead";
  if (name === "passkey") show($("#verify-face"), false);
}

function offerPasskey(atOnce) {
  mode("passkey");
  if (atOnce) askPasskey();
}

async function askPasskey() {
  const button = $("#verify-with-passkey");
  tell(null, error);
  show($("#verify-waiting"));
  show(button, false);
  const asked = operation;
  try {
    const path = `/api/operations/${asked.id}/passkey`;
    const { ceremony, options } = await post(`${path}/options`, { device: await device() });
    const credential = await use(options);
    if (operation !== asked || !dialog.open) return;
    finish(await post(path, { ceremony, credential, details: asked.details }));
  } catch (problem) {
    if (operation === asked && dialog.dataset.state === "passkey") tell(problem, error);
  } finally {
    show($("#verify-waiting"), false);
    show(button);
    button.textContent = "Try again";
  }
}

function offerCodes(why) {
  const codes = way("codes");
  drawFields(codes?.available ? codes.needs : []);
  mode("codes");
  if (!codes?.available) tell({ code: "unavailable", message: codes?.why ?? why ?? "This cannot be verified." }, error);
  else if (why) $("#verify-about").textContent = why;
}

function offerRest() {
  const rest = operation.ways.find((each) => each.available && each.needs.some((need) => operation.proofs.includes(need)));
  drawFields((operation.proofs.includes("passkey") ? way("passkey") : rest ?? way("codes")).needs);
  mode("codes");
}

const isProven = (need) =>
  operation.proofs.includes(need) ||
  (need === "email-or-phone" && (operation.proofs.includes("email") || operation.proofs.includes("phone")));

function drawFields(needs) {
  const form = $("#verify-codes");
  const open = needs.filter((need) => need !== "passkey" && !isProven(need));
  show($("#verify-face"), open.includes("face"));
  // what was typed into a field that is still open stays there
  const drawn = new Map([...form.children].map((each) => [each.dataset.need, each]));
  form.replaceChildren(...open.filter((need) => need !== "face").map((need) => drawn.get(need) ?? needed(need)));
  if (!form.contains(document.activeElement)) form.querySelector("input")?.focus();
}

function needed(need) {
  return element("div", { "data-need": need }, ...(need === "email-or-phone" ? channelField() : [field(need)]));
}

function field(factor) {
  const id = `code-${factor}`;
  const isPassword = factor === "password";
  const input = element("input", {
    id,
    name: factor.replaceAll("-", "_"),
    "data-test": id,
    required: "",
    ...(isPassword
      ? { type: "password", autocomplete: "current-password" }
      : { type: "text", class: "code", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "6" }),
  });
  const made = element("div", { class: "field", "data-factor": factor }, element("label", { for: id }, LABELS[factor]));
  const to = operation.sends[factor];
  if (!to) {
    made.append(input);
    return made;
  }
  const button = element("button", { type: "button", "data-test": `send-${factor}` }, "Send code");
  const sent = element("small", { role: "status", "data-test": `sent-${factor}` }, `To ${to}`);
  on(button, "click", async () => {
    await post(`/api/operations/${operation.id}/send`, { factor });
    sent.textContent = `Sent to ${to}`;
    sent.dataset.state = "sent";
    button.textContent = "Send again";
    input.focus();
  }, error);
  made.append(element("div", { class: "with-button" }, input, button), sent);
  return made;
}

// The codes of either address will do: the e-mail's, unless the person prefers the phone.
function channelField() {
  const possible = ["email", "phone"].filter((factor) => operation.sends[factor]);
  const holder = element("div", {}, field(possible[0]));
  if (possible.length < 2) return [holder];
  const change = element("button", { type: "button", class: "plain", "data-test": "other-channel" }, "Use my phone instead");
  let chosen = 0;
  change.addEventListener("click", () => {
    chosen = 1 - chosen;
    holder.replaceChildren(field(possible[chosen]));
    change.textContent = chosen ? "Use my e-mail instead" : "Use my phone instead";
  });
  return [holder, element("p", {}, change)];
}

on($("#verify-codes"), "submit", async () => {
  const given = {};
  for (const input of $("#verify-codes").querySelectorAll("input")) {
    if (input.value) given[input.name] = input.name === "password" ? input.value : input.value.replaceAll(/\s/g, "");
  }
  if (!Object.keys(given).length) {
    const first = $("#verify-codes input");
    const message = first.name === "password" ? "Enter your password." : "Enter the code of six digits.";
    throw Object.assign(new Error(message), { code: "bad-request", body: { field: first.name } });
  }
  finish(await post(`/api/operations/${operation.id}/codes`, given));
}, error);
on($("#face-check"), "click", async () => {
  finish(await post(`/api/operations/${operation.id}/face`, { scene: $("#face-scene").value }));
}, error);
$("#verify-with-passkey").addEventListener("click", askPasskey);
$("#verify-other").addEventListener("click", () => {
  stop();
  tell(null, error);
  if (dialog.dataset.state === "passkey") offerCodes();
  else offerPasskey(true);
});
function cancel() {
  stop();
  close();
  settle.reject(new Cancelled("It was cancelled."));
}
$("#verify-cancel").addEventListener("click", cancel);
dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  cancel();
});
