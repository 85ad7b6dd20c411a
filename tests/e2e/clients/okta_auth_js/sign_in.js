// A program in which Okta's own client, unmodified, takes journeys through a sign-in.
//
//     node sign_in.js <URL of the server to sign in to> <ada's password> <sandbox's URL>
//
// Each line of standard input names a journey. What was seen is printed as a line of JSON;
// test_okta_auth_js.py judges. A step is told as the status of the transaction, an error as
// [HTTP status, errorCode], and all servers that were called as their origins. Codes and secrets
// come from the sandbox, whatever the server is.

import { createHmac } from "node:crypto";
import { createInterface } from "node:readline";

import { AuthApiError, OktaAuth } from "@okta/okta-auth-js/authn";

const [url, password, sandbox] = process.argv.slice(2);
const ADA = { username: "ada@example.com", password };
const SECONDS_BETWEEN_CODES = 31;
const MOST_MILLISECONDS = 60_000;

let client;
let seen;

/** Note what came of a call, and return the transaction that it was answered with, if any. */
async function see(step, answer) {
  try {
    const transaction = await answer;
    seen[step] = transaction.status ?? null;
    if (transaction.sessionToken) seen.session_token = transaction.sessionToken;
    return transaction;
  } catch (error) {
    if (!(error instanceof AuthApiError)) throw error;
    seen[step] = [error.xhr.status, error.errorCode];
  }
}

async function control(path, body) {
  const options = body && { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(`${sandbox}/sandbox/${path}`, options);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

const waitForNextCode = () => control("clock", { advance_seconds: SECONDS_BETWEEN_CODES });

async function adasFactor(type) {
  const customers = await control("customers");
  const { factors } = customers.find(({ email }) => email === ADA.username);
  return factors.find((factor) => factor.type === type);
}

async function sentCode(type) {
  const { destination } = await adasFactor(type);
  const [newest] = await control(`messages?to=${encodeURIComponent(destination)}`);
  return newest.code;
}

/** What an authenticator app shows now, from the secret of RFC 4648 base32. */
function appCode(secret) {
  const digit = (letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter);
  const bits = [...secret].map((letter) => digit(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const hash = createHmac("sha1", key).update(time).digest();
  const number = hash.readUInt32BE(hash.at(-1) & 0xf) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

const wrong = (code) => String((Number(code) + 1) % 1_000_000).padStart(6, "0");

const factorOf = (transaction, type) =>
  transaction.factors.find(({ factorType }) => factorType === type);

/** A factor whose codes are sent: one is mistyped, and another is asked for. */
async function sent(type) {
  let transaction = await see("password", client.signInWithCredentials(ADA));
  transaction = await see("sent", factorOf(transaction, type).verify());
  const first = await sentCode(type);
  await see("wrong", transaction.verify({ passCode: wrong(first) }));
  transaction = await see("resumed", client.tx.resume());
  await see("introspected", client.tx.introspect());
  await waitForNextCode();
  transaction = await see("resent", transaction.resend(type));
  await see("older", transaction.verify({ passCode: first }));
  await see("right", transaction.verify({ passCode: await sentCode(type) }));
}

const journeys = {
  email: () => sent("email"),

  sms: () => sent("sms"),

  async totp() {
    const type = "token:software:totp";
    const { shared_secret: secret } = await adasFactor(type);
    let transaction = await see("password", client.signInWithCredentials(ADA));
    const factor = factorOf(transaction, type);
    await see("wrong", factor.verify({ passCode: wrong(appCode(secret)) }));
    transaction = await see("challenged", factor.verify());
    seen.resend_is_offered = "resend" in transaction;
    await see("right", transaction.verify({ passCode: appCode(secret) }));
  },

  async receipt() {
    let transaction = await see("password", client.signInWithCredentials(ADA));
    transaction = await see("sent", factorOf(transaction, "email").verify());
    const proof = { passCode: await sentCode("email"), receipt: true };
    transaction = await see("right", transaction.verify(proof));
    seen.receipt = transaction.data.receipt;
  },

  async question() {
    const { answer } = await adasFactor("question");
    const transaction = await see("password", client.signInWithCredentials(ADA));
    const factor = factorOf(transaction, "question");
    await see("wrong", factor.verify({ answer: "tofu" }));
    await see("right", factor.verify({ answer }));
  },

  async change_of_mind() {
    let transaction = await see("password", client.signInWithCredentials(ADA));
    transaction = await see("sms", factorOf(transaction, "sms").verify());
    transaction = await see("previous", transaction.prev());
    await waitForNextCode();
    transaction = await see("email", factorOf(transaction, "email").verify());
    const code = await sentCode("email");
    seen.exists = [client.tx.exists()];
    await see("cancelled", transaction.cancel());
    seen.exists.push(client.tx.exists());
    await see("right_code_too_late", transaction.verify({ passCode: code }));
  },

  async passwords() {
    await see("wrong", client.signInWithCredentials({ ...ADA, password: `${password}!` }));
    await see("nobody", client.signInWithCredentials({ ...ADA, username: "nobody@example.com" }));
    await see("right", client.signInWithCredentials(ADA));
  },
};

for await (const journey of createInterface({ input: process.stdin })) {
  const called = new Set();
  client = new OktaAuth({
    issuer: url,
    httpRequestInterceptors: [(request) => called.add(new URL(request.url).origin)],
  });
  seen = {};
  const limit = setTimeout(() => process.exit(1), MOST_MILLISECONDS);
  await journeys[journey]();
  clearTimeout(limit);
  console.log(JSON.stringify({ ...seen, called: [...called] }));
}
