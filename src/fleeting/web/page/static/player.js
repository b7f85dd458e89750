// The video with face boxes over it. Times are those of frames.csv; the video's own clock begins at `begins`.

import { nearest } from "./frames.js";
import { t } from "./dom.js";

const BEFORE = 0.2;
const AFTER = 0.3; // seconds around an event that is played slowed
const SLOWED = 0.25;
const LONGEST_STEP = 0.5; // seconds: a frame that stays longer is shown by a moment near its beginning

export class Player extends EventTarget {
  constructor(video, canvas, frames) {
    super();
    Object.assign(this, { video, canvas, frames, begins: 0, size: null, row: null, loop: null, named: () => "" });
    this.boxes = true;
    this.aim = null; // the time of a frame that was asked for and is not on the screen yet
    this.steps = Promise.resolve();
    video.addEventListener("seeked", () => this.arrived());
    video.addEventListener("ended", () => this.tell("state"));
    for (const name of ["play", "pause", "ratechange"]) video.addEventListener(name, () => this.tell("state"));
    new ResizeObserver(() => this.draw()).observe(video);
  }

  /** Play this file, whose first moment is the time `begins`; `size` is that of the pictures in frames.csv. */
  open(address, begins, size) {
    Object.assign(this, { begins, size });
    this.video.src = address;
    const each = (_, meta) => {
      this.presented(meta.mediaTime + this.begins);
      this.video.requestVideoFrameCallback(each);
    };
    this.video.requestVideoFrameCallback(each);
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** The time of the frame that is shown, or is about to be. */
  get time() {
    return this.aim ?? this.row?.time ?? this.begins;
  }

  async presented(time) {
    const rows = await this.frames.near(time).catch(() => null);
    const at = rows ? nearest(rows.time, time) : -1;
    if (at < 0) return;
    const frame = rows.frame[at];
    this.row = { frame, time: rows.time[at], reason: rows.reason[at], faces: rows.faces.get(frame) ?? [] };
    if (this.aim === this.row.time && !this.video.seeking) this.aim = null;
    if (this.loop && !this.video.paused && this.row.time > this.loop.end) this.seek(this.loop.start);
    this.draw();
    this.tell("frame", this.row);
  }

  /** Stop at the frame whose time is nearest. */
  async show(time) {
    this.stopLoop();
    this.video.pause();
    this.aim = time;
    await this.seekFrame(time);
  }

  async seekFrame(time) {
    const rows = await this.frames.near(time).catch(() => null);
    const at = rows ? nearest(rows.time, time) : -1;
    if (at < 0 || this.aim !== time) return; // something else was asked for meanwhile
    const stays = (rows.time[at + 1] ?? 2 * rows.time[at] - (rows.time[at - 1] ?? rows.time[at])) - rows.time[at];
    this.aim = rows.time[at];
    this.seek(rows.time[at] + Math.min(stays, LONGEST_STEP) / 2);
  }

  seek(time) {
    const wanted = Math.max(0, time - this.begins);
    if (this.video.seeking) this.queued = wanted;
    else this.video.currentTime = wanted;
  }

  arrived() {
    if (this.queued === undefined) return;
    this.video.currentTime = this.queued;
    this.queued = undefined;
  }

  /** Go some frames forth or back; a step that is asked for during another begins where that one ends. */
  step(frames) {
    this.steps = this.steps.then(() => this.stepOnce(frames)).catch(() => null);
    return this.steps;
  }

  async stepOnce(frames) {
    const from = this.time;
    const rows = await this.frames.near(from);
    const at = nearest(rows.time, from) + frames;
    if (at >= 0 && at < rows.time.length) await this.show(rows.time[at]);
  }

  /** Play; that it was stopped before it began is no fault. */
  play() {
    return this.video.play().catch((error) => {
      if (error.name !== "AbortError") throw error;
    });
  }

  toggle() {
    this.aim = null;
    if (this.video.paused) this.play();
    else this.video.pause();
  }

  /** Play a stretch slowed, again and again, until something else is asked for; a second call ends it. */
  slow(event) {
    if (this.loop) {
      this.stopLoop();
      this.video.pause();
      return;
    }
    this.aim = null;
    this.loop = { start: event.onset_s - BEFORE, end: event.offset_s + AFTER, rate: this.video.playbackRate };
    this.video.playbackRate = SLOWED;
    this.seek(this.loop.start);
    this.play();
    this.tell("state");
  }

  stopLoop() {
    if (!this.loop) return;
    this.video.playbackRate = this.loop.rate;
    this.loop = null;
    this.tell("state");
  }

  draw() {
    const { canvas, video, row } = this;
    const scale = devicePixelRatio;
    const [width, height] = [video.clientWidth, video.clientHeight];
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    if (!row || !this.boxes || !video.videoWidth) return;
    const pen = canvas.getContext("2d");
    const [across, down] = this.size ?? [video.videoWidth, video.videoHeight];
    const shown = Math.min(width / video.videoWidth, height / video.videoHeight);
    const left = (width - shown * video.videoWidth) / 2;
    const top = (height - shown * video.videoHeight) / 2;
    const [x, y] = [(shown * video.videoWidth) / across, (shown * video.videoHeight) / down];
    pen.scale(scale, scale);
    pen.font = "600 13px system-ui, sans-serif";
    for (const { face, box, reason } of row.faces) {
      const at = [left + box[0] * x, top + box[1] * y, box[2] * x, box[3] * y];
      pen.strokeStyle = reason ? "#fb923c" : "#4ade80";
      pen.lineWidth = 2;
      pen.setLineDash(reason ? [6, 4] : []);
      pen.strokeRect(...at);
      this.plate(pen, [t("viewer.face", { n: face }), this.named(face, row.time)].filter(Boolean).join(" · "), at[0], at[1] - 8, width);
      if (reason) this.plate(pen, reason, at[0], Math.min(at[1] + at[3] + 18, height - 6), width);
    }
  }

  plate(pen, text, x, y, width) {
    const wide = pen.measureText(text).width;
    const left = Math.max(4, Math.min(x, width - wide - 6));
    const base = Math.max(15, y);
    pen.fillStyle = "rgb(0 0 0 / 70%)";
    pen.fillRect(left - 4, base - 14, wide + 8, 19);
    pen.fillStyle = "#fff";
    pen.fillText(text, left, base);
  }
}
