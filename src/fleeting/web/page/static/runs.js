// Runs below the folder that the server was given: their scores side by side, and their reports.

import { get } from "./api.js";
import { byId, h, number, t, toast } from "./dom.js";

const RULES = ["clean", "shared", "oracle", "null"];
const SHOWN = ["uf1", "uar", "accuracy"];

const score = (scores, name) => {
  if (!scores || scores[name] === null || scores[name] === undefined) return "–";
  const interval = scores.ci95?.[name];
  const value = number(scores[name], 3);
  if (!interval) return value;
  return t("runs.interval", { score: value, low: number(interval[0], 3), high: number(interval[1], 3) });
};

function rows(run) {
  const there = RULES.filter((rule) => run.scores?.[rule]);
  return there.map((rule, at) =>
    h("tr", {},
      at ? null : h("th", { scope: "row", rowSpan: there.length }, name(run)),
      h("td", {}, t(`runs.${rule}`)),
      h("td", {}, String(run.scores[rule].n ?? "–")),
      ...SHOWN.map((column) => h("td", {}, score(run.scores[rule], column)))));
}

function name(run) {
  const report = run.files?.find((file) => file === "report.html");
  if (!report) return run.name;
  const address = `/api/runs/${run.name.split("/").map(encodeURIComponent).join("/")}/files/${report}`;
  return h("a", { href: address, target: "_blank", rel: "noopener", title: t("runs.report") }, run.name);
}

async function main() {
  const { runs } = await get("/api/runs");
  if (!runs.length) {
    byId("runs").replaceChildren(h("p", { className: "soft" }, t("runs.none")));
    return;
  }
  const full = await Promise.all(runs.map((run) => get(`/api/runs/${run.name.split("/").map(encodeURIComponent).join("/")}`).catch(() => run)));
  const head = [t("runs.recipe"), t("runs.measure"), "n", "UF1", "UAR", t("runs.accuracy")].map((text) => h("th", { scope: "col" }, text));
  byId("runs").replaceChildren(
    h("div", { className: "wide", tabIndex: 0, role: "region", "aria-label": t("runs.title") },
      h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, full.flatMap(rows)))));
}

main().catch((error) => toast(error.message, true));
