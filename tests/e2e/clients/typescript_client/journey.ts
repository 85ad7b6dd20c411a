// Sends a code and checks it, as a person and as a client, with types that are generated from the
// contract.

import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

declare const process: { argv: string[] };

const [url, key] = process.argv.slice(2) as [string, string];

async function journey(email: string, headers: Record<string, string>) {
  const api = createClient<paths>({ baseUrl: url, headers });

  const { data: challenge, error: refused } = await api.POST("/challenge", {
    body: { email, channel: "email", purpose: "pick-up" },
  });
  if (!challenge) throw new Error(refused.code);

  const inbox = await fetch(`${url}/sandbox/messages?to=${email}`);
  const [{ code }] = (await inbox.json()) as [{ code: string }];
  const other = String((Number(code) + 1) % 1_000_000).padStart(6, "0");

  const verify = (typed: string) =>
    api.POST("/verify", {
      body: { challenge_id: challenge.challenge_id, code: typed, purpose: "pick-up" },
    });
  const wrong = await verify(other);
  const right = await verify(code);
  if (!right.data) throw new Error(right.error.code);
  if (right.data.status !== "verified") throw new Error(right.data.status); // of a push alone

  return {
    sent: challenge.status,
    seconds: (Date.parse(challenge.expires_at) - Date.parse(challenge.sent_at)) / 1000,
    wrong: wrong.error?.code,
    right: right.data.status,
    proof: right.data.device_token ? "device_token" : "customer_id",
  };
}

const person = await journey("ada@example.com", {});
const shop = await journey("grace@example.com", { Authorization: `Bearer ${key}` });
console.log(JSON.stringify([person, shop]));
