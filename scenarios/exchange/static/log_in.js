import { post } from "./api.js";
import { device, hasAutofill, signalUnknown, stop, use } from "./passkey.js";
import { $, $$, on, show, state, tell, values } from "./ui.js";
import { verify } from "./verify.js";

const steps = ["identifier", "slider", "passkey", "password"];
const first = $("#identifier-step");
let network = "exchange";

function step(name) {
  for (const each of steps) show($(`#${each}-step`), each === name);
  show($("#use-password"), true);
  state(name);
  $(`#${name}-step`).querySelector("input:not([hidden]), button")?.focus();
}

function home() {
  state("done");
  const next = new URLSearchParams(location.search).get("next") ?? "";
  location.assign(/^\/[a-z]/.test(next) ? next : "/dashboard");
}

// A passkey that the site does not know any more is told to its provider, which can drop it.
async function logIn({ ceremony, options }, mediation) {
  const credential = await use(options, mediation);
  try {
    await post("/api/log-in/passkey", { ceremony, credential });
  } catch (error) {
    if (error.body?.step === "7.2.6" && !options.allowCredentials.length) await signalUnknown(options.rpId, credential.id);
    throw error;
  }
  home();
}

async function offerAutofill() {
  if (first.dataset.autofill !== "yes" || !(await hasAutofill())) return;
  try {
    const options = await post("/api/log-in/passkey/options", { conditional: true, network, device: await device() });
    first.dataset.offered = "yes";
    await logIn(options, "conditional");
  } catch (error) {
    if (error.code !== "AbortError") tell(error);
  }
}

async function follow(answer) {
  if (answer.next === "slider") {
    const { gap, width, piece } = answer.slider;
    $("#puzzle").dataset.gap = gap;
    $("#gap").style.left = `${gap}px`;
    $("#slider").max = width - piece;
    $("#slider").value = 0;
    $("#piece").style.left = "0";
    $("#slider-hint").textContent = `(to ${gap}; arrow keys move it by one)`;
    step("slider");
    return;
  }
  step(answer.next);
  if (answer.next === "passkey") await askPasskey();
}

async function askPasskey() {
  show($("#waiting"));
  show($("#use-passkey"), false);
  try {
    await logIn(await post("/api/log-in/passkey/options", { network, device: await device() }));
  } catch (error) {
    if ($("main").dataset.state === "passkey") throw error; // elsewhere the person has gone on without it
  } finally {
    show($("#waiting"), false);
    show($("#use-passkey"));
    $("#use-passkey").textContent = "Try again";
  }
}

on(first, "submit", async () => {
  const sent = values(first);
  network = sent.network ?? network;
  const answer = await post("/api/log-in", sent);
  for (const each of $$(".whom")) each.textContent = sent.identifier;
  $(".whom-field").value = sent.identifier;
  await follow(answer);
});
on($("#any-passkey"), "click", async () => {
  network = values(first).network ?? network;
  await logIn(await post("/api/log-in/passkey/options", { conditional: true, network, device: await device() }));
});
on($("#slider-step"), "submit", async () => {
  const gap = $("#puzzle").dataset.gap;
  const answer = await post("/api/log-in/slider", { position: Number($("#slider").value) });
  await follow(answer);
  if (answer.next === "slider" && gap !== undefined) tell({ code: "slider", message: "That is not the place. Try again." });
});
$("#slider").addEventListener("input", (event) => {
  $("#piece").style.left = `${event.target.value}px`;
});
// letting go of the piece is enough; with the keyboard, Enter or the button
$("#slider").addEventListener("pointerup", () => $("#slider-step").requestSubmit());
on($("#use-passkey"), "click", askPasskey);
on($("#passkey-instead"), "click", async () => {
  step("passkey");
  await askPasskey();
});
$("#use-password").addEventListener("click", () => {
  stop();
  step("password");
  tell(null);
});
on($("#password-step"), "submit", async () => {
  const answer = await post("/api/log-in/password", { password: $("#password").value });
  if (answer.operation) {
    state("verify");
    await verify(answer.operation);
  }
  home();
});
$("#network")?.addEventListener("change", (event) => {
  network = event.target.value;
  offerAutofill();
});
offerAutofill();
