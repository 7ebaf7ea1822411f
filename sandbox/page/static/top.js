// The line above the columns, and the head that each column has: its name, whose part it is, and the next step.

import { ask, send } from "./api.js";
import { h } from "./dom.js";

const LIVE = { live: "Live", connecting: "Connecting", reconnecting: "Lost, trying again" };

/** The page's own head. */
export function top({ state, ui, refresh }) {
  return [
    h("h1", {}, "Deletion Desk", h("span", {}, "sandbox")),
    h(
      "p",
      { class: "about" },
      "Three stand-ins, no real customer. Tag, approve, close, and watch the desk work between them.",
    ),
    h("span", { class: `live ${ui.live}`, role: "status" }, LIVE[ui.live]),
    h("a", { class: "quiet", href: `${state.desk}/readyz`, target: "_blank", rel: "noopener" }, "Is the desk ready?"),
    h("button", { class: "quiet", type: "button", onclick: (event) => reset(event.currentTarget, refresh) }, "Reset"),
  ];
}

async function reset(control, refresh) {
  const sure = await ask({
    title: "Reset the stand-ins?",
    yes: "Reset",
    danger: true,
    text: "Tickets, messages and issues go back to the start. The desk keeps its own cases.",
  });
  if (sure && (await send(control, "/sandbox/reset"))) refresh();
}

/** Head of a column with its step: done, now or still to come. */
export function head(name, role, number, step, verb, hint) {
  const at = step > number ? "done" : step === number ? "now" : "later";
  return [
    h("div", { class: "head" }, h("h2", {}, name), h("span", { class: "role" }, role)),
    h(
      "p",
      { class: `step ${at}`, "aria-current": at === "now" ? "step" : null },
      h("span", { class: "number", "aria-hidden": "true" }, at === "done" ? "✓" : number),
      h("span", {}, h("strong", {}, `${number}. ${verb}`), " ", hint),
    ),
  ];
}
