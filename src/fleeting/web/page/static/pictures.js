// Single pictures: each is sent by itself, and what the weights take its face for is shown beside it.

import { get, sentence } from "./api.js";
import { fillBars } from "./bars.js";
import { byId, h, percent, say, t, toast } from "./dom.js";
import { takeFiles } from "./drop.js";

let last = Promise.resolve(); // pictures are sent one after another

async function asked(file, model) {
  const form = new FormData();
  form.append("model", model);
  form.append("file", file, file.name);
  let answer;
  try {
    answer = await fetch("/api/pictures", { method: "POST", body: form });
  } catch {
    throw new Error(t("page.unreachable"));
  }
  if (!answer.ok) throw new Error(sentence(await answer.text(), answer.status));
  return answer.json();
}

async function show(file, model, place) {
  try {
    const { pictures: [found] } = await asked(file, model);
    place.replaceChildren(
      h("h3", {}, file.name),
      h("p", {}, h("b", {}, found.label), ` ${percent(found.confidence)} `, found.unsure ? h("span", { className: "unsure" }, t("viewer.unsure")) : null),
      found.doubt ? h("p", { className: "soft small" }, t("pictures.doubt", { why: found.doubt })) : "",
      fillBars(h("div"), found.probabilities, found.unsure),
      h("p", { className: "soft small" }, t("pictures.by", { model })));
    say(`${file.name}: ${found.label}`);
  } catch (error) {
    place.replaceChildren(h("h3", {}, file.name), h("p", { className: "fault" }, error.message.replace(`${file.name}: `, "")));
    say(`${file.name}: ${error.message}`);
  }
}

function add(files) {
  const model = byId("model").value;
  for (const file of files) {
    const picture = h("img", { alt: t("pictures.alt", { name: file.name }) });
    picture.addEventListener("load", () => URL.revokeObjectURL(picture.src));
    picture.addEventListener("error", () => picture.remove());
    picture.src = URL.createObjectURL(file);
    const place = h("div", {}, h("h3", {}, file.name), h("p", { className: "soft" }, t("pictures.looking")));
    byId("answers").prepend(h("li", {}, picture, place));
    last = last.then(() => show(file, model, place));
  }
}

async function main() {
  const { models } = await get("/api/pictures/models");
  byId("wait").hidden = true;
  byId(models.length ? "ask" : "none").hidden = false;
  byId("model").replaceChildren(...models.map(({ name, classes }) => h("option", { value: name }, `${name} (${classes.join(", ")})`)));
}

takeFiles((files) => !byId("ask").hidden && add(files));
main().catch((error) => {
  byId("wait").hidden = true;
  toast(error.message, true);
});
