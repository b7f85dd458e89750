// One event in full: its pictures, its classes, what the model looked at, and the fields that a rater can correct.

import { fillBars } from "./bars.js";
import { byId, clock, h, percent, t } from "./dom.js";

const MOMENTS = ["onset", "apex", "offset"];
const PICTURES = ["onset", "apex", "offset", "flow", "mesti"];

export class Detail extends EventTarget {
  constructor(job, facts) {
    super();
    Object.assign(this, { job, origin: facts.container_start_s, blur: facts.blur, event: null, frames: "" });
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Show an event, or nothing; pictures are fetched anew only where its frames have changed. */
  show(event, blind) {
    byId("detail").hidden = !event;
    const other = event?.n !== this.event?.n;
    this.event = event;
    if (!event) return;
    const hidden = blind && event.state === "open" && event.origin === "found";
    byId("detail-title").textContent = t("viewer.event_at", { n: event.n, time: clock(event.apex_s - this.origin) });
    this.decide(event);
    this.facts(event, hidden);
    this.edit(event, other);
    this.bars(event, hidden);
    const frames = `${event.n} ${event.face} ${MOMENTS.map((name) => event[`${name}_frame`])}`;
    if (frames !== this.frames) this.pictures(event);
    this.frames = frames;
    if (other || hidden || !byId("explained").childElementCount) this.explain(event, hidden);
  }

  decide(event) {
    const button = (state, key, label, keys) =>
      h("button", { type: "button", className: state, "aria-pressed": String(event.state === state), "aria-keyshortcuts": keys, onclick: () => this.tell("state", state) }, label);
    const gone = event.origin === "added"
      ? h("button", { type: "button", className: "danger", "aria-keyshortcuts": "Delete", onclick: () => this.tell("delete") }, t("review.delete"))
      : null;
    byId("decide").replaceChildren(
      ...[
        button("accepted", "accept", t("review.accept"), "a"),
        button("rejected", "reject", t("review.reject"), "r"),
        event.state === "open" ? null : button("open", "reopen", t("review.reopen"), "u"),
        gone,
        h("button", { type: "button", "aria-keyshortcuts": "s", onclick: () => this.tell("slow") }, t("viewer.slow")),
      ].filter(Boolean),
    );
  }

  facts(event, hidden) {
    const pairs = [
      [t("viewer.kind"), t(`kind.${event.kind}`)],
      [t("viewer.person"), t("viewer.face", { n: event.face })],
      [t("viewer.duration"), `${clock(event.offset_s - event.onset_s)}`],
      [t("viewer.likelihood"), hidden ? t("review.hidden") : event.likelihood === null ? "–" : percent(event.likelihood)],
      [t("viewer.units"), hidden ? t("review.hidden") : event.action_units.join(", ") || "–"],
      [t("viewer.state"), event.origin === "added" ? t("state.added") : t(`state.${event.candidate && event.state === "open" ? "candidate" : event.state}`)],
    ];
    if (event.by !== null && event.when) pairs.push([t("review.last"), `${event.by || t("review.unnamed")}, ${new Date(event.when).toLocaleString()}`]);
    byId("facts-of").replaceChildren(h("dl", {}, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
  }

  edit(event, other) {
    const place = byId("edit");
    if (!other && place.contains(document.activeElement)) {
      for (const name of MOMENTS) this.moment(event, name);
      return;
    }
    this.fields = {};
    const rows = MOMENTS.map((name) => {
      const time = h("output", { className: "time" });
      const frame = h("input", { type: "number", min: 0, step: 1, "aria-label": t("review.frame_of", { moment: t(`moment.${name}`) }) });
      frame.addEventListener("change", () => frame.value !== "" && this.tell("change", { [`${name}_frame`]: Number(frame.value) }));
      const was = h("span", { className: "soft was" });
      this.fields[name] = { time, frame, was };
      const [go, here] = [t("review.go", { moment: t(`moment.${name}`) }), t("review.here", { moment: t(`moment.${name}`) })];
      return h("div", { className: `moment ${name}` },
        h("b", {}, t(`moment.${name}`)), frame, time,
        h("button", { type: "button", "aria-label": go, title: go, onclick: () => this.tell("go", name) }, t("review.go_short")),
        h("button", { type: "button", "aria-label": here, title: here, data: { here: name }, onclick: () => this.tell("here", name) }, t("review.here_short")),
        was);
    });
    const classes = h("datalist", { id: "classes" }, this.classes().map((name) => h("option", { value: name })));
    const label = h("input", { type: "text", id: "class", maxLength: 64, value: event.label ?? "", autocomplete: "off" });
    label.setAttribute("list", "classes");
    label.addEventListener("change", () => this.tell("change", { label: label.value.trim() }));
    const comment = h("textarea", { id: "comment", rows: 2, maxLength: 2000, value: event.comment ?? "" });
    comment.addEventListener("change", () => this.tell("change", { comment: comment.value }));
    place.replaceChildren(...rows,
      h("div", { className: "words" }, h("label", {}, `${t("viewer.class")} `, label, classes), h("label", { className: "wide" }, `${t("review.comment")} `, comment)));
    for (const name of MOMENTS) this.moment(event, name);
  }

  classes() {
    return [...new Set([...(this.known ?? []), ...Object.keys(this.event.probabilities ?? {})])];
  }

  moment(event, name) {
    const { time, frame, was } = this.fields[name];
    time.textContent = clock(event[`${name}_s`] - this.origin, 3);
    frame.value = event[`${name}_frame`];
    const before = event.found?.[`${name}_frame`];
    was.textContent = before === undefined || before === event[`${name}_frame`] ? "" : t("review.was", { n: before });
  }

  bars(event, hidden) {
    fillBars(byId("bars"), hidden ? {} : event.probabilities, event.unsure);
    byId("doubt").replaceChildren(
      ...(hidden ? [t("review.blind_about")] : event.unsure ? [h("span", { className: "unsure" }, t("viewer.unsure")), ` ${t("viewer.unsure_about")}`] : []),
    );
  }

  pictures(event) {
    const frames = new URLSearchParams({ face: event.face, ...Object.fromEntries(MOMENTS.map((name) => [name, event[`${name}_frame`]])) });
    const shown = this.blur ? ["flow"] : PICTURES;
    byId("stills").replaceChildren(
      ...shown.map((name) => {
        const picture = h("img", { alt: t(`still.${name}_alt`, { n: event.n }), width: 139, height: 170, decoding: "async" });
        const figure = h("figure", { className: "loading" }, picture, h("figcaption", {}, t(`still.${name}`)));
        picture.addEventListener("load", () => (figure.className = ""));
        picture.addEventListener("error", async () => {
          const answer = await fetch(picture.src).catch(() => null);
          const said = answer ? await answer.json().catch(() => ({})) : {};
          figure.className = "missing";
          picture.replaceWith(h("p", { className: "soft" }, said.detail ?? t("still.none")));
        });
        picture.src = `/api/jobs/${this.job}/events/${event.n}/${name}.jpg?${frames}`;
        return figure;
      }),
    );
  }

  explain(event, hidden) {
    const place = byId("explained");
    if (hidden || event.kind !== "micro" || event.origin === "added" || event.candidate) {
      place.replaceChildren();
      return;
    }
    const button = h("button", { type: "button" }, t("viewer.explain"));
    button.addEventListener("click", () => {
      const picture = h("img", { alt: t("viewer.explain_alt", { n: event.n }), className: "explained" });
      const wait = h("p", { className: "soft", role: "status" }, t("viewer.explaining"));
      picture.addEventListener("load", () => wait.remove());
      picture.addEventListener("error", async () => {
        const answer = await fetch(picture.src).catch(() => null);
        const said = answer ? await answer.json().catch(() => ({})) : {};
        picture.remove();
        wait.className = "fault";
        wait.textContent = said.detail ?? t("still.none");
      });
      picture.src = `/api/jobs/${this.job}/events/${event.n}/explained.png`;
      place.replaceChildren(wait, picture);
    });
    place.replaceChildren(button);
  }
}
