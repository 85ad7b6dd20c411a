// What an answer of the API means to the customer, and what a receipt says.

import { clockTime, countdown, dateTime, h, now } from "./dom.js";

const HINTS = {
  invalid_code: "Read the newest message and try again.",
  invalid_email: "Write an address such as ada@example.com.",
  missing_email: "Choose a customer, or write an email.",
  missing_code: "Type the code from the message, or press “Use this code”.",
  invalid_code_format: "Codes have six digits.",
  attempts_held:
    "Too many wrong codes in a row. Other lanes may still try; a client can release the hold.",
  send_limited: "A code was sent a moment ago, or too many were.",
  rate_limited: "This caller has used up its hour, over all customers.",
  challenge_expired: "Ask for another code.",
  challenge_superseded: "Use the newer code.",
  challenge_exhausted: "Ask for another code once the hold is over.",
  challenge_not_found: "Ask for a code first. A caller can check only what it began itself.",
  push_rejected: "The customer said no, or chose another number.",
  challenge_already_verified: "A code verifies once. Ask for another one.",
  customer_not_found: "Clients are told. The public is told the same as for a customer.",
  customer_inactive: "Somebody has to activate the account in Okta.",
  customer_ambiguous: "An administrator has to tell the accounts apart.",
  customer_locked: "An administrator has to unlock the account in Okta.",
  factor_not_enrolled: "Choose another channel.",
  okta_unavailable: "Try again. A check whose outcome is unknown counts as a wrong code.",
};
const IN_PROGRESS = { "/challenge": "Asking for a code …", "/verify": "Checking the code …" };

/** What is shown while a call is in progress. */
export const waiting = (path) => h("p", { class: "outcome wait" }, IN_PROGRESS[path]);

/** The answer in words. */
export function outcome(answer, email) {
  const { status, body, path } = answer;
  if (status === 202) {
    const told = answer.asClient
      ? `A code was sent to ${body.destination}.`
      : `If ${email} is a customer, a code is on its way.`;
    return inWords("ok", "Accepted", told, [
      !answer.asClient && "A public caller is told the same for every email.",
      attempts(body),
      countdown(epoch(body.expires_at), "The code expires in {}.", "The code has expired."),
    ]);
  }
  if (status === 200 && path === "/verify") {
    return inWords("good", "Verified", `This is the customer with the email ${email}.`, [
      body.customer_id && `Okta’s user id is ${body.customer_id}, which only clients are told.`,
      body.device_token && "This browser is a known device of the customer now.",
      body.receipt_unavailable && "The receipt could not be signed.",
    ]);
  }
  return inWords(status === 403 || status < 429 ? "bad" : "warn", name(body.code), body.title ?? "", [
    HINTS[body.code],
    body.detail !== body.title && body.detail,
    attempts(body),
    body.retry_after &&
      countdown(now() + body.retry_after, "Try again in {}.", "You may try again now."),
  ]);
}

function inWords(tone, title, text, more) {
  return h("div", { class: `outcome ${tone}` },
    h("p", { class: "title" }, title),
    h("p", {}, text),
    more.filter(Boolean).map((each) => h("p", { class: "more" }, each)));
}

const name = (code) => (code ? code.replaceAll("_", " ").replace(/^./, (c) => c.toUpperCase()) : "Refused");

const attempts = (body) =>
  body.attempts_remaining != null && `Attempts that remain: ${body.attempts_remaining}.`;

const epoch = (time) => Date.parse(time) / 1000;

/** The call as it went over the wire. */
export function wire(answer) {
  const json = (value) => JSON.stringify(value, null, 2);
  return h("details", { class: "wire" },
    h("summary", {}, `POST ${answer.path} `, h("b", {}, String(answer.status))),
    h("p", { class: "label" }, answer.asClient ? "Sent, with a client key" : "Sent, without a key"),
    h("pre", { tabindex: 0, "aria-label": "Body of the request" }, json(answer.sent)),
    h("p", { class: "label" }, "Answered"),
    h("pre", { tabindex: 0, "aria-label": "Body of the answer" }, json(answer.body)));
}

const CLAIMS = {
  iss: "who signed it",
  aud: "for whom it is",
  sub: "Okta’s user id",
  iat: "signed at",
  exp: "good until",
  jti: "its own id, redeemed once",
  auth_time: "verified at",
  amr: "methods (RFC 8176)",
  acr: "what the customer controls",
  challenge_id: "the challenge",
  channel: "how the code was sent",
  lane: "how well the caller is known",
  purpose: "what it may be used for",
  reference: "the order or case",
  client: "the client that began it",
  context: "who conducted it",
};
const TIMES = ["iat", "exp", "auth_time", "nbf"];

/** The claims of a receipt, which anybody can read; only the signature makes them true. */
export function claims(receipt, redeem) {
  const [head, payload] = receipt.split(".").slice(0, 2).map(decoded);
  const rows = Object.entries(payload).map(([claim, value]) => [
    h("dt", {}, h("code", {}, claim), h("span", {}, CLAIMS[claim] ?? "")),
    h("dd", {}, shown(claim, value)),
  ]);
  return [
    h("p", { class: "hint" }, `Signed with ${head.alg}, key ${head.kid}. `,
      payload.exp && countdown(payload.exp, "Good for {}.", "It has expired.")),
    h("dl", { class: "claims" }, rows),
    h("div", { class: "buttons" },
      h("button", { type: "button", id: "redeem", onclick: redeem }, "Redeem it as the shop’s backend")),
    h("div", { id: "redeemed", "aria-live": "polite" }),
    h("details", { class: "wire" }, h("summary", {}, "The token"), h("pre", { tabindex: 0, "aria-label": "The token" }, receipt)),
  ];
}

/** What came of redeeming a receipt. */
export function redeemed(answer) {
  return answer.status === 200
    ? inWords("good", "Redeemed", "The backend knows the customer, and nobody can redeem this receipt again.", [])
    : inWords("bad", name(answer.body.code), answer.body.title ?? "", [
        answer.body.redeemed_at && `It was redeemed at ${clockTime(epoch(answer.body.redeemed_at))}.`,
      ]);
}

function decoded(part) {
  const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

function shown(claim, value) {
  if (TIMES.includes(claim)) return dateTime(value);
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value).map((each) => each.join(" ")).join(", ");
}
