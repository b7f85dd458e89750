// The viewer of one recording: ties the video, the timeline, the list, the detail and the review together.

import { get } from "./api.js";
import { Detail } from "./detail.js";
import { byId, clock, counted, duration, h, number, percent, say, t, textsOf, toast } from "./dom.js";
import { EventList } from "./eventlist.js";
import { Frames, nearest } from "./frames.js";
import { listen } from "./keys.js";
import { Magnified } from "./magnified.js";
import { Player } from "./player.js";
import { moved, Review } from "./review.js";
import { Timeline } from "./timeline.js";

const AGAIN = 700; // milliseconds between two looks at what is being made
const ADDED = 0.1; // seconds before and after the frame at which an event is added
const job = byId("viewer").dataset.job;
const facts = JSON.parse(byId("facts").textContent);
const origin = facts.container_start_s;
const frames = new Frames(job);
const player = new Player(byId("video"), byId("boxes"), frames);
const timeline = new Timeline(job, facts);
const list = new EventList(job, facts);
const detail = new Detail(job, facts);
const magnified = new Magnified(job, facts);
const review = new Review(job);
let selected = null;
let shown = [];
let dragged = null;
let ready = false;

const chosen = () => review.events.find((event) => event.n === selected) ?? null;

function draw() {
  list.offer(review.events.filter((event) => !event.candidate));
  list.tellThreshold(review.blind);
  shown = list.chosen([...review.events], review.blind);
  if (selected !== null && !chosen()) selected = null;
  const event = chosen();
  list.draw(shown, selected);
  timeline.setEvents(event && !shown.includes(event) ? [...shown, event] : shown, selected);
  detail.known = [...new Set(review.events.flatMap((one) => [...Object.keys(one.probabilities ?? {}), one.label ?? ""]).filter(Boolean))];
  detail.show(event, review.blind);
  magnified.show(event);
  timeline.units.hide(review.blind);
  byId("slow").disabled = !event;
}

async function select(n, { jump = true } = {}) {
  selected = n;
  draw();
  const event = chosen();
  if (!event) return;
  list.reveal();
  say(t("viewer.event_at", { n: event.n, time: clock(event.apex_s - origin) }));
  if (!jump) return;
  timeline.focus(event);
  await player.show(event.apex_s);
}

function neighbour(by) {
  const at = shown.findIndex((event) => event.n === selected);
  const next = shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : at + by];
  if (next) select(next.n);
}

async function decide(state) {
  const event = chosen();
  if (!event) return;
  const at = shown.findIndex((one) => one.n === selected);
  const open = shown.slice(at + 1).find((one) => one.state === "open");
  await review.change(event.n, { state }, t(`review.now_${state}`, { n: event.n }));
  if (state !== "open" && open && event.state === "open") select(open.n);
}

/** Put a moment of the chosen event at a frame; the others give way. */
function place(name, frame) {
  const event = chosen();
  if (event && event[`${name}_frame`] !== frame) review.change(event.n, moved(event, name, frame));
}

function here(name) {
  if (player.row) place(name, player.row.frame);
}

async function add() {
  const now = player.time;
  const rows = await frames.near(now);
  const at = (time) => rows.frame[nearest(rows.time, time)];
  const added = await review.add({ onset_frame: at(now - ADDED), apex_frame: at(now), offset_frame: at(now + ADDED) });
  if (added) select(added.n, { jump: false });
}

async function drop() {
  const event = chosen();
  if (event) await review.remove(event.n);
}

async function drag({ moment, time, done }) {
  const event = chosen();
  if (!event) return;
  dragged = done ? null : event.n; // before anything is waited for: a move that is late must not undo the end
  const rows = await frames.near(time);
  const at = nearest(rows.time, time);
  if (at < 0) return;
  const next = moved(event, moment, rows.frame[at]);
  const given = { ...event, ...next };
  for (const name of ["onset", "apex", "offset"]) {
    const place = rows.frame.indexOf(given[`${name}_frame`]);
    if (place >= 0) given[`${name}_s`] = rows.time[place];
  }
  timeline.setEvents(shown.map((one) => (one.n === event.n ? given : one)), selected);
  player.show(rows.time[at]);
  if (done) place(moment, rows.frame[at]);
}

function wire() {
  review.addEventListener("changed", () => ready && dragged === null && draw());
  list.addEventListener("chosen", ({ detail: n }) => select(n));
  list.addEventListener("filtered", draw);
  timeline.addEventListener("event", ({ detail: event }) => select(event.n));
  timeline.addEventListener("time", ({ detail: time }) => player.show(time));
  timeline.addEventListener("drag", ({ detail: given }) => drag(given));
  timeline.addEventListener("nudge", async ({ detail: { moment, by } }) => {
    const event = chosen();
    const rows = await frames.near(event[`${moment}_s`]);
    const frame = rows.frame[nearest(rows.time, event[`${moment}_s`]) + by];
    if (frame === undefined) return;
    place(moment, frame);
    player.show(rows.time[rows.frame.indexOf(frame)]);
  });
  detail.addEventListener("state", ({ detail: state }) => decide(state));
  detail.addEventListener("delete", drop);
  detail.addEventListener("slow", slow);
  detail.addEventListener("change", ({ detail: fields }) => review.change(selected, fields));
  detail.addEventListener("go", ({ detail: name }) => player.show(chosen()[`${name}_s`]));
  detail.addEventListener("here", ({ detail: name }) => here(name));
  player.addEventListener("frame", ({ detail: row }) => {
    byId("now").textContent = `${clock(row.time - origin, 3)} · ${t("viewer.frame", { n: row.frame })}`;
    byId("now").dataset.frame = row.frame;
    timeline.setNow(row.time);
    if (!byId("video").paused && !player.loop) timeline.reveal(row.time);
  });
  player.addEventListener("state", () => {
    byId("play").textContent = t(byId("video").paused ? "viewer.play" : "viewer.pause");
    byId("slow").textContent = t(player.loop ? "viewer.slow_stop" : "viewer.slow");
    byId("slow").setAttribute("aria-pressed", String(Boolean(player.loop)));
  });
  player.named = (face, time) => {
    const now = shown.find((event) => event.face === face && event.onset_s <= time && time <= event.offset_s && !event.candidate);
    return now ? `${now.n}${now.label ? ` ${now.label}` : ""}` : "";
  };
  for (const [id, act] of Object.entries({ play: () => player.toggle(), back: () => player.step(-1), forth: () => player.step(1), slow, add }))
    byId(id).addEventListener("click", act);
  byId("show-boxes").addEventListener("change", (event) => {
    player.boxes = event.target.checked;
    player.draw();
  });
  byId("speed").addEventListener("change", (event) => {
    player.stopLoop();
    byId("video").playbackRate = Number(event.target.value);
  });
  byId("volume").addEventListener("input", (event) => (byId("video").volume = Number(event.target.value)));
  byId("video").addEventListener("click", () => player.toggle());
  byId("help-open").addEventListener("click", help);
}

function slow() {
  const event = chosen();
  if (event) player.slow(event);
}

function help() {
  byId("keys").replaceChildren(...textsOf("keys").map(([, text]) => text.split(" = ")).map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what))));
  byId("help").showModal();
}

function legend() {
  const key = (name, text) => h("span", {}, h("i", { className: name }), text);
  const kinds = [...Object.keys(facts.kinds), "gap"].map((kind) => key(kind, t(`gap.${kind}`)));
  byId("legend").replaceChildren(
    ...["micro", "macro"].map((kind) => key(kind, t(`kind.${kind}`))),
    key("accepted", t("state.accepted")), key("rejected", t("state.rejected")), key("candidate", t("state.candidate")),
    key("seen", t("viewer.used")), ...kinds, key("quality", t("viewer.quality")),
  );
}

async function finished() {
  for (;;) {
    const found = await get(`/api/jobs/${job}`);
    byId("name").textContent = found.name;
    document.title = `${found.name} · fleeting`;
    if (found.state === "done") return found;
    byId("wait").hidden = false;
    const left = found.time_left_s === null ? "" : t("home.left", { time: duration(found.time_left_s) });
    byId("wait").textContent = found.error ?? [t(`viewer.wait_${found.state}`, { share: percent(found.progress) }), left].filter(Boolean).join(" · ");
    if (found.state === "failed" || found.state === "cancelled") return null;
    await new Promise((done) => setTimeout(done, AGAIN));
  }
}

async function openVideo(media) {
  const making = byId("making");
  for (;;) {
    const state = await get(`/api/jobs/${job}/media/state`);
    making.hidden = state.state === "ready";
    if (state.state === "ready") {
      player.open(`/api/jobs/${job}/media`, state.begins_s, media?.width ? [media.width, media.height] : null);
      return;
    }
    making.textContent = state.state === "failed" ? state.error : t("viewer.making", { share: percent(state.progress) });
    if (state.state === "failed") return;
    await new Promise((done) => setTimeout(done, AGAIN));
  }
}

async function main() {
  const waited = facts.asked === null;
  const found = await finished();
  if (!found) return;
  if (waited) {
    location.reload(); // the page was made before the analysis was
    return;
  }
  const { media } = found;
  byId("about").textContent = [media?.duration_s ? clock(media.duration_s, 1) : "", media?.width ? `${media.width} × ${media.height}` : "", media?.fps ? `${number(media.fps, 2)} ${t("home.fps_unit")}` : "", counted("viewer.count", found.events ?? 0), ...found.warnings].filter(Boolean).join(" · ");
  byId("wait").hidden = true;
  byId("work").hidden = false;
  if (media?.width) byId("video").style.aspectRatio = `${media.width} / ${media.height}`;
  review.annotated = Boolean(found.settings.annotated);
  wire();
  legend();
  listen({ player, timeline, select, neighbour, decide, here, add, drop, slow, help, magnify: () => magnified.toggle(), undo: () => review.undo() });
  await Promise.all([timeline.open(), review.load(), review.raters()]);
  ready = true;
  draw();
  performance.mark("fleeting-open");
  openVideo(media).catch((error) => toast(error.message, true));
}

main().catch((error) => toast(error.message, true));
