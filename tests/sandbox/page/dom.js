// Building blocks of the page: elements, meters, times.

/** An element. Properties that begin with "on" are listeners; children are nodes or texts. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

const painted = new Map();

/** Fill a container if what it shows has changed. A button that had the focus keeps it. */
export function paint(id, shown, build) {
  const key = JSON.stringify(shown);
  if (painted.get(id) === key) return;
  painted.set(id, key);
  const container = document.getElementById(id);
  const focused = container.contains(document.activeElement) && document.activeElement.dataset.focus;
  const open = [...container.querySelectorAll("details[open]")].map((each) => each.dataset.focus);
  container.replaceChildren(...[build(shown)].flat(Infinity).filter(Boolean));
  for (const each of container.querySelectorAll("details")) {
    if (open.includes(each.dataset.focus)) each.open = true;
  }
  if (focused) container.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

const MOST_PIPS = 10;

/** A meter: pips for small limits, a bar for large ones. */
export function meter(name, used, most, { tone, marks = [] } = {}) {
  const level = tone ?? (used >= most ? "bad" : used >= most - 1 && most > 1 ? "warn" : "ok");
  const drawn =
    most <= MOST_PIPS
      ? Array.from({ length: most }, (_, n) =>
          h("i", { class: [n < used && "on", marks.includes(n + 1) && "mark"].filter(Boolean).join(" ") }))
      : h("i", { class: "bar", style: `--part: ${used ? Math.max(0.02, Math.min(1, used / most)) : 0}` });
  return h(
    "div",
    {
      class: `meter ${level} ${most <= MOST_PIPS ? "pips" : "long"}`,
      role: "meter",
      "aria-label": name,
      "aria-valuemin": 0,
      "aria-valuemax": most,
      "aria-valuenow": Math.min(used, most),
      "aria-valuetext": `${used} of ${most.toLocaleString("en")}`,
    },
    drawn,
  );
}

let ahead = 0;

/** Take over the sandbox's time (epoch seconds). */
export function setNow(seconds) {
  ahead = seconds - Date.now() / 1000;
}

/** The sandbox's time in epoch seconds. */
export const now = () => Date.now() / 1000 + ahead;

/** A time of the sandbox, such as 19:23:50. */
export const clockTime = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);

/** A time with its date, such as 2026-11-24 19:23:50 UTC. */
export const dateTime = (seconds) =>
  `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** A duration in its two largest units, such as 4 min 59 s. */
export function duration(seconds) {
  let rest = Math.max(0, Math.ceil(seconds));
  const parts = [];
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
    if (rest >= size) parts.push(`${Math.floor(rest / size)} ${unit}`);
    rest %= size;
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** A text with a countdown to a time; `tick` moves it on. */
export function countdown(until, before, after) {
  const element = h("span", { class: "countdown" });
  Object.assign(element.dataset, { until, before, after });
  move(element);
  return element;
}

/** Move all countdowns on. */
export function tick() {
  document.querySelectorAll(".countdown").forEach(move);
}

function move(element) {
  const { until, before, after } = element.dataset;
  const left = Number(until) - now();
  const text = left > 0 ? before.replace("{}", duration(left)) : after;
  if (element.textContent !== text) element.textContent = text;
  element.classList.toggle("over", left <= 0);
}
