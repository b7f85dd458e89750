// The frames of a recording, fetched in stretches as they are needed: numbers, times, faces. A frame is found by
// its time in frames.csv, never by a frame rate.

import { get } from "./api.js";

const STRETCH = 10; // seconds of one request
const KEPT = 40; // stretches that stay in memory

export class Frames {
  constructor(job) {
    this.job = job;
    this.stretches = new Map();
    this.joined = new Map();
  }

  /** The frames around a time, in order: {frame, time, reason, motion, faces}, each a column. */
  async near(time) {
    const place = Math.floor(time / STRETCH);
    if (!this.joined.has(place)) {
      const made = Promise.all([place - 1, place, place + 1].map((one) => this.stretch(one))).then(join);
      this.joined.set(place, made);
      made.catch(() => this.joined.delete(place));
      if (this.joined.size > KEPT) this.joined.delete(this.joined.keys().next().value);
    }
    return this.joined.get(place);
  }

  stretch(place) {
    if (!this.stretches.has(place)) {
      const found = this.fetched(place * STRETCH, (place + 1) * STRETCH);
      this.stretches.set(place, found);
      found.catch(() => this.stretches.delete(place));
      if (this.stretches.size > KEPT) this.stretches.delete(this.stretches.keys().next().value);
    }
    return this.stretches.get(place);
  }

  async fetched(from, to) {
    const path = `/api/jobs/${this.job}`;
    const [rows, boxes] = await Promise.all([
      get(`${path}/frames?from=${from}&to=${to}&points=20000`),
      get(`${path}/boxes?from=${from}&to=${to}`),
    ]);
    const faces = new Map();
    boxes.frame.forEach((frame, at) => {
      if (!faces.has(frame)) faces.set(frame, []);
      const box = [boxes.x[at], boxes.y[at], boxes.width[at], boxes.height[at]];
      faces.get(frame).push({ face: boxes.face[at], box, reason: boxes.reason[at] });
    });
    const found = { frame: [], time: [], reason: [], motion: [], faces };
    rows.time_s.forEach((time, at) => {
      if (time >= to) return;
      found.frame.push(rows.frame[at]);
      found.time.push(time);
      found.reason.push(rows.reason[at]);
      found.motion.push(rows.motion[at]);
    });
    return found;
  }
}

function join(parts) {
  const all = { faces: new Map(parts.flatMap((part) => [...part.faces])) };
  for (const name of ["frame", "time", "reason", "motion"]) all[name] = parts.flatMap((part) => part[name]);
  return all;
}

/** The place in a rising list of the value that is nearest to one; -1 in an empty list. */
export function nearest(values, wanted) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && (low === values.length || wanted - values[low - 1] <= values[low] - wanted)) low -= 1;
  return values.length ? low : -1;
}
