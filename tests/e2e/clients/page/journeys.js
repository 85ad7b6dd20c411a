// A program in which Debian's Chromium takes journeys through the sandbox's page.
//
//     node journeys.js <URL of the sandbox> <folder for pictures>
//
// Each line of standard input names a journey. What a customer sees is printed as a line of JSON;
// test_page.py judges. At each stop axe-core searches the page in light, in dark, and on a phone; a
// page with a fault is photographed.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

const [url, pictures] = process.argv.slice(2);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const DESK = { width: 1440, height: 900 };
const PHONE = { width: 375, height: 812 };
// Without preload: axe would fetch style sheets for rules that are not on by default. The dark look has
// other colours and is otherwise the light one.
const EVERYTHING = { preload: false };
const COLOURS = { ...EVERYTHING, runOnly: ["color-contrast", "link-in-text-block"] };
const LOOKS = {
  light: [DESK, "light", EVERYTHING],
  dark: [DESK, "dark", COLOURS],
  phone: [PHONE, "light", EVERYTHING],
};
const SERIOUS = ["serious", "critical"];
const MOST_TABS = 60;

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ],
});
const context = await browser.newContext({ viewport: DESK, reducedMotion: "reduce" });
await context.addInitScript(AXE);
const page = await context.newPage();
page.setDefaultTimeout(10_000);
page.on("pageerror", (error) => seen.errors.push(String(error)));
page.on("request", (request) => {
  const { origin, protocol } = new URL(request.url());
  if (!["data:", "about:"].includes(protocol) && origin !== url) seen.elsewhere.push(request.url());
});
const result = page.locator("#result");
let seen;

/** Search the page for faults in every look, and photograph where they are. */
async function stop(name) {
  for (const [look, [viewport, colorScheme, rules]] of Object.entries(LOOKS)) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    const where = `${name}-${look}`;
    const before = seen.problems.length;
    const { violations } = await page.evaluate((wanted) => axe.run(wanted), rules);
    for (const { id, impact, nodes } of violations.filter((each) => SERIOUS.includes(each.impact))) {
      seen.problems.push([where, id, impact, ...nodes.map((node) => node.target.join(" "))]);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > viewport.width) seen.problems.push([where, `the page is ${wide} pixels wide`]);
    if (seen.problems.length > before) {
      await page.screenshot({ path: join(pictures, `${where}.png`), fullPage: true });
    }
  }
  await page.setViewportSize(DESK);
}

const button = (name) => page.getByRole("button", { name, exact: true });
const card = (name) => page.getByRole("region", { name, exact: true });
const title = async () => {
  await result.locator(".title").waitFor();
  return result.locator(".title").textContent();
};
const state = () => page.locator("[aria-current=step]").textContent();
const inLane = (lane, name) =>
  page.getByRole("meter", { name: `${lane}: ${name}` }).getAttribute("aria-valuetext");
const wrongCodes = () => page.getByRole("meter", { name: /^Wrong codes in a row/ });

async function appears(locator) {
  await locator.waitFor();
  return true;
}

/** The claims of the receipt as they are shown, by name. */
async function claims() {
  const rows = page.locator("#receipt dt");
  const names = await rows.locator("code").allTextContents();
  const values = await page.locator("#receipt dd").allTextContents();
  return Object.fromEntries(names.map((name, n) => [name, values[n]]));
}

/** What redeeming a receipt has come to; screen readers are told as well. */
async function redeemed(wanted) {
  const answer = page.locator("#redeemed[aria-live=polite] .title");
  await answer.getByText(wanted, { exact: true }).waitFor();
  return answer.textContent();
}

async function press(name) {
  await button(name).click();
  await page.locator("[aria-busy=true]").waitFor({ state: "detached" });
  return title();
}

const arrived = (count) => page.waitForFunction(
  (wanted) => document.querySelectorAll(".message").length === wanted, count);

async function becomes(wanted) {
  await page.getByText(wanted, { exact: true }).and(page.locator("[aria-current=step]")).waitFor();
  return state();
}

async function guessWrong() {
  await button("Enter a wrong code").click();
  return press("Check the code");
}

/** Press Tab until something with this name has the focus. */
async function tabTo(name) {
  for (let n = 0; n < MOST_TABS; n += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      return element.ariaLabel ?? element.labels?.[0]?.textContent.trim() ?? element.textContent;
    });
    if (focused.startsWith(name)) return;
  }
  throw new Error(`no Tab leads to ${name}`);
}

const journeys = {
  async verified_by_keyboard() {
    await stop("start");
    await tabTo("Send a code");
    await page.keyboard.press("Enter");
    seen.asked = await title();
    await arrived(1);
    seen.announced = await page.getByRole("status").textContent();
    seen.state = await becomes("sending");
    await stop("sent");
    await tabTo("Use this code");
    await page.keyboard.press("Enter");
    seen.focus = await page.evaluate(() => document.activeElement.id);
    await page.keyboard.press("Enter");
    await result.getByText("Verified").waitFor();
    seen.checked = await title();
    seen.state = [seen.state, await becomes("verified")];
    seen.device = await page.getByRole("radio", { name: /^Known device/ }).isEnabled();
    await page.screenshot({ path: join(pictures, "page.png") });
    seen.claims = await claims();
    await tabTo("Redeem it");
    await page.keyboard.press("Enter");
    seen.redeemed = [await redeemed("Redeemed")];
    await page.keyboard.press("Enter");
    seen.redeemed.push(await redeemed("Receipt already redeemed"));
    await stop("verified");
  },

  async known_device() {
    await press("Send a code");
    await arrived(1);
    await page.getByRole("button", { name: /^Use this code/ }).click();
    await press("Check the code");
    await page.reload();
    await page.getByRole("radio", { name: /^Known device/ }).check();
    await button("+31 s").click();
    await page.getByText("31 s ahead").waitFor();
    await press("Send a code");
    await arrived(2);
    seen.codes = await inLane("This device", "codes an hour");
    seen.wire = JSON.parse(await page.getByLabel("Body of the request").textContent());
    await page.getByRole("button", { name: /^Use this code/ }).first().click();
    seen.checked = await press("Check the code");
  },

  async wrong_code() {
    await press("Send a code");
    await arrived(1);
    seen.wrong = await guessWrong();
    seen.state = await becomes("pending");
    seen.count = await wrongCodes().getAttribute("aria-valuetext");
    await stop("wrong");
    await page.getByRole("button", { name: /^Use this code/ }).click();
    seen.right = await press("Check the code");
    await becomes("verified");
    seen.count = [seen.count, await wrongCodes().getAttribute("aria-valuetext")];
  },

  async held_and_released() {
    await press("Send a code");
    await arrived(1);
    seen.guesses = [await guessWrong(), await guessWrong(), await guessWrong(), await guessWrong()];
    seen.state = await becomes("exhausted");
    seen.public = await appears(card("Limits").getByText("The public is told"));
    seen.tries = [await inLane("Strangers", "wrong codes"), await inLane("Clients", "wrong codes")];
    await stop("held");
    await page.getByRole("radio", { name: /^Client/ }).check();
    await page.getByRole("checkbox", { name: /^Release a hold/ }).check();
    seen.released = await press("Send a code");
    await arrived(2);
    await page.getByRole("button", { name: /^Use this code/ }).first().click();
    seen.checked = await press("Check the code");
    seen.customer = await appears(result.getByText("Okta’s user id is"));
    await becomes("verified");
    await stop("released");
  },

  async unknown_email() {
    await button("nobody").click();
    seen.asked = await press("Send a code");
    await becomes("sending");
    seen.inbox = await appears(card("What arrives").getByText("Nothing has been sent"));
    seen.nobody = await appears(card("The challenge").getByText("Nobody was sent a code"));
    await stop("unknown");
    seen.guess = await guessWrong();
    await page.getByRole("radio", { name: /^Client/ }).check();
    seen.client = await press("Send a code");
  },

  async too_soon_and_later() {
    await press("Send a code");
    await arrived(1);
    seen.again = await press("Send a code");
    await page.locator("#skip").click();
    await page.getByText(/ s ahead$/).waitFor();
    seen.later = await press("Send a code");
    await arrived(2);
    seen.older = await page.getByRole("list", { name: "Earlier challenges" }).textContent();
    await button("+5 min").click();
    seen.state = await becomes("expired");
  },

  async faults_and_reset() {
    await button("503").click();
    await card("Faults").getByText("next 1").waitFor();
    await page.getByRole("radio", { name: /^Client/ }).check();
    seen.faulty = await press("Send a code");
    seen.gone = await appears(card("Faults").getByText("No fault is set."));
    await button("is dropped").click();
    await page.getByRole("radio", { name: /^Stranger/ }).check();
    await card("Faults").getByText("next 1").waitFor();
    await stop("fault");
    seen.dropped = await press("Send a code");
    await card("What arrives").getByText("has dropped 1").waitFor();
    await button("Reset").click();
    await page.getByText("Nothing has happened since the start.").waitFor();
    await page.getByText("Okta has not been called.").waitFor();
    seen.reset = await result.textContent();
  },
};

/** Take a journey in a browser that remembers nothing; an exception is one of its errors. */
async function take(journey) {
  seen = { problems: [], errors: [], elsewhere: [] };
  try {
    await page.goto(`${url}/openapi.json`); // of the same origin, and without a script
    await page.evaluate(() => localStorage.clear());
    await page.goto(url);
    await page.locator("html[data-ready=true]").waitFor();
    await journeys[journey]();
  } catch (error) {
    seen.errors.push(error.stack);
  }
  await page.goto("about:blank"); // where nothing asks the sandbox any more
}

for await (const journey of createInterface({ input: process.stdin })) {
  await take(journey);
  console.log(JSON.stringify(seen));
}
await browser.close();
