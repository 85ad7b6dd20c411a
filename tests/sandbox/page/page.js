// The page of the sandbox: the customer calls the API, and the sandbox shows what comes of it.

import { claims, outcome, redeemed, waiting, wire } from "./answers.js";
import { control, devices, overview, post } from "./api.js";
import { clockTime, duration, h, now, paint, setNow, tick } from "./dom.js";
import * as views from "./views.js";

const POLL_MILLISECONDS = 1000;
const SOON_MILLISECONDS = 250;
const SPARE_SECONDS = 1;

const byId = (id) => document.getElementById(id);
const email = byId("email");
const code = byId("code");

/** The last challenge that this page has begun, and for whom. */
let begun = null;
let shown = null;
let newestMessage = null;

const caller = () => document.querySelector("[name=caller]:checked").value;

// ---- The customer ---------------------------------------------------------------------------------

function choose(chosen) {
  email.value = chosen;
  changed();
}

function changed() {
  newestMessage = null;
  refresh();
}

/** What a public caller sends to be known. */
const known = () => (caller() === "device" ? { device_token: devices.of(email.value) } : {});

async function send(event) {
  event.preventDefault();
  const asClient = caller() === "client";
  const body = { email: email.value, channel: byId("channel").value, ...known() };
  if (asClient && byId("release").checked) body.release_hold = true;
  const answer = await call("/challenge", body, asClient, byId("send"));
  if (answer?.status === 202) begun = { id: answer.body.challenge_id, email: email.value };
}

async function check(event) {
  event.preventDefault();
  const asClient = caller() === "client";
  const body = begun?.email === email.value ? { challenge_id: begun.id } : { email: email.value };
  Object.assign(body, { code: code.value }, known());
  if (asClient) body.receipt = true;
  const answer = await call("/verify", body, asClient, byId("check"));
  if (answer?.status !== 200) return;
  code.value = "";
  if (answer.body.device_token) devices.remember(email.value, answer.body.device_token);
  if (answer.body.receipt) showReceipt(answer.body.receipt, email.value);
  refresh();
}

/** Call the API and show the answer; one call at a time. */
async function call(path, body, asClient, button) {
  if (document.querySelector("[aria-busy=true]")) return null;
  button.setAttribute("aria-busy", "true");
  byId("receipt").hidden = true;
  byId("after").replaceChildren();
  byId("result").replaceChildren(waiting(path));
  soon();
  try {
    const answer = await post(path, body, { asClient });
    byId("result").replaceChildren(outcome(answer, email.value));
    byId("after").replaceChildren(...skip(answer), wire(answer));
    return answer;
  } catch (error) {
    byId("result").replaceChildren();
    trouble(error);
    return null;
  } finally {
    button.removeAttribute("aria-busy");
    refresh();
  }
}

/** A button that saves the customer the waiting. */
function skip({ body }) {
  if (!body.retry_after) return [];
  const seconds = body.retry_after + SPARE_SECONDS;
  const press = async (event) => {
    event.target.remove();
    await advance(seconds);
  };
  return [h("button", { type: "button", class: "small", id: "skip", onclick: press },
    `Advance the clock by ${duration(seconds)}`)];
}

function showReceipt(receipt, whose) {
  const redeem = async () => {
    const answer = await post("/receipts/redeem", { receipt, email: whose }, { asClient: true });
    byId("redeemed").replaceChildren(redeemed(answer));
    refresh();
  };
  byId("claims").replaceChildren(...claims(receipt, redeem));
  byId("receipt").hidden = false;
}

function use(sent) {
  code.value = sent;
  code.focus();
}

/** A code that is certainly not the newest one. */
function enterWrongCode() {
  const newest = Number(shown?.email.messages?.[0]?.code ?? 0);
  use(String((newest + 1) % 1_000_000).padStart(6, "0"));
}

// ---- The sandbox ----------------------------------------------------------------------------------

async function advance(seconds) {
  await used("POST", "clock", { advance_seconds: seconds });
  announce(`The clock is ${duration(seconds)} further.`);
}

async function reset() {
  devices.store({});
  begun = null;
  newestMessage = null;
  code.value = "";
  byId("receipt").hidden = true;
  byId("after").replaceChildren();
  byId("result").replaceChildren(h("p", { class: "empty" }, "Everything is back at the start."));
  await used("POST", "reset");
}

const setFault = (on) => async (kind) => {
  await used("POST", "faults", { on: on(), kind, times: 1 });
};

async function used(method, path, body) {
  try {
    await control(method, path, body);
  } catch (error) {
    trouble(error);
  }
  await refresh();
}

// ---- Showing --------------------------------------------------------------------------------------

let timer = 0;
let latest = 0;

/** Ask the sandbox what it knows and draw it; answers to older questions are left out. */
async function refresh() {
  clearTimeout(timer);
  const question = ++latest;
  try {
    const view = await overview(email.value, devices.of(email.value));
    if (question !== latest) return;
    byId("trouble").hidden = true;
    draw(view);
  } catch (error) {
    if (question === latest) trouble(error);
  }
  const running = shown?.background.pending || document.querySelector("[aria-busy=true]");
  timer = setTimeout(() => (document.hidden ? null : refresh()), running ? SOON_MILLISECONDS : POLL_MILLISECONDS);
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, SOON_MILLISECONDS);
}

function draw(view) {
  shown = view;
  setNow(view.now);
  const { customers = [], messages = [], challenges = [] } = view.email;
  const lane = byId("release").checked && caller() === "client" ? "release" : caller();
  byId("clock").textContent = clockTime(now());
  byId("ahead").textContent = view.advance ? `${duration(view.advance)} ahead` : "";
  setDevice(view.email.device_is_known);
  byId("about").textContent = view.email.lanes ? views.about(customers) : "This is no email.";
  paint("customers", [view.emails, email.value], () => views.customers(view.emails, email.value, choose));
  paint("inbox", { messages, ...view.background }, (each) => views.inbox(each, use));
  paint("challenges", { list: challenges, pending: view.background.pending > 0 }, views.challenges);
  const until = view.email.public_hold?.until ?? 0;
  paint("limits", [view.email.wrong_codes, view.email.lanes, view.email.budgets, until > view.now, lane], () =>
    view.email.lanes && views.limits({ ...view.email, now: view.now }, lane));
  paint("timeline", [view.journal, view.okta_calls, messages], () => views.timeline({ ...view, messages }));
  paint("okta", view.okta_calls, views.okta);
  paint("faults", view.faults, (each) => views.faults(each, () => used("DELETE", "faults")));
  announceMessage(messages);
  tick();
}

/** A device token that the sandbox no longer knows is forgotten. */
function setDevice(isKnown) {
  const token = devices.of(email.value);
  if (token && isKnown === false) devices.forget(email.value);
  const choice = document.querySelector("[value=device]");
  choice.disabled = !isKnown;
  if (choice.disabled && choice.checked) document.querySelector("[value=stranger]").checked = true;
  byId("device-hint").textContent = isKnown ? "this browser has a device token" : "after a first success here";
}

function announceMessage([newest]) {
  const time = newest?.sent_at ?? 0;
  if (newestMessage !== null && time > newestMessage) announce(`A code was sent to ${newest.to}.`);
  newestMessage = time;
}

function announce(text) {
  byId("announcer").textContent = text;
}

function trouble(error) {
  byId("trouble").textContent = error instanceof TypeError
    ? "The sandbox does not answer. Is make run still running?"
    : `The sandbox refused: ${error.message}`;
  byId("trouble").hidden = false;
}

// ---- The start ------------------------------------------------------------------------------------

byId("issue").addEventListener("submit", send);
byId("verify").addEventListener("submit", check);
byId("wrong").addEventListener("click", enterWrongCode);
byId("reset").addEventListener("click", reset);
email.addEventListener("input", changed);
for (const choice of document.querySelectorAll("[name=caller], #release")) {
  choice.addEventListener("change", () => {
    byId("release-choice").hidden = caller() !== "client";
    refresh();
  });
}
for (const button of document.querySelectorAll("[data-advance]")) {
  button.addEventListener("click", () => advance(Number(button.dataset.advance)));
}
byId("fault-kinds").append(...views.faultButtons(views.FAULTS, setFault(() => byId("fault-on").value)));
byId("background-faults").append(...views.faultButtons(views.BACKGROUND_FAULTS, setFault(() => "invoke")));
document.addEventListener("visibilitychange", refresh);
setInterval(() => {
  byId("clock").textContent = clockTime(now());
  tick();
}, 1000);

await refresh();
document.documentElement.dataset.ready = "true";
