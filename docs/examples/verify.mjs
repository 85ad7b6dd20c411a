// Verify a customer as a backend does: node verify.mjs EMAIL PURPOSE REFERENCE. URL and KEY are in the
// environment. Needs Node 20; nothing to install.
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline/promises";

const { URL: service, KEY } = process.env;
const [email, purpose, reference] = process.argv.slice(2);

async function call(path, body) {
  const response = await fetch(service + path, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${KEY}`,
      "Content-Type": "application/json",
      "Idempotency-Key": randomUUID(), // the same in retries of this call
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.title), answer);
  return answer;
}

const { challenge_id, destination } = await call("/challenge", { email, purpose, reference });
const terminal = createInterface({ input: process.stdin, output: process.stderr });
for (;;) {
  const code = await terminal.question(`The code that was sent to ${destination}:\n`);
  try {
    const answer = await call("/verify", { challenge_id, code, purpose, reference });
    console.log(JSON.stringify(answer));
    break;
  } catch (error) {
    if (error.code !== "invalid_code" || !error.attempts_remaining) throw error;
    console.error(`Wrong. Attempts that remain: ${error.attempts_remaining}`);
  }
}
terminal.close();
