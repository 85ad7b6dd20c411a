// Calls: of the API, as its callers make them, and of the sandbox's controls.

export const CLIENT_KEY = "sk_sandbox_0000000000000000";
const STORED = "customer-verification-devices";

/** A POST to the API: the status, the body, and what was sent. */
export async function post(path, body, { asClient = false } = {}) {
  const headers = { "Content-Type": "application/json" };
  if (asClient) headers.Authorization = `Bearer ${CLIENT_KEY}`;
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = { title: text || "An empty answer." };
  }
  return { path, sent: body, asClient, status: response.status, body: answer };
}

/** A use of a control under /sandbox/. */
export async function control(method, path, body) {
  const options = { method, body: body && JSON.stringify(body) };
  const response = await fetch(`/sandbox/${path}`, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

/** What the sandbox knows now, with this email and device token in view. */
export function overview(email, deviceToken) {
  const query = new URLSearchParams({ email, device_token: deviceToken });
  return control("GET", `overview?${query}`);
}

/** The device tokens that this browser remembers, by email. */
export const devices = {
  all() {
    try {
      return JSON.parse(localStorage.getItem(STORED)) ?? {};
    } catch {
      return {};
    }
  },
  of(email) {
    return this.all()[email.trim().toLowerCase()] ?? "";
  },
  remember(email, token) {
    this.store({ ...this.all(), [email.trim().toLowerCase()]: token });
  },
  forget(email) {
    const { [email.trim().toLowerCase()]: _, ...others } = this.all();
    this.store(others);
  },
  store(tokens) {
    try {
      localStorage.setItem(STORED, JSON.stringify(tokens));
    } catch {
      // Without storage the browser stays a stranger.
    }
  },
};
