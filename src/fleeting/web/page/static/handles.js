// The handles of the chosen event in the timeline: onset, apex and offset, to be dragged or moved by arrow keys.

import { clock, h, t } from "./dom.js";

const MOMENTS = ["onset", "apex", "offset"];

export class Handles {
  constructor(line) {
    this.line = line;
    this.knobs = {};
    const timeOf = (event) => line.plot.posToVal(event.clientX - line.plot.over.getBoundingClientRect().left, "x");
    const tell = (name, detail) => line.dispatchEvent(new CustomEvent(name, { detail }));
    for (const name of MOMENTS) {
      const knob = h("div", { className: `knob ${name}`, role: "slider", tabIndex: 0, hidden: true, "aria-label": t(`moment.${name}`), title: t("viewer.drag", { moment: t(`moment.${name}`) }) });
      this.knobs[name] = knob;
      knob.addEventListener("pointerdown", (event) => {
        event.stopPropagation();
        event.preventDefault();
        knob.focus();
        knob.setPointerCapture(event.pointerId);
      });
      knob.addEventListener("mousedown", (event) => event.stopPropagation());
      knob.addEventListener("pointermove", (event) => {
        if (!knob.hasPointerCapture(event.pointerId)) return;
        tell("drag", { moment: name, time: timeOf(event), done: false });
      });
      knob.addEventListener("pointerup", (event) => {
        if (!knob.hasPointerCapture(event.pointerId)) return;
        knob.releasePointerCapture(event.pointerId);
        tell("drag", { moment: name, time: timeOf(event), done: true });
      });
      knob.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
        if (!by) return;
        event.preventDefault();
        event.stopPropagation();
        tell("nudge", { moment: name, by });
      });
    }
    this.join();
  }

  /** Put the handles into the plot, which was made anew. */
  join() {
    this.line.plot.over.append(...Object.values(this.knobs));
  }

  /** Put the handles where the moments of an event are; hide those that are not in view. */
  place(event) {
    const { origin, plot, window } = this.line;
    for (const name of MOMENTS) {
      const knob = this.knobs[name];
      const time = event?.[`${name}_s`];
      knob.hidden = !event || time < window[0] || time > window[1];
      if (!event) continue;
      knob.style.transform = `translateX(${plot.valToPos(time, "x")}px)`;
      knob.setAttribute("aria-valuenow", event[`${name}_frame`]);
      knob.setAttribute("aria-valuetext", `${clock(time - origin)}, ${t("viewer.frame", { n: event[`${name}_frame`] })}`);
    }
  }
}
