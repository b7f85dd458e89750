// The start page: videos are dropped, sent with progress, queued; each can be cancelled or forgotten.

import { get, post, remove, sentence } from "./api.js";
import { byId, clock, counted, duration, h, moment, number, percent, say, t, toast } from "./dom.js";
import { takeFiles } from "./drop.js";

const AT_ONCE = 2; // uploads that are sent at the same time
const SOON = 1000;
const LATER = 5000; // milliseconds between two looks at the queue, while something moves and else
const waiting = [];
let sending = 0;
let timer;

function settings() {
  const found = {};
  for (const field of byId("settings").elements) {
    if (field.type === "checkbox") found[field.name] = field.checked;
    else if (field.type === "number" || field.name === "alarms_per_minute") {
      if (field.value !== "") found[field.name] = Number(field.value);
    } else if (field.name && field.value && field.selectedIndex > 0) found[field.name] = field.value;
  }
  return found;
}

function add(files) {
  if (!byId("settings").reportValidity()) {
    byId("options").open = true;
    return;
  }
  const chosen = settings();
  for (const file of files) waiting.push(shownUpload(file, chosen));
  next();
}

function shownUpload(file, chosen) {
  const bar = h("progress", { max: 1, value: 0, "aria-label": t("home.sending", { name: file.name }) });
  const state = h("span", { className: "soft" }, t("home.waits"));
  const stop = h("button", { type: "button" }, t("home.cancel"));
  const item = h("li", {}, h("b", {}, file.name), bar, state, stop);
  byId("uploads").append(item);
  const upload = { file, chosen, bar, state, item, request: null };
  stop.addEventListener("click", () => {
    upload.stopped = true;
    upload.request?.abort();
    item.remove();
  });
  return upload;
}

function next() {
  while (sending < AT_ONCE && waiting.length) {
    const upload = waiting.shift();
    if (upload.stopped) continue;
    sending += 1;
    send(upload).finally(() => {
      sending -= 1;
      next();
      look();
    });
  }
}

function send(upload) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("settings", JSON.stringify(upload.chosen));
    form.append("file", upload.file, upload.file.name);
    request.open("POST", "/api/jobs");
    request.upload.addEventListener("progress", (event) => {
      const share = event.total ? event.loaded / event.total : 0;
      upload.bar.value = share;
      upload.state.textContent = share < 1 ? percent(share) : t("home.checking");
    });
    const failed = (text) => {
      upload.bar.remove();
      upload.state.className = "fault";
      upload.state.textContent = text;
      upload.item.querySelector("button").textContent = t("page.close");
      say(`${upload.file.name}: ${text}`);
    };
    request.addEventListener("load", () => {
      if (request.status === 202) upload.item.remove();
      else failed(sentence(request.responseText, request.status));
    });
    request.addEventListener("error", () => failed(t("page.unreachable")));
    request.addEventListener("loadend", done);
    upload.request = request;
    request.send(form);
  });
}

const shown = new Map();

function draw(job) {
  let item = shown.get(job.id);
  if (!item) {
    item = { element: h("li", { data: { job: job.id, state: "" } }) };
    const { element } = item;
    item.name = h("span", { className: "name" });
    item.facts = h("span", { className: "soft" });
    item.state = h("span", { className: "state" });
    item.bar = h("progress", { max: 1 });
    item.notes = h("div", { className: "notes" });
    item.cancel = h("button", { type: "button", onclick: () => cancel(job.id) }, t("home.cancel"));
    item.forget = h("button", { type: "button", onclick: () => forget(job) }, t("home.forget"));
    element.append(
      h("div", { className: "what" }, item.name, item.facts),
      h("div", { className: "how" }, item.state, item.bar),
      h("div", { className: "line" }, item.cancel, item.forget),
      item.notes,
    );
    shown.set(job.id, item);
  }
  update(item, job);
  return item.element;
}

function update(item, job) {
  const before = item.element.dataset.state;
  item.element.dataset.state = job.state;
  const active = job.state === "queued" || job.state === "running";
  if (before !== job.state) {
    item.name.replaceChildren(job.state === "done" ? h("a", { href: `/jobs/${job.id}` }, job.name) : job.name);
    item.cancel.hidden = !active;
    item.forget.hidden = active;
    for (const [button, what] of [[item.cancel, "home.cancel_of"], [item.forget, "home.forget_of"]])
      button.setAttribute("aria-label", t(what, { name: job.name }));
    item.bar.hidden = job.state !== "running";
    item.bar.setAttribute("aria-label", t("home.analysing", { name: job.name }));
    const notes = job.state === "failed" ? [job.error] : job.warnings;
    item.notes.replaceChildren(...notes.map((text) => h("p", { className: job.state === "failed" ? "fault" : "soft" }, text)));
    if (before) say(`${job.name}: ${stateText(job)}`);
  }
  item.bar.value = job.progress;
  const { media } = job;
  const size = media?.duration_s ? `${clock(media.duration_s, 0)}, ${number(media.fps ?? 0)} ${t("home.fps_unit")}` : "";
  item.facts.textContent = [size, moment(job.created)].filter(Boolean).join(" · ");
  item.state.textContent = stateText(job);
}

function stateText(job) {
  if (job.state === "done") return job.events ? counted("home.found", job.events) : t("home.found_none");
  if (job.state === "running") {
    const left = job.time_left_s === null ? "" : ` · ${t("home.left", { time: duration(job.time_left_s) })}`;
    return `${percent(job.progress)}${left}`;
  }
  if (job.state === "queued") return t("home.place", { n: job.position ?? 1 });
  return t(`home.${job.state}`);
}

async function look() {
  clearTimeout(timer);
  let active = false;
  try {
    const { jobs } = await get("/api/jobs");
    const list = byId("jobs");
    const wanted = jobs.map(draw);
    for (const [id, item] of shown) {
      if (!jobs.some((job) => job.id === id)) {
        item.element.remove();
        shown.delete(id);
      }
    }
    wanted.forEach((element, place) => {
      if (list.children[place] !== element) list.insertBefore(element, list.children[place] ?? null);
    });
    byId("none").hidden = jobs.length > 0;
    active = jobs.some((job) => job.state === "queued" || job.state === "running");
  } catch (error) {
    byId("none").hidden = false;
    byId("none").textContent = error.message;
  }
  timer = setTimeout(look, active ? SOON : LATER);
}

async function cancel(id) {
  await post(`/api/jobs/${id}/cancel`).catch((error) => toast(error.message, true));
  look();
}

function forget(job) {
  const dialog = byId("forget");
  byId("forget-what").textContent = t("home.forget_what", { name: job.name });
  dialog.returnValue = "";
  dialog.showModal();
  dialog.addEventListener(
    "close",
    async () => {
      if (dialog.returnValue !== "yes") return;
      try {
        await remove(`/api/jobs/${job.id}`);
        say(t("home.forgotten", { name: job.name }));
      } catch (error) {
        toast(error.message, true);
      }
      look();
    },
    { once: true },
  );
}

takeFiles(add);
byId("local")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const path = event.target.elements.path;
  try {
    const { jobs } = await post("/api/jobs/local", { path: path.value, settings: settings() });
    say(counted("home.queued_local", jobs.length));
    path.value = "";
  } catch (error) {
    toast(error.message, true);
  }
  look();
});
addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
look();
