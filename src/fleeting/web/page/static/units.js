// Which curves of action units the timeline shows; a recording that was analysed without them says how to have them.

import { byId, h, number, t } from "./dom.js";

const MOST = 4; // curves at once: more cannot be told apart
export const COLOURS = ["unit-1", "unit-2", "unit-3", "unit-4"];

export class Units extends EventTarget {
  constructor(known) {
    super();
    this.blind = false;
    this.slots = new Array(MOST).fill(null); // the curve that has each colour
    const names = Object.keys(known);
    byId("units-about").textContent = t(names.length ? "curves.about" : "curves.none", { n: MOST });
    this.boxes = names.map((name) => {
      const box = h("input", { type: "checkbox", value: name });
      const mark = h("i");
      box.addEventListener("change", () => this.choose(box));
      const largest = h("span", { className: "soft" });
      byId("units-list").append(h("label", { className: "check", title: known[name] }, box, mark, name, largest));
      return { box, mark, largest, name };
    });
  }

  /** The chosen curves: the name of each and of its colour. */
  get chosen() {
    return this.slots.flatMap((name, at) => (name && !this.blind ? [{ name, colour: COLOURS[at] }] : []));
  }

  /** A blind rater sees no curves: action units are hidden from them in the list, too. */
  hide(blind) {
    byId("units").hidden = blind;
    if (blind === this.blind) return;
    this.blind = blind;
    this.dispatchEvent(new Event("chosen"));
  }

  choose(box) {
    const at = this.slots.indexOf(box.checked ? null : box.value);
    this.slots[at] = box.checked ? box.value : null;
    const full = !this.slots.includes(null);
    for (const one of this.boxes) {
      const slot = this.slots.indexOf(one.name);
      if (slot < 0) one.mark.removeAttribute("class");
      else one.mark.className = COLOURS[slot];
      one.box.disabled = full && !one.box.checked;
    }
    this.dispatchEvent(new Event("chosen"));
  }

  /** Say how large each curve gets, since every one is drawn up to its own largest value. */
  tell(largest) {
    for (const one of this.boxes) one.largest.textContent = largest[one.name] == null ? "" : t("curves.largest", { n: number(largest[one.name], 3) });
  }
}
