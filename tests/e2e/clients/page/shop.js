// A program in which Debian's Chromium picks an order up on the page of docs/examples.
//
//     node shop.js <URL of the shop> <URL of the sandbox> <languages>
//
// It prints what the customer is told in each language as JSON; test_examples.py runs it and judges.

import { chromium } from "playwright-core";

const [shop, sandbox, ...languages] = process.argv.slice(2);
const EMAIL = "ada@example.com";

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
});

async function sentCode() {
  const [newest] = await (await fetch(`${sandbox}/sandbox/messages?to=${EMAIL}`)).json();
  return newest.code;
}

async function pickUp(locale) {
  const page = await browser.newPage({ locale });
  page.setDefaultTimeout(15_000);
  const output = page.locator("output[aria-live=polite]");
  const seen = { told: [] };

  /** Press the button and note what the customer is told then. */
  async function go() {
    await output.evaluate((element) => (element.textContent = ""));
    await page.locator("[data-text=go]").click();
    await output.filter({ hasText: /\S/ }).waitFor();
    seen.told.push(await output.textContent());
  }

  await page.goto(shop);
  seen.title = await page.locator("h1").textContent();
  await page.fill("[name=email]", EMAIL);
  await go();
  seen.again = [await page.locator("#again").isDisabled(), await page.locator("#again").textContent()];
  const code = await sentCode();
  await page.fill("[autocomplete=one-time-code]", String((Number(code) + 1) % 1_000_000).padStart(6, "0"));
  await go();
  await page.fill("[autocomplete=one-time-code]", code);
  await go();
  seen.device = await page.evaluate(() => localStorage.getItem("device") !== null);
  return seen;
}

try {
  const told = {};
  for (const language of languages) {
    told[language] = await pickUp(language);
    await fetch(`${sandbox}/sandbox/reset`, { method: "POST" });
  }
  console.log(JSON.stringify(told));
} finally {
  await browser.close();
}
