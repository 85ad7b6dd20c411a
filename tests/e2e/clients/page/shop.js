// A program in which Debian's Chromium picks an order up on the page of docs/examples.
//
//     node shop.js <URL of the shop> <URL of the sandbox> <folder for the profile> <language>
//
// It prints what the customer is told as JSON; test_examples.py runs it and judges.

import { chromium } from "playwright-core";

const [shop, sandbox, profile, locale] = process.argv.slice(2);
const EMAIL = "ada@example.com";

const browser = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium",
  locale,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
});
const [page] = browser.pages();
page.setDefaultTimeout(15_000);
const seen = { told: [] };
const output = page.locator("output[aria-live=polite]");

/** Press a button and note what the customer is told then. */
async function press(button) {
  await output.evaluate((element) => (element.textContent = ""));
  await page.locator(button).click();
  await output.filter({ hasText: /\S/ }).waitFor();
  seen.told.push(await output.textContent());
}

async function sentCode() {
  const [newest] = await (await fetch(`${sandbox}/sandbox/messages?to=${EMAIL}`)).json();
  return newest.code;
}

try {
  await page.goto(shop);
  seen.title = await page.locator("h1").textContent();
  await page.fill("[name=email]", EMAIL);
  await press("[data-text=go]");
  seen.again = [await page.locator("#again").isDisabled(), await page.locator("#again").textContent()];
  const code = await sentCode();
  await page.fill("[autocomplete=one-time-code]", String((Number(code) + 1) % 1_000_000).padStart(6, "0"));
  await press("[data-text=go]");
  await page.fill("[autocomplete=one-time-code]", code);
  await press("[data-text=go]");
  seen.device = await page.evaluate(() => localStorage.getItem("device") !== null);
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
