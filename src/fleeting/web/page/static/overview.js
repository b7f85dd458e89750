// The strip above the timeline: the whole recording, and the part of it that the timeline shows.

import { byId, clock, t } from "./dom.js";

export class Overview {
  constructor(line) {
    this.line = line;
    this.canvas = byId("overview");
    const pan = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const middle = line.whole[0] + ((event.clientX - box.left) / box.width) * (line.whole[1] - line.whole[0]);
      const half = (line.window[1] - line.window[0]) / 2;
      line.zoom(middle - half, middle + half);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      pan(event);
    });
    this.canvas.addEventListener("pointermove", (event) => event.buttons && pan(event));
    this.canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.25, ArrowRight: 0.25, PageUp: -1, PageDown: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      line.panBy(step);
    });
  }

  draw() {
    const { canvas, line } = this;
    const { all, colours, origin, whole, window } = line;
    const scale = devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !all) return;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const [first, last] = whole;
    const across = (time) => (width * (time - first)) / (last - first);
    const top = Math.max(...all.motion_max.map((value) => value ?? 0)) || 1;
    const bar = Math.max(1, width / all.time_s.length);
    pen.fillStyle = colours.soft;
    all.time_s.forEach((time, at) => {
      const high = ((all.motion_max[at] ?? 0) / top) * (height - 8);
      pen.fillRect(across(time), height - high, bar, high);
    });
    for (const event of line.events) {
      pen.fillStyle = line.colourOf(event);
      pen.fillRect(across(event.onset_s), 0, Math.max(2, across(event.offset_s) - across(event.onset_s)), 6);
    }
    const [from, to] = window;
    const left = across(from);
    const wide = Math.max(4, across(to) - left);
    pen.fillStyle = colours.ink;
    pen.globalAlpha = 0.12;
    pen.fillRect(0, 0, left, height);
    pen.fillRect(left + wide, 0, width, height);
    pen.globalAlpha = 1;
    pen.strokeStyle = colours.macro;
    pen.lineWidth = 2;
    pen.strokeRect(left + 1, 1, wide - 2, height - 2);
    canvas.setAttribute("aria-valuemax", Math.round(last - first));
    canvas.setAttribute("aria-valuenow", Math.round((from + to) / 2 - first));
    canvas.setAttribute("aria-valuetext", t("viewer.shown", { from: clock(from - origin, 1), to: clock(to - origin, 1) }));
  }
}
