// The film of an event beside itself magnified: the server makes it once; it is played slowed, again and again.

import { byId, t } from "./dom.js";

const SLOWED = 0.25;
const MOMENTS = ["onset", "apex", "offset"];

export class Magnified {
  constructor(job, facts) {
    Object.assign(this, { job, event: null, frames: "" });
    this.video = byId("film");
    this.video.defaultPlaybackRate = SLOWED;
    byId("magnify-line").hidden = facts.blur; // faces are covered, and nothing else would be seen
    this.possible = !facts.blur;
    byId("magnify").addEventListener("click", () => this.toggle());
    byId("gain").addEventListener("change", () => this.playing && this.play());
    this.video.addEventListener("loadeddata", () => this.tell(t("magnified.says", { gain: byId("gain").value })));
    this.video.addEventListener("error", () => this.playing && this.failed());
  }

  get playing() {
    return !byId("magnified").hidden;
  }

  /** The chosen event is this one now; the film of another one, or of other frames, ends. */
  show(event) {
    const frames = event ? JSON.stringify([event.n, event.face, ...MOMENTS.map((name) => event[`${name}_frame`])]) : "";
    this.event = event;
    if (frames !== this.frames) this.stop();
    this.frames = frames;
  }

  toggle() {
    if (this.playing) this.stop();
    else if (this.event && this.possible) this.play();
  }

  play() {
    const { event } = this;
    const frames = Object.fromEntries(MOMENTS.map((name) => [name, event[`${name}_frame`]]));
    const asked = new URLSearchParams({ gain: byId("gain").value, face: event.face, ...frames });
    byId("magnified").hidden = false;
    this.button(true);
    this.tell(t("magnified.making"));
    this.video.hidden = false;
    this.video.src = `/api/jobs/${this.job}/events/${event.n}/magnified?${asked}`;
    this.video.play().catch(() => {}); // another film was asked for meanwhile, or this one cannot be had
  }

  stop() {
    byId("magnified").hidden = true;
    this.button(false);
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }

  button(playing) {
    byId("magnify").textContent = t(playing ? "magnified.stop" : "magnified.play");
    byId("magnify").setAttribute("aria-pressed", String(playing));
  }

  tell(text, fault = false) {
    byId("film-says").className = fault ? "fault" : "";
    byId("film-says").textContent = text;
  }

  /** Say in the server's words why there is no film. */
  async failed() {
    const address = this.video.src;
    this.video.hidden = true;
    const answer = await fetch(address).catch(() => null);
    const said = answer && !answer.ok ? await answer.json().catch(() => ({})) : {};
    if (this.video.src === address) this.tell(said.detail ?? t("magnified.none"), true);
  }
}
