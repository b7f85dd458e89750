// The list of events: sorted, filtered, cut off at a likelihood; every entry leads to its movement.

import { byId, clock, counted, h, number, percent, t } from "./dom.js";
import { Thumbs } from "./thumbs.js";

export class EventList extends EventTarget {
  constructor(job, facts) {
    super();
    Object.assign(this, { job, facts, origin: facts.container_start_s, events: [], selected: null });
    this.entries = new Map();
    this.thumbs = new Thumbs();
    this.form = byId("filters");
    this.form.addEventListener("input", () => this.dispatchEvent(new Event("filtered")));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.slider();
  }

  slider() {
    const { alarms, asked } = this.facts;
    if (!alarms.length) return;
    const rate = byId("rate");
    rate.max = alarms.length - 1;
    let usual = 0;
    alarms.forEach(([one], at) => {
      if (Math.abs(Math.log(one / asked)) < Math.abs(Math.log(alarms[usual][0] / asked))) usual = at;
    });
    rate.value = this.usual = usual;
    byId("threshold").hidden = false;
  }

  /** The likelihood from which on events are shown, and how many false alarms a minute go with it. */
  get point() {
    const { alarms, asked } = this.facts;
    if (!alarms.length || Number(byId("rate").value) === this.usual) return { rate: asked, likelihood: null };
    const [rate, likelihood] = alarms[Number(byId("rate").value)];
    return { rate, likelihood };
  }

  tellThreshold(blind) {
    byId("threshold").hidden = blind || !this.facts.alarms.length;
    const { rate, likelihood } = this.point;
    if (rate === null) return;
    const from = likelihood ?? this.facts.alarms[this.usual]?.[1];
    const text = t("viewer.expected", { n: number(60 * rate), likelihood: from === undefined ? "–" : percent(from) });
    byId("expected").textContent = text;
    byId("rate").setAttribute("aria-valuetext", text);
  }

  /** The events that the filters and the threshold leave, in the chosen order. */
  chosen(events, blind) {
    const { sort, face, label, state, kind } = Object.fromEntries(new FormData(this.form));
    const { likelihood } = this.point;
    const decided = (event) => event.state !== "open";
    const kept = events.filter((event) => {
      if (blind) {
        if (event.candidate && !decided(event)) return false;
      } else if (likelihood === null) {
        if (event.candidate && !decided(event)) return false;
      } else if (!decided(event) && event.likelihood !== null && event.likelihood < likelihood) return false;
      return (!face || String(event.face) === face) && (!label || event.label === label) && (!state || event.state === state) && (!kind || event.kind === kind);
    });
    const rank = { likelihood: (event) => (event.kind === "macro" ? 2 : event.likelihood === null ? 1 : -event.likelihood), onset_s: (event) => event.onset_s, face: (event) => event.face, label: (event) => event.label ?? "\uffff" }[sort];
    return kept.sort((one, other) => {
      const [a, b] = [rank(one), rank(other)];
      return a < b ? -1 : a > b ? 1 : one.onset_s - other.onset_s;
    });
  }

  /** The choices of the filters: the people and classes that there are. */
  offer(events) {
    for (const [name, values, text] of [
      ["face", [...new Set(events.map((event) => event.face))].sort((a, b) => a - b), (face) => t("viewer.face", { n: face })],
      ["label", [...new Set(events.map((event) => event.label).filter(Boolean))].sort(), (label) => label],
    ]) {
      const select = this.form.elements[name];
      const kept = select.value;
      select.replaceChildren(h("option", { value: "" }, t("viewer.all")), ...values.map((value) => h("option", { value }, text(value))));
      select.value = values.map(String).includes(kept) ? kept : "";
    }
  }

  draw(events, selected) {
    this.selected = selected;
    const list = byId("events");
    const wanted = events.map((event) => this.entry(event));
    list.replaceChildren(...wanted);
    byId("count").textContent = counted("viewer.count", events.length);
    if (!events.length) list.append(h("li", { className: "soft none" }, t("viewer.no_events")));
  }

  entry(event) {
    let entry = this.entries.get(event.n);
    if (!entry) {
      const picture = h("img", { alt: "", width: 56, height: 56, decoding: "async" });
      const button = h("button", { type: "button", data: { n: event.n } });
      button.addEventListener("click", () => this.dispatchEvent(new CustomEvent("chosen", { detail: event.n })));
      entry = { item: h("li", { className: "entry" }, button), button, picture, shown: "" };
      this.entries.set(event.n, entry);
    }
    this.update(entry, event);
    return entry.item;
  }

  update(entry, event) {
    const { button, picture, item } = entry;
    const chosen = event.n === this.selected;
    button.setAttribute("aria-current", chosen ? "true" : "false");
    const { when, ...facts } = event;
    const shown = JSON.stringify(facts);
    if (shown === entry.shown) return;
    entry.shown = shown;
    item.dataset.state = event.candidate && event.state === "open" ? "candidate" : event.state;
    item.dataset.kind = event.kind;
    const source = `/api/jobs/${this.job}/pictures/${event.apex_frame}.jpg?size=112&face=${event.face}`;
    this.thumbs.show(item, picture, source);
    const verdict = event.label ? [event.label, event.confidence === null ? "" : ` ${percent(event.confidence)}`] : [t(`kind.${event.kind}`)];
    button.replaceChildren(
      picture,
      h("span", { className: "what" },
        h("b", {}, `${event.n} · ${clock(event.apex_s - this.origin)}`),
        h("span", {}, ...verdict, event.unsure ? h("span", { className: "unsure" }, t("viewer.unsure")) : null),
        h("span", { className: "soft" }, [t("viewer.face", { n: event.face }), t("viewer.lasts", { time: clock(event.offset_s - event.onset_s) })].join(" · ")),
      ),
      h("span", { className: "how" },
        event.likelihood === null ? null : h("span", { className: "likelihood", title: t("viewer.likelihood") }, percent(event.likelihood)),
        h("span", { className: "tag" }, event.origin === "added" ? t("state.added") : t(`state.${item.dataset.state}`)),
      ),
    );
  }

  /** Bring the selected entry into view. */
  reveal() {
    this.entries.get(this.selected)?.item.scrollIntoView({ block: "nearest" });
  }
}
