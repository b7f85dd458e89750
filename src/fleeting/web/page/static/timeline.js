// The timeline: how much the face moved, where it could not be judged, and the events; it zooms over hours.

import uPlot from "./vendor/uplot.js";
import { address, get } from "./api.js";
import { byId, calm, clock, h, t } from "./dom.js";
import { Handles } from "./handles.js";
import { Overview } from "./overview.js";
import { COLOURS, Units } from "./units.js";

const HEIGHT = 190;
const LANE = 9; // pixels of the lane that says whether the face was used
const LEAST = 0.2; // seconds: the shortest stretch that fills the plot
const POINTS = 2000; // bins of one answer, at most
const NEAR = 5; // pixels around an event at which it is meant
const STEP = 0.8; // share of the stretch that is kept by one step of the wheel
const MEASURED = /:.*\d.*/;

export class Timeline extends EventTarget {
  constructor(job, facts) {
    super();
    Object.assign(this, { job, facts, origin: facts.container_start_s, events: [], selected: null, now: null });
    this.place = byId("plot");
    this.units = new Units(facts.units);
    this.units.addEventListener("chosen", () => this.rechoose());
    this.fetchSoon = calm(90, () => this.fetch());
  }

  async open() {
    this.all = await get(`/api/jobs/${this.job}/frames?points=${POINTS}`);
    const times = this.all.time_s;
    this.whole = [times[0] ?? 0, Math.max(times.at(-1) ?? 1, (times[0] ?? 0) + LEAST)];
    this.columns = this.all;
    this.make();
    this.overview = new Overview(this);
    this.handles = new Handles(this);
    this.listen();
    this.overview?.draw();
    new ResizeObserver(() => this.resize()).observe(this.place);
    addEventListener("themechange", () => this.restyle());
  }

  make() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.colours = Object.fromEntries(
      ["ink", "soft", "line", "micro", "macro", "seen", "rejected", "candidate", "cut", "light", "unsharp", "covered", "gap", "field", "quality", ...COLOURS].map((name) => [name, colour(name)]),
    );
    const { ink, soft, line, quality } = this.colours;
    const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui, sans-serif" };
    const range = this.window ?? this.whole;
    this.plot?.destroy();
    this.plot = new uPlot(
      {
        width: Math.max(200, this.place.clientWidth),
        height: HEIGHT,
        legend: { show: false },
        cursor: { drag: { x: true, y: false, dist: 6 }, points: { show: false }, y: false },
        scales: {
          x: { time: false, min: range[0], max: range[1] },
          y: { range: (_, _low, high) => [0, high > 0 ? 1.08 * high : 1] },
          q: { range: [0, 1] },
        },
        axes: [
          { ...axis, values: (_, ticks) => ticks.map((tick) => this.tick(tick, ticks[1] - ticks[0])), space: 90 },
          { ...axis, label: t("viewer.motion_axis"), labelFont: "12px system-ui, sans-serif", labelSize: 18, size: 44 },
        ],
        series: [
          {},
          { stroke: ink, width: 1.2, points: { show: false } },
          { stroke: ink, width: 0.4, points: { show: false } },
          { stroke: quality, width: 1, scale: "q", dash: [4, 3], points: { show: false } },
          ...this.units.chosen.map(({ colour: name }) => ({ stroke: colour(name), width: 1.5, scale: "q", points: { show: false } })),
        ],
        bands: [{ series: [1, 2], fill: `color-mix(in srgb, ${ink} 28%, transparent)` }],
        hooks: { drawClear: [() => this.drawGaps()], draw: [() => this.drawEvents()], setScale: [(_, name) => name === "x" && this.zoomed()] },
      },
      this.data(),
      this.place,
    );
    this.playhead = h("div", { className: "playhead", hidden: true });
    this.plot.over.append(this.playhead);
    this.window = range;
    this.handles?.join();
  }

  restyle() {
    this.make();
    this.listenOver();
    this.setNow(this.now);
    this.overview?.draw();
  }

  /** Other curves were chosen: the plot is made anew, and they are fetched. */
  rechoose() {
    this.restyle();
    this.fetch();
  }

  resize() {
    this.plot.setSize({ width: Math.max(200, this.place.clientWidth), height: HEIGHT });
    this.overview?.draw();
    this.placeMarks();
  }

  tick(time, step) {
    const digits = [0, 1, 2].find((one) => Math.abs(step * 10 ** one - Math.round(step * 10 ** one)) < 1e-6) ?? 3;
    return clock(time - this.origin, digits);
  }

  data() {
    const { time_s, motion_max, motion_min, quality, units } = this.columns;
    const curves = this.units.chosen.map(({ name }) => units?.[name] ?? time_s.map(() => null));
    return [time_s, motion_max, motion_min, quality, ...curves];
  }

  zoomed() {
    if (!this.plot || this.quiet) return;
    const { min, max } = this.plot.scales.x;
    this.window = [min, max];
    this.placeMarks();
    this.overview?.draw();
    this.fetchSoon();
  }

  async fetch() {
    const [from, to] = this.window;
    const more = (to - from) / 2;
    const whole = from <= this.whole[0] && to >= this.whole[1];
    const asked = (this.asked = Symbol("asked"));
    const stretch = whole ? { points: POINTS } : { from: from - more, to: to + more, points: 2 * POINTS };
    const [rows, units] = await Promise.all([
      whole ? this.all : get(address(`/api/jobs/${this.job}/frames`, stretch)),
      this.curves(stretch),
    ]);
    const found = { ...rows, units };
    if (asked !== this.asked || !found.time_s.length) return;
    this.columns = found;
    this.quiet = true;
    this.plot.setData(this.data(), false);
    this.plot.setScale("x", { min: this.window[0], max: this.window[1] });
    this.quiet = false;
    this.dispatchEvent(new Event("loaded"));
  }

  /** The chosen curves, each as a share of its largest value in the recording. */
  async curves(stretch) {
    const wanted = this.units.chosen.map(({ name }) => name);
    if (!wanted.length) return {};
    const { curves, largest } = await get(address(`/api/jobs/${this.job}/curves`, { units: wanted.join(","), ...stretch }));
    this.units.tell(largest);
    const share = (name) => curves[name].map((value) => (value === null ? null : value / (largest[name] || 1)));
    return Object.fromEntries(wanted.map((name) => [name, share(name)]));
  }

  /** Show the stretch from one time to another, inside the recording. */
  zoom(from, to) {
    const [first, last] = this.whole;
    const span = Math.min(Math.max(to - from, LEAST), last - first);
    const start = Math.max(first, Math.min((from + to - span) / 2, last - span));
    this.plot.setScale("x", { min: start, max: start + span });
  }

  zoomBy(factor, around = this.now ?? (this.window[0] + this.window[1]) / 2) {
    const [from, to] = this.window;
    const middle = around >= from && around <= to ? around : (from + to) / 2;
    this.zoom(middle - (middle - from) * factor, middle + (to - middle) * factor);
  }

  showAll() {
    this.zoom(...this.whole);
  }

  panBy(share) {
    const step = share * (this.window[1] - this.window[0]);
    this.zoom(this.window[0] + step, this.window[1] + step);
  }

  /** Bring a time into view without another zoom. */
  reveal(time) {
    const [from, to] = this.window;
    const span = to - from;
    if (time < from || time > to) this.zoom(time - span / 2, time + span / 2);
  }

  /** Zoom so far that a movement and what is around it can be told apart. */
  focus(event) {
    const [from, to] = this.window;
    const length = Math.max(event.offset_s - event.onset_s, 0.1);
    const span = Math.min(Math.max(12 * length, 4), this.whole[1] - this.whole[0]);
    if (to - from > span) this.zoom(event.apex_s - span / 2, event.apex_s + span / 2);
    else this.reveal(event.apex_s);
  }

  setEvents(events, selected) {
    this.events = events;
    this.selected = selected;
    this.plot.redraw(false);
    this.placeMarks();
    this.overview?.draw();
  }

  setNow(time) {
    this.now = time;
    if (time === null) return;
    this.playhead.style.transform = `translateX(${this.plot.valToPos(time, "x")}px)`;
    this.playhead.hidden = time < this.window[0] || time > this.window[1];
  }

  kind(reason) {
    const found = Object.entries(this.facts.kinds).find(([, begins]) => begins.some((begin) => reason.startsWith(begin)));
    return found ? found[0] : "gap";
  }

  gaps() {
    const { time_s, reason } = this.columns;
    const found = [];
    for (let at = 0; at < reason.length; at += 1) {
      const why = reason[at].replace(MEASURED, "");
      const last = found.at(-1);
      if (last && last.why === why) last.end = time_s[at + 1] ?? time_s[at];
      else found.push({ why, start: time_s[at], end: time_s[at + 1] ?? time_s[at] });
    }
    return found;
  }

  drawGaps() {
    const { ctx, bbox } = this.plot;
    const lane = LANE * devicePixelRatio;
    ctx.fillStyle = this.colours.field;
    ctx.fillRect(bbox.left, bbox.top, bbox.width, bbox.height);
    for (const { why, start, end } of this.gaps()) {
      const [left, right] = this.across(start, end);
      if (right <= left) continue;
      ctx.fillStyle = why ? this.colours[this.kind(why)] : this.colours.seen;
      ctx.fillRect(left, bbox.top + bbox.height - lane, right - left, lane);
      if (!why) continue;
      ctx.globalAlpha = 0.16;
      ctx.fillRect(left, bbox.top, right - left, bbox.height - lane);
      ctx.globalAlpha = 1;
    }
  }

  across(start, end, least = 1) {
    const { bbox } = this.plot;
    const place = (time) => Math.max(bbox.left, Math.min(this.plot.valToPos(time, "x", true), bbox.left + bbox.width));
    const [left, right] = [place(start), place(end)];
    const outside = end < this.window[0] || start > this.window[1];
    return outside ? [0, 0] : [left, Math.max(right, left + least * devicePixelRatio)];
  }

  colourOf(event) {
    if (event.state === "rejected") return this.colours.rejected;
    if (event.state === "accepted") return this.colours.seen;
    if (event.candidate) return this.colours.candidate;
    return event.kind === "macro" ? this.colours.macro : this.colours.micro;
  }

  drawEvents() {
    const { ctx, bbox } = this.plot;
    const lane = LANE * devicePixelRatio;
    for (const event of this.events) {
      const [left, right] = this.across(event.onset_s, event.offset_s, 3);
      if (right <= left) continue;
      const chosen = event.n === this.selected;
      ctx.fillStyle = ctx.strokeStyle = this.colourOf(event);
      ctx.globalAlpha = chosen ? 0.55 : event.candidate ? 0.25 : 0.38;
      ctx.fillRect(left, bbox.top, right - left, bbox.height - lane);
      ctx.globalAlpha = 1;
      ctx.fillRect(left, bbox.top, right - left, (chosen ? 6 : 3) * devicePixelRatio);
      if (!chosen) continue;
      ctx.lineWidth = 1.5 * devicePixelRatio;
      ctx.strokeRect(left, bbox.top, right - left, bbox.height - lane);
    }
  }

  at(x) {
    const time = this.plot.posToVal(x, "x");
    const slack = NEAR * ((this.window[1] - this.window[0]) / this.plot.over.clientWidth);
    const hit = this.events.filter((event) => time >= event.onset_s - slack && time <= event.offset_s + slack);
    hit.sort((one, other) => Math.abs(one.apex_s - time) - Math.abs(other.apex_s - time));
    return { time, event: hit[0] };
  }

  listen() {
    this.listenOver();
    byId("zoom-in").addEventListener("click", () => this.zoomBy(STEP ** 3));
    byId("zoom-out").addEventListener("click", () => this.zoomBy(STEP ** -3));
    byId("zoom-all").addEventListener("click", () => this.showAll());
  }

  listenOver() {
    const { over } = this.plot;
    let pressed = null;
    over.addEventListener("pointerdown", (event) => (pressed = event.clientX));
    over.addEventListener("click", (event) => {
      if (pressed === null || Math.abs(event.clientX - pressed) > 5 || event.target !== over) return;
      const { time, event: hit } = this.at(event.clientX - over.getBoundingClientRect().left);
      this.dispatchEvent(new CustomEvent(hit ? "event" : "time", { detail: hit ?? time }));
    });
    over.addEventListener("dblclick", () => this.showAll());
    over.addEventListener("pointermove", (event) => this.under(event.clientX - over.getBoundingClientRect().left));
    over.addEventListener("pointerleave", () => (byId("under").textContent = ""));
    over.addEventListener(
      "wheel",
      (event) => {
        if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
          event.preventDefault();
          this.panBy(Math.sign(event.deltaX || event.deltaY) * 0.1);
          return;
        }
        const whole = this.window[1] - this.window[0] >= this.whole[1] - this.whole[0] - 1e-6;
        if (event.deltaY > 0 && whole) return; // nothing left to zoom out of: the page scrolls
        event.preventDefault();
        this.zoomBy(event.deltaY > 0 ? 1 / STEP : STEP, this.plot.posToVal(event.clientX - over.getBoundingClientRect().left, "x"));
      },
      { passive: false },
    );
  }

  under(x) {
    const { time, event } = this.at(x);
    const gap = this.gaps().find((one) => one.why && time >= one.start && time <= one.end);
    const what = event ? t("viewer.event_at", { n: event.n, time: clock(event.apex_s - this.origin) }) : "";
    byId("under").textContent = [clock(time - this.origin), what, gap ? t("viewer.not_used", { why: gap.why }) : ""].filter(Boolean).join(" · ");
  }

  placeMarks() {
    this.setNow(this.now);
    this.handles?.place(this.events.find((one) => one.n === this.selected));
  }
}
