// What arrives and what happens: each function draws one card from the sandbox's overview.

import { clockTime, countdown, duration, h, meter } from "./dom.js";

export const LANES = { stranger: "Strangers", device: "This device", client: "Clients", release: "Releases" };
const ONE_OF = { stranger: "stranger", device: "known device", client: "client", release: "release" };
const CHANNELS = { email: "Email", sms: "SMS", call: "Phone call" };
const MOST_SHOWN = 8;
const MOST_GROUPS = 10;

// ---- Customers ------------------------------------------------------------------------------------

/** One button for each email of the org, and one that is nobody's. */
export function customers(emails, chosen, choose) {
  return [...emails, "nobody@example.com"].map((email) =>
    h("button", {
      type: "button", class: "chip", "data-focus": email, "aria-pressed": String(email === chosen),
      onclick: () => choose(email),
    }, email.split("@")[0]));
}

/** What is special about a customer. */
export function about(found) {
  const [user] = found;
  if (!user) return "Okta knows nobody with this email.";
  if (found.length > 1) return `${found.length} active users share this email, so neither can be verified.`;
  const name = user.login === user.email ? "" : `, login ${user.login}`;
  if (user.status !== "ACTIVE") return `Okta’s status is ${user.status}${name}.`;
  const elsewhere = user.factors.find((each) => each.type === "email" && each.destination !== user.email);
  if (elsewhere) return `The email factor still goes to ${elsewhere.destination}, so it proves nothing here.`;
  const types = user.factors.map((each) => each.type.split(":").pop());
  return types.length ? `Active${name}; factors: ${types.join(", ")}.` : `Active${name}, but without any factor.`;
}

// ---- Inbox ----------------------------------------------------------------------------------------

/** The messages, newest first. */
export function inbox({ messages, pending, dropped }, use) {
  const notes = [];
  if (pending) notes.push(h("p", { class: "note wait" }, "A send is running in the background …"));
  if (dropped) notes.push(h("p", { class: "note bad" }, `Lambda has dropped ${dropped} asynchronous ${dropped === 1 ? "send" : "sends"}.`));
  if (!messages.length) return [...notes, h("p", { class: "empty" }, "Nothing has been sent to this customer.")];
  const list = messages.slice(0, MOST_SHOWN).map((message, n) =>
    h("li", { class: n ? "message" : "message newest" },
      h("div", {},
        h("p", { class: "meta" }, h("b", {}, CHANNELS[message.channel] ?? message.channel), ` to ${message.to} `,
          h("time", {}, clockTime(message.sent_at))),
        h("p", { class: "code" }, message.code)),
      h("button", {
        type: "button", class: n ? "small" : "small primary", "data-focus": `use-${message.sent_at}`,
        "aria-label": `Use this code: ${[...message.code].join(" ")}`, onclick: () => use(message.code),
      }, "Use this code")));
  const older = messages.length - MOST_SHOWN;
  return [...notes, h("ol", { class: "messages" }, list), older > 0 && h("p", { class: "hint" }, `and ${older} older`)];
}

// ---- Challenges -----------------------------------------------------------------------------------

const STATES = {
  sending: "The code may have been sent; nobody has tried one.",
  pending: "A code was tried.",
  verified: "The right code came: this is the customer.",
  expired: "Its time is over.",
  superseded: "A newer code was sent, so this one is no longer good.",
  exhausted: "The last allowed wrong code closed it.",
  failed: "No code was sent.",
};
const PATH = ["sending", "pending", "verified"];
const ENDS = ["expired", "superseded", "exhausted", "failed"];
const TONES = { verified: "good", pending: "ok", sending: "ok", exhausted: "bad", failed: "bad" };

/** The newest challenge in its states, and those before it. */
export function challenges({ list, pending }) {
  const [newest, ...older] = list;
  if (!newest) {
    return [track(""), h("p", { class: "empty" }, "No challenge has begun.")];
  }
  const isOpen = ["sending", "pending"].includes(newest.state);
  const nothingSent = isOpen && newest.reaches_customer === false && !pending;
  return [
    track(newest.state),
    h("p", { class: "state-text" }, h("b", {}, STATES[newest.state]), " ",
      isOpen && countdown(newest.expires_at, "It expires in {}.", "")),
    h("p", { class: "hint" },
      `Begun by a ${ONE_OF[newest.lane]} at ${clockTime(newest.sent_at)}`,
      newest.channel && `, over ${(CHANNELS[newest.channel] ?? newest.channel).toLowerCase()}`, ". ",
      nothingSent && h("b", {}, "Nobody was sent a code, so none is right. The caller cannot tell.")),
    older.length > 0 && h("ol", { class: "older", "aria-label": "Earlier challenges" },
      older.slice(0, 4).map((each) => h("li", {},
        h("span", { class: `tag ${TONES[each.state] ?? ""}` }, each.state), ` ${ONE_OF[each.lane]}, ${clockTime(each.sent_at)}`))),
  ];
}

function track(state) {
  const item = (name) => h("li", {
    class: [TONES[name] ?? "", state === name && "here", passed(name, state) && "passed"].filter(Boolean).join(" "),
    "aria-current": state === name ? "step" : null,
  }, name);
  return h("div", { class: "track" },
    h("ol", { class: "path", "aria-label": "States of a challenge" }, PATH.map(item)),
    h("ul", { class: "ends", "aria-label": "Other ends of a challenge" }, ENDS.map(item)));
}

const passed = (name, state) =>
  (PATH.includes(state) && PATH.indexOf(name) >= 0 && PATH.indexOf(name) < PATH.indexOf(state)) ||
  (state === "exhausted" && name !== "verified" && PATH.includes(name)) ||
  (["expired", "superseded"].includes(state) && name === "sending");

// ---- Limits ---------------------------------------------------------------------------------------

/** The wrong codes in a row, and for each lane what it may try and send. */
export function limits({ wrong_codes: wrong, public_hold: hold, lanes, budgets, now }, lane) {
  const held = { stranger: wrong.count >= wrong.strangers, device: wrong.count >= wrong.others, client: wrong.count >= wrong.others };
  const most = { stranger: wrong.strangers, device: wrong.others, client: wrong.others };
  return [
    h("div", { class: "gauge" },
      h("p", { class: "row" }, h("b", {}, "Wrong codes in a row"),
        h("span", { class: "count" }, `${wrong.count} of ${wrong.lock}`)),
      meter("Wrong codes in a row, over all lanes", wrong.count, wrong.lock,
        { tone: wrong.count >= wrong.strangers ? "bad" : wrong.count ? "warn" : "ok", marks: [wrong.strangers, wrong.others, wrong.lock] }),
      h("ul", { class: "marks", style: `--count: ${wrong.lock}` },
        mark(wrong.strangers, "strangers held", wrong.count),
        mark(wrong.others, "all held", wrong.count),
        mark(wrong.lock, "Okta locks", wrong.count)),
      h("p", { class: "hint" }, `Okta itself has counted ${wrong.okta}. Only a right code ends the count.`)),
    hold.until > now && h("p", { class: "note bad" }, "The public is told that this email is held",
      countdown(hold.until, ", for another {}.", " until now.")),
    h("ul", { class: "lanes" }, lanes.map((each) =>
      h("li", { class: each.lane === lane ? "lane you" : "lane" },
        h("p", { class: "row" },
          h("b", {}, LANES[each.lane]),
          each.lane === lane && h("span", { class: "tag ok" }, "you"),
          held[each.lane] && h("span", { class: "tag bad" }, "held")),
        h("dl", {},
          most[each.lane] && limit("wrong codes", Math.min(wrong.count, most[each.lane]), most[each.lane], each.lane),
          each.sends.map((send) => limit(each.lane === "release" ? "releases a day" : `codes ${per(send.window)}`, send.used, send.most, each.lane)))))),
    h("details", { class: "budgets", "data-focus": "budgets" }, h("summary", {}, "Limits over all customers"),
      h("dl", {}, budgets.map((each) => limit(`${each.name}, ${per(each.window)}`, each.used, each.most, "all")))),
  ];
}

const per = (window) => (window === "day" ? "a day" : "an hour");

const mark = (at, text, count) =>
  h("li", { style: `--at: ${at}`, class: count >= at ? "reached" : "" }, text);

const limit = (name, used, most, lane) =>
  h("div", { class: "limit" },
    h("dt", {}, name),
    h("dd", {}, meter(`${LANES[lane] ?? "All customers"}: ${name}`, used, most),
      h("span", { class: "count" }, `${used}/${most.toLocaleString("en")}`)));

// ---- Timeline -------------------------------------------------------------------------------------

/** Seconds; a message is noted a moment before the call that asked for it. */
const AFTER_ITS_CALL = 0.05;

const OKTA_DID = {
  lookup: "find the user",
  factors: "list the factors",
  send: "send a code",
  check: "check the code",
  authn: "sign in",
  create: "create a user",
  other: "another call",
};

/** What was called, newest first, each with the calls to Okta and the messages that it caused. */
export function timeline({ journal, okta_calls: calls, messages }) {
  const groups = journal.map((entry) => ({ ...entry, did: [] }));
  for (const call of calls) {
    owner(groups, call.at)?.did.push({
      at: call.at, tone: call.status >= 200 && call.status < 300 ? "" : "bad",
      text: `Okta: ${OKTA_DID[call.kind] ?? call.kind}`, end: call.status || "no answer",
    });
  }
  for (const message of messages) {
    owner(groups, message.sent_at)?.did.push({
      at: message.sent_at + AFTER_ITS_CALL, tone: "good", text: `${CHANNELS[message.channel] ?? message.channel} to ${message.to}`, end: "",
    });
  }
  if (!groups.length) return h("p", { class: "empty" }, "Nothing has happened since the start.");
  return h("ol", { class: "timeline" }, groups.reverse().slice(0, MOST_GROUPS).map((each) =>
    h("li", { class: each.kind },
      h("p", { class: "head" },
        h("time", {}, clockTime(each.at)),
        h("b", {}, each.what),
        each.kind !== "control" && h("span", { class: `tag ${tone(each)}` }, told(each))),
      each.kind !== "control" && h("p", { class: "hint" }, caused(each)),
      each.did.length > 0 && h("ol", { class: "did" }, each.did.sort((a, b) => a.at - b.at).map((one) =>
        h("li", { class: one.tone }, one.text, one.end !== "" && h("span", { class: "end" }, String(one.end))))))));
}

/** The newest invocation that ran at this time. */
function owner(groups, at) {
  const runs = groups.filter((each) => each.kind !== "control" && each.at <= at && at <= (each.ended_at ?? Infinity));
  return runs.findLast((each) => each.kind === "task") ?? runs.at(-1);
}

const SUCCESSES = ["pending", "verified"];

function tone(entry) {
  if (entry.ended_at === null) return "wait";
  if (entry.outcome === "verified") return "good";
  if (entry.kind === "task") return entry.did.some((each) => each.tone === "bad") ? "bad" : "ok";
  return entry.status < 400 ? "ok" : entry.status === 429 || entry.status >= 500 ? "warn" : "bad";
}

function told(entry) {
  if (entry.ended_at === null) return "running";
  if (entry.kind === "task") return entry.did.some((each) => each.tone === "good") ? "sent" : "nothing sent";
  if (entry.status === null) return "crashed";
  const outcome = SUCCESSES.includes(entry.outcome) && entry.status === 202 ? "accepted" : entry.outcome;
  return `${entry.status} ${outcome.replaceAll("_", " ")}`.trim();
}

function caused(entry) {
  const took = entry.ended_at === null ? "" : `, ${took_(entry.ended_at - entry.at)}`;
  if (entry.kind === "task") return `in the background, after the answer${took}`;
  const asked = entry.did.some((each) => each.text.startsWith("Okta"));
  return `${entry.caller}${took}${asked ? "" : ", Okta not asked"}`;
}

const took_ = (seconds) => (seconds < 1 ? `${Math.round(seconds * 1000)} ms` : seconds < 60 ? `${seconds.toFixed(1)} s` : duration(seconds));

// ---- Calls to Okta, and faults --------------------------------------------------------------------

/** The calls as Okta got them, newest first. */
export function okta(calls) {
  if (!calls.length) return h("p", { class: "empty" }, "Okta has not been called.");
  const rows = calls.slice(-MOST_SHOWN).reverse().map((call) =>
    h("li", {},
      h("span", { class: `tag ${call.status >= 200 && call.status < 300 ? "ok" : "bad"}` }, String(call.status || "none")),
      h("code", {}, `${call.method} ${short(call.path)}`),
      h("time", {}, clockTime(call.at))));
  return [
    h("p", { class: "hint" }, counts(calls)),
    h("ol", { class: "calls" }, rows),
  ];
}

function counts(calls) {
  const kinds = {};
  for (const { kind } of calls) kinds[kind] = (kinds[kind] ?? 0) + 1;
  const each = Object.entries(kinds).map(([kind, count]) => `${count} ${kind}`);
  return `The last ${calls.length}: ${each.join(", ")}.`;
}

/** The path with shortened ids. */
const short = (path) => path.replace("/api/v1", "").replace(/\/([A-Za-z0-9]{3})[A-Za-z0-9]{17}(?=\/|$)/g, "/$1…");

export const FAULTS = {
  slow: "answers 2 s late",
  timeout: "never answers",
  reset: "cuts the connection",
  http_500: "500",
  http_503: "503",
  rate_limited: "429",
  html: "a web page",
  truncated: "half an answer",
  redirect: "a redirect",
};
export const BACKGROUND_FAULTS = { throttle: "is throttled", drop: "is dropped" };
const ONS = { verify: "a code", lookup: "finding the user", factors: "the factors", authn: "a sign-in", create: "creating a user", any: "any call", invoke: "a send" };

/** Buttons that set a fault. */
export const faultButtons = (kinds, set) =>
  Object.entries(kinds).map(([kind, text]) =>
    h("button", { type: "button", class: "chip", onclick: () => set(kind) }, text));

/** The faults that wait, and a button that clears them. */
export function faults(waiting, clear) {
  if (!waiting.length) return h("p", { class: "empty" }, "No fault is set.");
  return [
    h("ul", { class: "waiting" }, waiting.map((each) =>
      h("li", {}, h("span", { class: "tag warn" }, `next ${each.times}`),
        ` ${ONS[each.on]}: ${FAULTS[each.kind] ?? BACKGROUND_FAULTS[each.kind]}`))),
    h("button", { type: "button", class: "small", "data-focus": "clear", onclick: clear }, "Clear the faults"),
  ];
}
