// Speaks to the control interface: one control, one request, feedback while it runs and words when it fails.

import { h, hold, settle } from "./dom.js";

const SILENT = "The desk could not be reached. Is it running?";
const LATE = "The desk did not answer in time, so the chat shows a warning. It may still act.";

/** GET as JSON. Throws an Error whose message can be shown. */
export async function read(path) {
  return answer(await fetch(path, { headers: { Accept: "application/json" } }));
}

/**
 * POST (or another method) for a pressed control; gives the JSON, or null after showing what went wrong.
 * A desk that refuses a webhook counts as going wrong: `status` in the answer is the desk's own.
 */
export async function send(control, path, body = {}, method = "POST") {
  hold(control, true);
  try {
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    const given = await answer(await fetch(path, { method, headers, body: JSON.stringify(body) }));
    if ("error" in given && given.error) throw new Error(given.error);
    if (given.status === null || given.status === 0) throw new Error(given.timed_out ? LATE : SILENT);
    if (given.status < 200 || given.status > 299) throw new Error(`The desk answered ${given.status}.`);
    settle(control);
    return given;
  } catch (problem) {
    toast(problem.message);
    return null;
  } finally {
    hold(control, false);
  }
}

async function answer(response) {
  const text = await response.text();
  let given;
  try {
    given = JSON.parse(text);
  } catch {
    given = {
      message: response.ok
        ? ""
        : text
            .replace(/<[^>]*>/g, " ")
            .trim()
            .slice(0, 200),
    };
  }
  if (response.ok) return given ?? {};
  const words = given?.error ?? given?.message ?? given?.description;
  throw new Error(typeof words === "string" && words ? words : `The sandbox answered ${response.status}.`);
}

/** A short message in the corner; goes away by itself or with its button. */
export function toast(words, kind = "bad") {
  const note = h("div", { class: `toast ${kind}` }, h("span", {}, words));
  note.append(h("button", { class: "plain", "aria-label": "Close this message", onclick: () => note.remove() }, "×"));
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), 8000);
}

/** Asks before something weighty; resolves to true or false. */
export function ask({ title, text, yes = "Yes", no = "Cancel", danger = false }) {
  const dialog = document.getElementById("dialog");
  const form = h(
    "form",
    { method: "dialog", class: "ask" },
    h("h2", { id: "dialog-title" }, title),
    text && h("p", {}, text),
    h(
      "div",
      { class: "row end" },
      h("button", { value: "no" }, no),
      h("button", { value: "yes", class: danger ? "danger" : "primary" }, yes),
    ),
  );
  dialog.replaceChildren(form);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
