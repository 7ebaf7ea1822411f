// What an agent sets on a ticket: its tags and its custom fields, each sent as soon as it is changed.

import { send } from "./api.js";
import { h } from "./dom.js";

const DESK_TAGS = [
  ["data_deletion_request", "The customer confirmed: carry it out"],
  ["data_deletion_withdrawn", "The customer withdraws, wants offers again"],
  ["regulatory_threat", "The customer threatens to go to a regulator"],
];
const CHANNELS = [
  ["calls", "Calls"],
  ["sms", "SMS"],
  ["email", "E-mail"],
  ["push", "Push"],
];
// Who confirmed the wish and how they were identified; shown when the desk reads these fields (DESK_FIELDS).
const CONFIRMED = [
  ["identity", "Identity checked by", ["questions", "MyKad", "OTP", "callback", "in person"]],
  ["confirmed_by", "Confirmed by", ["customer", "representative"]],
  ["confirmed_via", "Confirmed through", ["phone", "email", "chat", "web form", "branch", "letter"]],
  ["authority", "Authority (representative)", ["lawyer", "power of attorney", "parent", "guardian"]],
];
const FIELDS = [
  ["name", "Customer name"],
  ["contact", "Contact number"],
  ["backoffice", "BackOffice link"],
];

/** An agent's id as the sandbox gave it: a number where it was one. */
export const agentId = (ui) => (/^\d+$/.test(ui.agent) ? Number(ui.agent) : ui.agent);

/** The ticket's tags, the desk's tags to add, and any other one. */
export function tags(view, one) {
  const { state, ui, refresh } = view;
  const change = async (control, body) => {
    const done = await send(control, `/sandbox/tickets/${one.id}/tags`, {
      add: [],
      remove: [],
      ...body,
      agent: agentId(ui),
    });
    if (done) refresh();
    return done;
  };
  const missing = DESK_TAGS.filter(([name]) => !one.tags.includes(name));
  return h(
    "section",
    { class: "block", "aria-label": "Tags" },
    h("div", { class: "title" }, h("h4", {}, "Tags"), other(state, change)),
    h(
      "ul",
      { class: "chips" },
      one.tags.map((name) => chip(name, change)),
      !one.tags.length && h("li", { class: "none" }, "none"),
    ),
    h(
      "div",
      { class: "row" },
      missing.map(([name, meaning]) =>
        h(
          "button",
          {
            key: `add-${name}`,
            type: "button",
            title: meaning,
            "data-add": name,
            class: name === "data_deletion_request" && view.guide.step === 1 ? "tagger primary" : "tagger",
            onclick: (event) => change(event.currentTarget, { add: [name] }),
          },
          `+ ${name}`,
        ),
      ),
    ),
    h(
      "div",
      { class: "row ticked" },
      ticks("Stop only", "pref_stop", one, change),
      wants(one) && ticks("Wants again", "resume", one, change),
    ),
  );
}

/** Whether there is something to take back: a wish that is known to the desk, or a withdrawal. */
const wants = (one) =>
  one.tags.some((tag) => tag.startsWith("resume_") || tag.startsWith("desk_") || tag === "data_deletion_withdrawn");

/** The tags of single channels, as boxes to tick. */
function ticks(label, prefix, one, change) {
  return h(
    "div",
    { class: "row ticks", role: "group", "aria-label": label, key: `ticks-${prefix}` },
    h("span", {}, label),
    CHANNELS.map(([name, words]) => {
      const tag = `${prefix}_${name}`;
      const toggle = ({ currentTarget: box }) => change(box, box.checked ? { add: [tag] } : { remove: [tag] });
      return h(
        "label",
        { class: "tick", key: tag },
        h("input", { type: "checkbox", "data-tick": tag, checked: one.tags.includes(tag), onchange: toggle }),
        words,
      );
    }),
  );
}

function chip(name, change) {
  return h(
    "li",
    { class: name.startsWith("desk_") ? "chip desk" : "chip", key: `chip-${name}`, "data-flash": "", "data-tag": name },
    name,
    h(
      "button",
      {
        class: "plain",
        type: "button",
        "aria-label": `Remove tag ${name}`,
        onclick: (event) => change(event.currentTarget, { remove: [name] }),
      },
      "×",
    ),
  );
}

function other(state, change) {
  const add = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const name = form.elements.tag.value.trim();
    if (name && (await change(form.elements.add, { add: name.split(/\s+/) }))) form.reset();
  };
  return h(
    "form",
    { class: "other", "data-draft": "", onsubmit: add },
    h("input", {
      name: "tag",
      list: "tags-known",
      "aria-label": "Another tag",
      placeholder: "another tag",
      autocomplete: "off",
      size: 12,
    }),
    h(
      "datalist",
      { id: "tags-known" },
      state.preference_options.map(({ tag, label }) => h("option", { value: tag, label })),
    ),
    h("button", { name: "add", "aria-label": "Add this tag" }, "Add"),
  );
}

/** The custom fields that the desk reads. */
export function fields({ state, ui, refresh }, one) {
  const save = async ({ currentTarget: field }) => {
    const body = { [field.name]: field.value, agent: agentId(ui) };
    if (await send(field, `/sandbox/tickets/${one.id}/fields`, body)) refresh();
  };
  return h(
    "form",
    {
      class: "block fields",
      "data-draft": "",
      onsubmit: (event) => event.preventDefault(),
      "aria-label": "Ticket fields, saved when you leave one",
    },
    FIELDS.map(([name, label]) =>
      h(
        "label",
        {},
        h("span", {}, label),
        h("input", { name, value: one.fields[name] ?? "", autocomplete: "off", onchange: save }),
      ),
    ),
    h("label", {}, h("span", {}, "Customer preference"), preference(state, one.fields.preference, save)),
    confirmed(one.fields, one.fields, save),
  );
}

/** Menus for who confirmed and how; `known` says which of these fields there are. */
export function confirmed(known, chosen, onchange = null) {
  return CONFIRMED.filter(([name]) => name in known).map(([name, label, options]) => {
    const value = chosen[name] ?? "";
    const more = value && !options.includes(value) ? [value] : [];
    return h(
      "label",
      { key: `field-${name}` },
      h("span", {}, label),
      h(
        "select",
        { name, value, onchange },
        h("option", { value: "" }, "not recorded"),
        [...options, ...more].map((option) => h("option", { value: option }, option)),
      ),
    );
  });
}

/** The dropdown field whose options are tags. */
export function preference(state, chosen, onchange = null) {
  return h(
    "select",
    { name: "preference", value: chosen ?? "", onchange },
    h("option", { value: "" }, "not chosen"),
    state.preference_options.map(({ tag, label }) => h("option", { value: tag }, label)),
  );
}
