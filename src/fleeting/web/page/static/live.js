// A camera's pictures go to the server by a socket; the curve and the events come back.

import uPlot from "./vendor/uplot.js";
import { address } from "./api.js";
import { byId, clock, h, number, percent, say, t, toast } from "./dom.js";

const SHOWN = 20; // seconds of the curve
const WAITING = 1_000_000; // bytes that wait to be sent: pictures are left out rather than late
const WIDEST = 960; // pixels
const QUALITY = 0.85;
const camera = byId("camera");
const picture = document.createElement("canvas");
let running = null;
let plot = null;

class Run {
  constructor(stream, socket) {
    Object.assign(this, { stream, socket, sent: 0, left: 0, busy: false, times: [], motions: [], begun: performance.now() });
  }

  async send() {
    if (this.busy || this.socket.readyState !== WebSocket.OPEN || !camera.videoWidth) return;
    if (this.socket.bufferedAmount > WAITING) {
      this.left += 1;
      return;
    }
    this.busy = true;
    const time = (performance.now() - this.begun) / 1000;
    const shrunk = Math.min(1, WIDEST / camera.videoWidth);
    picture.width = Math.round(camera.videoWidth * shrunk);
    picture.height = Math.round(camera.videoHeight * shrunk);
    picture.getContext("2d").drawImage(camera, 0, 0, picture.width, picture.height);
    const blob = await new Promise((done) => picture.toBlob(done, "image/jpeg", QUALITY));
    const jpeg = await blob.arrayBuffer();
    const message = new Uint8Array(8 + jpeg.byteLength);
    new DataView(message.buffer).setFloat64(0, time);
    message.set(new Uint8Array(jpeg), 8);
    this.busy = false;
    if (running !== this || this.socket.readyState !== WebSocket.OPEN) return; // it ended while the picture was packed
    this.socket.send(message);
    this.sent += 1;
    const rate = this.sent / Math.max(time, 0.1);
    byId("state").textContent = t("live.running", { frames: number(this.sent), fps: number(rate, 1) });
  }

  frame(row) {
    this.times.push(row.time_s);
    this.motions.push(row.motion);
    while (this.times.length && this.times[0] < row.time_s - SHOWN) {
      this.times.shift();
      this.motions.shift();
    }
    plot.setData([this.times, this.motions], false);
    plot.setScale("x", { min: Math.max(0, row.time_s - SHOWN), max: Math.max(row.time_s, SHOWN) });
    this.boxes(row.faces);
  }

  boxes(faces) {
    const marks = byId("marks");
    marks.width = marks.clientWidth;
    marks.height = marks.clientHeight;
    const pen = marks.getContext("2d");
    const scale = Math.min(marks.width / picture.width, marks.height / picture.height);
    const [left, top] = [(marks.width - scale * picture.width) / 2, (marks.height - scale * picture.height) / 2];
    pen.lineWidth = 2;
    for (const { x, y, width, height, reason } of faces) {
      pen.strokeStyle = reason ? "#fb923c" : "#4ade80";
      pen.setLineDash(reason ? [6, 4] : []);
      pen.strokeRect(left + scale * x, top + scale * y, scale * width, scale * height);
    }
  }

  event(event) {
    const what = [t(`kind.${event.kind}`), event.label, event.likelihood === null ? "" : percent(event.likelihood)].filter(Boolean).join(" · ");
    byId("events").prepend(h("li", {}, t("live.event", { time: clock(event.apex_s), what })));
  }
}

function draw() {
  const style = getComputedStyle(document.documentElement);
  const [ink, soft, line] = ["ink", "soft", "line"].map((name) => style.getPropertyValue(`--${name}`).trim());
  const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  plot?.destroy();
  plot = new uPlot(
    {
      width: Math.max(200, byId("curve").clientWidth),
      height: 190,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, min: 0, max: SHOWN }, y: { range: (_, _low, high) => [0, Math.max(1, high * 1.08)] } },
      axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => clock(tick, 0)) }, { ...axis, size: 44 }],
      series: [{}, { stroke: ink, width: 1.4, points: { show: false } }],
    },
    running ? [running.times, running.motions] : [[], []],
    byId("curve"),
  );
}

function hear(run, message) {
  const { kind, ...told } = JSON.parse(message.data);
  if (kind === "frame") run.frame(told);
  else if (kind === "event") run.event(told.event);
  else if (kind === "recorded" && told.job) byId("kept").replaceChildren(h("a", { href: `/jobs/${told.job}` }, t("live.recorded")));
  else if (kind === "error") stop(told.detail);
}

async function start() {
  byId("state").textContent = t("live.waiting");
  byId("start").disabled = true;
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, frameRate: { ideal: 60 } }, audio: false });
  } catch (error) {
    byId("start").disabled = false;
    byId("state").textContent = t("live.refused", { why: error.message });
    return;
  }
  camera.srcObject = stream;
  await camera.play();
  const path = address("/api/live", { model: byId("start").dataset.model, record: byId("record").checked ? 1 : null });
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`);
  const run = (running = new Run(stream, socket));
  socket.addEventListener("message", (message) => hear(run, message));
  socket.addEventListener("close", (event) => running === run && stop(t("live.closed", { why: event.reason || event.code })));
  byId("events").replaceChildren();
  byId("kept").replaceChildren();
  run.timer = setInterval(() => run.send(), 1000 / Number(byId("fps").value));
  byId("stop").disabled = false;
  byId("record").disabled = byId("fps").disabled = true;
  draw();
}

function stop(why) {
  const run = running;
  if (!run) return;
  running = null;
  clearInterval(run.timer);
  for (const track of run.stream.getTracks()) track.stop();
  if (run.socket.readyState === WebSocket.OPEN) run.socket.send("end"); // the last events still come, then it closes
  camera.srcObject = null;
  byId("start").disabled = false;
  byId("stop").disabled = true;
  byId("record").disabled = byId("fps").disabled = false;
  const said = typeof why === "string" ? why : t("live.ended", { frames: number(run.sent) });
  byId("state").textContent = said;
  say(said);
  if (typeof why === "string") toast(why, true);
}

byId("start").addEventListener("click", start);
byId("stop").addEventListener("click", () => stop());
addEventListener("pagehide", () => stop());
addEventListener("themechange", draw);
draw();
