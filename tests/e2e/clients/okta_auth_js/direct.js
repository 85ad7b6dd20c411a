// A program in which Okta's own client signs customers in, with nothing between it and the server.
//
//     node direct.js <URL of the server to sign in to> <the customers' password>
//
// A line of standard input is {"email", "code"}. Without a code: password, and a code by email; with
// one: its check. Each is answered with the milliseconds that it took. For `make bench`.

import { createInterface } from "node:readline";

import { OktaAuth } from "@okta/okta-auth-js/authn";

const [issuer, password] = process.argv.slice(2);
const client = new OktaAuth({ issuer });
let transaction;

async function run({ email, code }) {
  if (code) {
    transaction = await transaction.verify({ passCode: code });
  } else {
    const signedIn = await client.signInWithCredentials({ username: email, password });
    transaction = await signedIn.factors.find((each) => each.factorType === "email").verify();
  }
  const wanted = code ? "SUCCESS" : "MFA_CHALLENGE";
  if (transaction.status !== wanted) throw new Error(`${transaction.status}, not ${wanted}`);
}

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const begun = performance.now();
  await run(JSON.parse(line));
  console.log(JSON.stringify({ total_ms: performance.now() - begun }));
}
