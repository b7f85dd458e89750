// What raters do: every change goes to the server at once and can be taken back; history, agreement, export.

import { address, get, patch, post, remove } from "./api.js";
import { byId, h, moment, number, percent, say, t, toast } from "./dom.js";

const FORMATS = ["csv", "json", "elan", "dataset"];

export class Review extends EventTarget {
  constructor(job) {
    super();
    this.path = `/api/jobs/${job}`;
    this.rater = localStorage.getItem("fleeting-rater") ?? "";
    this.blind = localStorage.getItem("fleeting-blind") === "1";
    this.events = [];
    byId("rater").value = this.rater;
    byId("blind").checked = this.blind;
    byId("rater").addEventListener("change", (event) => {
      this.rater = event.target.value.trim();
      localStorage.setItem("fleeting-rater", this.rater);
      this.load().then(() => say(t("review.rater_is", { name: this.rater || t("review.unnamed") })));
    });
    byId("blind").addEventListener("change", (event) => {
      this.blind = event.target.checked;
      localStorage.setItem("fleeting-blind", this.blind ? "1" : "");
      this.load();
    });
    byId("undo").addEventListener("click", () => this.undo());
    byId("history-open").addEventListener("click", () => this.history());
    byId("agreement-open").addEventListener("click", () => this.agreement());
    for (const id of ["rater-a", "rater-b"]) byId(id).addEventListener("change", () => this.agree());
    this.exports();
  }

  async load() {
    const asked = { rater: this.rater, blind: this.blind ? 1 : 0, candidates: 1 };
    const { events } = await get(address(`${this.path}/events`, asked));
    this.events = events;
    this.exports();
    this.dispatchEvent(new Event("changed"));
  }

  /** Change something, then show what the server has; a refusal is shown and changes nothing. */
  async act(change, said) {
    try {
      const found = await change();
      await this.load();
      if (said) say(said);
      this.raters();
      return found;
    } catch (error) {
      toast(error.message, true);
      this.dispatchEvent(new Event("changed"));
      return null;
    }
  }

  change(n, fields, said = t("review.saved")) {
    return this.act(() => patch(`${this.path}/events/${n}`, { rater: this.rater, ...fields }), said);
  }

  add(frames) {
    return this.act(() => post(`${this.path}/events`, { rater: this.rater, label: "", comment: "", ...frames }), t("review.added"));
  }

  remove(n) {
    return this.act(() => remove(address(`${this.path}/events/${n}`, { rater: this.rater })), t("review.deleted"));
  }

  undo() {
    return this.act(async () => {
      const { changes } = await post(`${this.path}/undo`, { rater: this.rater });
      toast(changes.length ? t("review.undone", { n: changes[0].event }) : t("review.nothing"));
      return changes;
    });
  }

  async raters() {
    const { raters } = await get(`${this.path}/raters`).catch(() => ({ raters: [] }));
    byId("raters").replaceChildren(...raters.filter((one) => one.rater).map((one) => h("option", { value: one.rater })));
    return raters;
  }

  async history() {
    const { changes } = await get(`${this.path}/history`);
    const word = (value) => (value === null || value === "" ? "–" : typeof value === "object" ? Object.values(value).join(" ") : String(value));
    const head = ["when", "who", "event", "field", "before", "after"].map((name) => h("th", { scope: "col" }, t(`history.${name}`)));
    const rows = changes.toReversed().map((one) =>
      h("tr", { className: one.undone ? "undone" : "" },
        [moment(one.at), one.rater || t("review.unnamed"), one.event, t(`field.${one.field}`), word(one.before), word(one.after) + (one.undone ? ` (${t("history.undone")})` : "")].map((cell) => h("td", {}, String(cell)))));
    const table = h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows));
    byId("changes").replaceChildren(changes.length ? table : t("history.none"));
    byId("history").showModal();
  }

  async agreement() {
    const raters = await this.raters();
    for (const [id, at] of [["rater-a", 0], ["rater-b", 1]]) {
      byId(id).replaceChildren(...raters.map((one) => h("option", { value: one.rater }, `${one.rater || t("review.unnamed")} (${one.decided}/${one.of})`)));
      byId(id).selectedIndex = Math.min(at, raters.length - 1);
    }
    byId("agreement").showModal();
    await this.agree();
  }

  async agree() {
    const names = [byId("rater-a").value, byId("rater-b").value];
    const place = byId("agreed");
    if (byId("rater-a").options.length < 2 || names[0] === names[1]) {
      place.replaceChildren(t("review.two_needed"));
      return;
    }
    const asked = (this.asked = Symbol("asked"));
    try {
      const found = await get(address(`${this.path}/agreement`, { raters: names.join(",") }));
      if (asked !== this.asked) return; // two other raters were chosen meanwhile
      const kappa = (one) => (one.kappa === null ? "–" : number(one.kappa, 2));
      const { intervals } = found;
      const rows = [
        [t("review.decisions"), t("review.of_both", { agreed: found.decisions.agreed, n: found.decisions.n }), kappa(found.decisions)],
        [t("review.classes"), t("review.of_both", { agreed: found.classes.agreed, n: found.classes.n }), kappa(found.classes)],
      ];
      const head = [t("review.what"), t("review.alike"), t("review.kappa")].map((text) => h("th", { scope: "col" }, text));
      place.replaceChildren(
        h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)))))),
        h("p", {}, t("review.intervals", { matched: intervals.matched, first: intervals.only_first, second: intervals.only_second, f1: intervals.f1 === null ? "–" : number(intervals.f1, 2), iou: intervals.mean_iou === null ? "–" : percent(intervals.mean_iou) })),
        ...found.notes.map((note) => h("p", { className: "soft" }, note)),
      );
    } catch (error) {
      place.replaceChildren(h("p", { className: "fault" }, error.message));
    }
  }

  exports() {
    const link = (format) => h("li", {}, h("a", { href: address(`${this.path}/export`, { format, rater: this.rater }), download: "" }, t(`export.${format}`)));
    const report = h("li", {}, h("a", { href: `${this.path}/report`, target: "_blank", rel: "noopener" }, t("export.report")));
    byId("exports").replaceChildren(...FORMATS.map(link), report, ...(this.annotated ? [h("li", {}, h("a", { href: `${this.path}/annotated`, download: "" }, t("export.annotated")))] : []));
  }
}

/** The moments of an event after one of them was put at a frame; the others give way where they have to. */
export function moved(event, name, frame) {
  const frames = { onset_frame: event.onset_frame, apex_frame: event.apex_frame, offset_frame: event.offset_frame };
  frames[`${name}_frame`] = frame;
  if (name === "onset") {
    frames.apex_frame = Math.max(frames.apex_frame, frame);
    frames.offset_frame = Math.max(frames.offset_frame, frame);
  } else if (name === "offset") {
    frames.apex_frame = Math.min(frames.apex_frame, frame);
    frames.onset_frame = Math.min(frames.onset_frame, frame);
  } else {
    frames.onset_frame = Math.min(frames.onset_frame, frame);
    frames.offset_frame = Math.max(frames.offset_frame, frame);
  }
  return frames;
}

