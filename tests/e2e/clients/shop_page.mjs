// Fills in the form of the example shop's page, without a browser.
//
//     node shop_page.mjs <URL of the shop>
//
// A line of JSON on standard input has the fields of one submission. The page's answer to it is
// printed as one line. CORS does not exist here.

import { once } from "node:events";
import { createInterface } from "node:readline";

const [shop] = process.argv.slice(2);
const page = await (await fetch(shop)).text();
const [, script] = page.match(/<script type="module">(.*)<\/script>/s);

const form = { addEventListener: (_, handler) => (form.submit = handler) };
const output = {};
globalThis.document = { querySelector: (name) => ({ form, output })[name] };
globalThis.FormData = class extends Map {
  constructor({ fields }) {
    super(Object.entries(fields));
  }
};
const wholeFetch = fetch;
globalThis.fetch = (url, options) => wholeFetch(new URL(url, shop), options);
await import(`data:text/javascript,${encodeURIComponent(script)}`);

for await (const line of createInterface({ input: process.stdin })) {
  form.fields = JSON.parse(line);
  await form.submit({ preventDefault() {} });
  if (!process.stdout.write(`${output.textContent}\n`)) await once(process.stdout, "drain");
}
