// Elements, texts and numbers: what every part of the page needs.

const texts = JSON.parse(document.getElementById("texts").textContent);
const language = document.documentElement.lang;

/** The text of a key, with {name} replaced by the value of that name. */
export function t(key, values = {}) {
  if (!(key in texts)) throw new Error(`there is no text ${key}`);
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** The texts of a part, such as "keys", by their names. */
export function textsOf(part) {
  const found = Object.entries(texts).filter(([key]) => key.startsWith(`${part}.`));
  return found.map(([key, text]) => [key.slice(part.length + 1), text]);
}

/** A text that exists for one and for several things: key_one, key_many. */
export function counted(key, n) {
  return t(n === 1 ? `${key}_one` : `${key}_many`, { n: number(n) });
}

export const byId = (id) => document.getElementById(id);

/** An element with properties (on... are listeners, data a dataset, names with a dash attributes) and children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role" || name === "for" || name === "colspan")
      element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** Tell a screen reader. */
export function say(text) {
  byId("said").textContent = text;
}

/** Show a sentence for some seconds; faults stay until they are closed. */
export function toast(text, fault = false) {
  const shown = h("div", { className: fault ? "toast fault" : "toast" }, h("span", {}, text));
  if (fault) shown.setAttribute("role", "alert");
  shown.append(h("button", { "aria-label": t("page.close"), onclick: () => shown.remove() }, "×"));
  byId("toasts").append(shown);
  if (!fault) setTimeout(() => shown.remove(), 5000);
}

export const number = (value, digits = 0) =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const percent = (share) =>
  share > 0 && share < 0.01 ? t("page.under_one") : `${number(100 * share)} %`;

const point = (1.5).toLocaleString(language)[1];

/** Seconds for people: 12.34 s, 1:02.34, 1:01:02.34, with the language's own decimal sign. */
export function clock(seconds, digits = 2) {
  if (seconds === null || seconds === undefined) return "–";
  const sign = seconds < 0 ? "-" : "";
  const rounded = Math.round(Math.abs(seconds) * 10 ** digits) / 10 ** digits;
  const minutes = Math.floor(rounded / 60);
  const rest = (rounded - 60 * minutes).toFixed(digits).replace(".", point);
  if (!minutes) return `${sign}${rest} s`;
  const last = rest.padStart(digits ? 3 + digits : 2, "0");
  const hours = Math.floor(minutes / 60);
  return sign + (hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${last}` : `${minutes}:${last}`);
}

export const moment = (iso) => (iso ? new Date(iso).toLocaleString(language) : "–");

export function duration(seconds) {
  if (seconds < 60) return t("page.seconds", { n: Math.max(1, Math.round(seconds)) });
  if (seconds < 3600) return t("page.minutes", { n: Math.round(seconds / 60) });
  return t("page.hours", { n: number(seconds / 3600, 1) });
}

/** Call a function once things have been quiet for some milliseconds. */
export function calm(wait, act) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), wait);
  };
}
