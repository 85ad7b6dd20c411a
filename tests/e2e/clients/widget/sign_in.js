// A program in which Okta's sign-in widget, unmodified, takes journeys in Debian's Chromium.
//
//     node sign_in.js <URL of the sandbox> <URL of its Okta org>
//
// Each line of standard input names a journey. What a customer sees is printed as a line of JSON;
// test_widget.py judges. The widget is on a page of another origin than the service's.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

const [url, org] = process.argv.slice(2);
const GOAL = `${url}/.well-known/jwks.json`; // any page of an origin that may be returned to
const ADA = ["ada@example.com", "Correct-Horse-7"];
const EVE = ["eve@example.com", "D3m0demo1"];
const PHONE = "+15005550006";
const [BY_EMAIL, BY_SMS] = ["Verification code", "Enter Code"]; // labels of the code's field
const OPTIONS = { baseUrl: url, useClassicEngine: true, language: "en" };

const PAGE = `<!doctype html><div id="sign-in"></div><script src="/widget.js"></script><script>
  new OktaSignIn(${JSON.stringify(OPTIONS)}).renderEl({ el: "#sign-in" }, (result) => {
    if (result.status === "SUCCESS") result.session.setCookieAndRedirect(${JSON.stringify(GOAL)});
  });
</script>`;
const CLASSIC = createRequire(import.meta.url).resolve("@okta/okta-signin-widget/classic");
const WIDGET = readFileSync(CLASSIC.replace(/\.js$/, ".min.js"));

const shop = createServer(({ url: path }, answer) => {
  const isWidget = path === "/widget.js";
  answer.setHeader("Content-Type", isWidget ? "text/javascript" : "text/html");
  answer.end(isWidget ? WIDGET : PAGE);
});
await new Promise((ready) => shop.listen(0, "127.0.0.1", ready));
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
});
const SHOP = `http://localhost:${shop.address().port}`;
const context = await browser.newContext();
const page = await context.newPage();
page.setDefaultTimeout(10_000);
page.on("pageerror", (error) => seen.errors.push(String(error)));
page.on("request", (request) => {
  const { origin, protocol } = new URL(request.url());
  if (protocol !== "data:" && ![SHOP, url, org].includes(origin)) seen.errors.push(request.url());
});
let seen;

const button = (name) => page.getByRole("button", { name, exact: true });
const link = (name) => page.getByRole("link", { name, exact: true });

/** The error that is shown after a step, which is not the one that was shown before. */
async function told(step) {
  const error = page.locator(".infobox-error");
  await error.evaluateAll((shown) => shown.forEach((each) => each.remove()));
  await step();
  return (await error.innerText()).trim();
}

async function enter([username, password]) {
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("Password").fill(password);
  await button("Sign In").click();
}

/** Press what sends a code, and wait until it is sent and the page asks for it. */
async function send(trigger, label) {
  await trigger.waitFor();
  await page.locator(".animation-container-overflow").waitFor({ state: "detached" }); // it slides
  const sent = page.waitForResponse((answer) => answer.url().includes("/verify"));
  await trigger.click();
  await sent;
  await page.getByLabel(label).waitFor();
}

/** Choose another factor in the widget's menu, which stays shut while the widget is busy. */
async function choose(factor) {
  const menu = page.getByRole("link", { name: /^Select Authentication Factor/ });
  for (let tries = 0; tries < 20 && !(await link(factor).isVisible()); tries += 1) {
    await menu.click();
    await page.waitForTimeout(50);
  }
  await link(factor).click();
}

async function tryCode(label, code) {
  await page.getByLabel(label).fill(code);
  await button("Verify").click();
}

/** The newest code that was sent there, and one that is wrong. */
async function codes(address) {
  const query = new URLSearchParams({ to: address });
  const [{ code }] = await (await fetch(`${url}/sandbox/messages?${query}`)).json();
  return [code, String((Number(code) + 1) % 1_000_000).padStart(6, "0")];
}

/** The session that the browser has at the org after the widget's last step. */
async function session() {
  await page.waitForURL(GOAL);
  const { login, amr } = await (await page.request.get(`${org}/api/v1/sessions/me`)).json();
  return [login, ...amr];
}

const journeys = {
  async email() {
    await enter(ADA);
    await send(button("Send me the code"), BY_EMAIL);
    seen.boxes = await page.getByRole("checkbox").count();
    const [right, wrong] = await codes(ADA[0]);
    seen.wrong = await told(() => tryCode(BY_EMAIL, wrong));
    await tryCode(BY_EMAIL, right);
    seen.session = await session();
  },

  async sms_after_email() {
    await enter(ADA);
    await send(button("Send me the code"), BY_EMAIL);
    await choose("SMS Authentication");
    await send(link("Send code"), BY_SMS);
    const [right] = await codes(PHONE);
    await tryCode(BY_SMS, right);
    seen.session = await session();
  },

  async question() {
    await enter(EVE);
    await page
      .getByRole("listitem")
      .filter({ has: page.getByRole("heading", { name: "Security Question" }) })
      .getByRole("link", { name: "Setup" })
      .click();
    await page.getByLabel("Answer").fill("meatball");
    seen.questions = await page.getByRole("option").count();
    await button("Save").click();
    seen.session = await session();
  },

  async hold() {
    await enter(ADA);
    await send(button("Send me the code"), BY_EMAIL);
    const [right, wrong] = await codes(ADA[0]);
    const tries = [wrong, wrong, wrong, right];
    seen.told = [];
    for (const code of tries) {
      seen.told.push(await told(() => tryCode(BY_EMAIL, code)));
    }
  },

  async forgotten_password() {
    await link("Need help signing in?").click();
    await link("Forgot password?").click();
    await page.getByLabel("Email or Username").fill(ADA[0]);
    seen.told = await told(() => link("Reset via Email").click());
  },
};

/** Take a journey in a browser that remembers nothing. Exceptions and requests to others are errors. */
async function take(journey) {
  seen = { errors: [] };
  try {
    await context.clearCookies();
    await page.goto(`${SHOP}/widget.js`); // of the same origin, and shown as text
    await page.evaluate(() => [localStorage, sessionStorage].forEach((kept) => kept.clear()));
    await page.goto(SHOP);
    await journeys[journey]();
  } catch (error) {
    seen.errors.push(error.stack);
  }
}

for await (const journey of createInterface({ input: process.stdin })) {
  await take(journey);
  console.log(JSON.stringify(seen));
}
await browser.close();
shop.close();
