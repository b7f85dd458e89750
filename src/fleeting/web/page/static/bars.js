// The classes of an answer as bars, the likeliest first.

import { h, percent } from "./dom.js";

/** Fill an element with a bar for each class; `doubtful` draws the first one hatched. */
export function fillBars(place, chances, doubtful) {
  const ranked = Object.entries(chances ?? {}).sort((one, other) => other[1] - one[1]);
  place.className = doubtful ? "bars doubtful" : "bars";
  place.replaceChildren(...ranked.flatMap(([name, share], at) => {
    const bar = h("i", {});
    bar.style.width = `${100 * share}%`;
    return [h("span", {}, name), h("span", { className: at ? "bar" : "bar best" }, bar), h("span", {}, percent(share))];
  }));
  return place;
}
