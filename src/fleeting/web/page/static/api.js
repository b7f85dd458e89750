// The REST API: answers as values, refusals as errors whose message is the server's sentence.

import { t } from "./dom.js";

export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refusal(0, t("page.unreachable"));
  }
  if (!answer.ok) throw new Refusal(answer.status, sentence(await answer.text(), answer.status));
  return answer.status === 204 ? null : answer.json();
}

/** The sentence in a refusal; a body that has none is not shown. */
export function sentence(body, status) {
  try {
    const { detail } = JSON.parse(body);
    if (typeof detail === "string") return detail;
  } catch {
    // not JSON: the status has to do
  }
  return t("page.refused", { status });
}

export const get = (path) => ask("GET", path);
export const post = (path, body = {}) => ask("POST", path, body);
export const patch = (path, body) => ask("PATCH", path, body);
export const remove = (path, body) => ask("DELETE", path, body);

/** An address with the parameters that have a value. */
export function address(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}
