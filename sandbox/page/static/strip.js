// The line below the columns: what the vendors told the desk, what the desk did to them, and how to break something.

import { send } from "./api.js";
import { bans } from "./bans.js";
import { h } from "./dom.js";
import { clock } from "./text.js";

const KEPT = 40;
const FAULTS = [
  ["503_before", "503, nothing done"],
  ["503_after", "503, yet it was done"],
  ["reset_after", "Cut off after it was done"],
  ["hang_after", "Done, then silence"],
  ["429", "Too many requests"],
  ["garbage_after", "Done, but a garbled answer"],
  ["outage", "Down for 20 s"],
];
const OPTIONS = { outage: { seconds: 20 }, 429: { retry_after: "7" }, hang_after: { seconds: 20 } };
const EFFECTS = {
  comment: "comment",
  tags_added: "tags added",
  tags_removed: "tags removed",
  mail: "e-mail sent",
  post: "message posted",
  update: "message updated",
  ephemeral: "private answer",
  direct: "direct message",
  press_update: "message updated by the answer",
  delete: "message deleted",
  create: "issue created",
  transition: "issue moved",
  link: "link added",
};
const ACTS = {
  ticket: "a customer wrote",
  tags: "tags changed",
  fields: "fields filled",
  comment: "comment written",
  status: "status set",
  ban: "ban set or lifted",
  import: "a list import lifted bans",
};

/** The whole strip. */
export function strip(view) {
  const { state } = view;
  return [
    h(
      "section",
      { "aria-label": "Webhooks to the desk" },
      h("h2", {}, "Webhooks to the desk"),
      h(
        "ol",
        { class: "rows", tabindex: 0 },
        state.webhooks.slice(-KEPT).reverse().map(webhook),
        !state.webhooks.length && h("li", { class: "none" }, "None yet."),
      ),
    ),
    h(
      "section",
      { "aria-label": "Effects of the desk and of people" },
      h("h2", {}, "What really happened at the vendors"),
      h(
        "ol",
        { class: "rows", tabindex: 0 },
        state.log.slice(-KEPT).reverse().map(effect),
        !state.log.length && h("li", { class: "none" }, "Nothing yet."),
      ),
    ),
    h("section", { class: "bans", "aria-label": "Bans at their source" }, bans(view)),
    h(
      "section",
      { class: "breaker", "aria-label": "Make a vendor fail" },
      h("h2", {}, "Break something", deaf(view)),
      breaker(view),
    ),
  ];
}

function webhook(one) {
  const good = one.status >= 200 && one.status < 300;
  return h(
    "li",
    { key: `hook-${one.at}-${one.vendor}-${one.event}-${one.attempt}`, "data-flash": "" },
    h("time", { datetime: one.at }, clock(one.at)),
    h("span", { class: `vendor ${one.vendor}` }, one.vendor),
    h("span", { class: "what" }, one.event, one.attempt > 1 && ` (attempt ${one.attempt})`),
    h("span", { class: good ? "code good" : "code bad" }, one.status || "no answer"),
    h("span", { class: "ms" }, one.ms === null || one.ms === undefined ? "" : `${Math.round(one.ms)} ms`),
  );
}

function effect(one) {
  const byPerson = one.by === "person";
  return h(
    "li",
    { key: byPerson ? `act-${one.at}-${one.kind}-${one.target}` : `effect-${one.n}`, "data-flash": "" },
    h("time", { datetime: one.at }, clock(one.at)),
    h("span", { class: `vendor ${one.vendor}` }, one.vendor),
    h(
      "span",
      { class: "what" },
      byPerson ? act(one) : effectWords(one),
      " ",
      h("span", { class: "target" }, one.target),
    ),
    byPerson && h("span", { class: "by person" }, one.who?.split(" ")[0] ?? "person"),
    one.op && h("span", { class: "by", title: `The desk's own mark: ${one.op}` }, "desk"),
  );
}

const effectWords = (one) => `${EFFECTS[one.kind] ?? one.kind}${one.public === false ? " (internal)" : ""}`;

/** What a person did by this page, in words. */
function act(one) {
  if (one.kind !== "tags") return ACTS[one.kind] ?? one.kind;
  const parts = [
    one.added?.length && `tags added: ${one.added.join(", ")}`,
    one.removed?.length && `tags removed: ${one.removed.join(", ")}`,
  ];
  return parts.filter(Boolean).join("; ") || ACTS.tags;
}

/** Webhooks that never arrive: what the desk's sweep is for. */
function deaf({ state, refresh }) {
  const lose = async ({ currentTarget: box }) => {
    if (await send(box, "/sandbox/config", { drop_webhooks: box.checked ? 1 : 0 })) refresh();
  };
  return h(
    "label",
    { class: "tick" },
    h("input", { type: "checkbox", name: "deaf", checked: state.settings?.drop_webhooks === 1, onchange: lose }),
    "Lose every webhook",
  );
}

function breaker({ state, refresh }) {
  const waiting = (state.faults ?? []).filter((one) => one.times === null || one.fired < one.times).length;
  const arm = async (event) => {
    event.preventDefault();
    const { vendor, fault, go } = event.currentTarget.elements;
    const body = { vendor: vendor.value, method: "*", fault: fault.value, times: 1, ...OPTIONS[fault.value] };
    if (await send(go, "/sandbox/faults", body)) refresh();
  };
  return [
    h(
      "form",
      { "data-draft": "", onsubmit: arm },
      h(
        "label",
        {},
        "The next call to ",
        h(
          "select",
          { name: "vendor" },
          ["zendesk", state.chat, "jira"].map((name) => h("option", { value: name }, name)),
        ),
      ),
      h(
        "label",
        {},
        " ends with ",
        h(
          "select",
          { name: "fault" },
          FAULTS.map(([name, words]) => h("option", { value: name }, words)),
        ),
      ),
      h("button", { name: "go" }, "Arm"),
    ),
    waiting > 0 &&
      h(
        "p",
        { class: "none" },
        `${waiting} armed.`,
        h("button", { class: "quiet", type: "button", onclick: (event) => disarm(event.currentTarget, refresh) }, "Disarm"),
      ),
  ];
}

async function disarm(control, refresh) {
  if (await send(control, "/sandbox/faults", {}, "DELETE")) refresh();
}
