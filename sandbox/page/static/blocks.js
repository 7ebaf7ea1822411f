// Draws Slack's Block Kit, as far as cards use it. A block it does not know is named, never dropped in silence.

import { h } from "./dom.js";
import { link, mrkdwn } from "./text.js";

/** The blocks of a message. `press(control, element, extra)` is called for buttons and menus. */
export function blocks(message, tools) {
  return h(
    "div",
    { class: "blocks" },
    message.blocks.map((block, index) => one(block, { ...tools, ts: message.ts, index })),
  );
}

function one(block, tools) {
  switch (block.type) {
    case "header":
      return h("h3", { class: "b-header" }, text(block.text, tools));
    case "divider":
      return h("hr", {});
    case "section":
      return section(block, tools);
    case "context":
      return h(
        "div",
        { class: "b-context" },
        block.elements.map((part) => h("span", {}, element(part, tools))),
      );
    case "actions":
      return h(
        "div",
        { class: "b-actions" },
        block.elements.map((part) => element(part, tools)),
      );
    case "image":
      return h("p", { class: "b-context" }, `[image: ${block.alt_text ?? ""}]`);
    default:
      return h("p", { class: "b-context" }, `[${block.type} block]`);
  }
}

function section(block, tools) {
  return h(
    "div",
    { class: "b-section" },
    h(
      "div",
      {},
      block.text && h("p", { class: "mrkdwn" }, text(block.text, tools)),
      block.fields &&
        h(
          "dl",
          { class: "b-fields" },
          block.fields.map((field) => h("div", { class: "mrkdwn" }, text(field, tools))),
        ),
    ),
    block.accessory && element(block.accessory, tools),
  );
}

/** A text object: plain_text is shown as it is, mrkdwn is read. */
function text(object, { names }) {
  if (!object) return "";
  return object.type === "mrkdwn" ? mrkdwn(object.text, names) : object.text;
}

function element(part, tools) {
  switch (part.type) {
    case "mrkdwn":
    case "plain_text":
      return text(part, tools);
    case "button":
      return button(part, tools);
    case "static_select":
      return menu(part, tools);
    case "image":
      return `[image: ${part.alt_text ?? ""}]`;
    default:
      return h("span", { class: "b-context" }, `[${part.type}]`);
  }
}

function button(part, tools) {
  if (part.url) return link(part.url, part.text.text);
  return h(
    "button",
    {
      type: "button",
      class: part.style ?? "",
      key: `press-${part.action_id}`,
      "data-action": part.action_id,
      "aria-label": part.accessibility_label,
      onclick: (event) => tools.press(event.currentTarget, part, {}),
    },
    part.text.text,
  );
}

function menu(part, tools) {
  const name = `${tools.ts} ${tools.person} ${part.action_id}`;
  const options = part.options ?? (part.option_groups ?? []).flatMap((group) => group.options);
  const chosen = tools.choices[name] ?? part.initial_option?.value ?? "";
  const choose = (event) => {
    tools.choices[name] = event.currentTarget.value;
    tools.press(event.currentTarget, part, { value: event.currentTarget.value });
  };
  return h(
    "select",
    {
      value: chosen,
      key: `menu-${part.action_id}`,
      "data-action": part.action_id,
      "aria-label": part.placeholder?.text ?? "Choose",
      onchange: choose,
    },
    !part.initial_option && h("option", { value: "", disabled: true }, part.placeholder?.text ?? "Choose"),
    options.map((option) => h("option", { value: option.value }, option.text.text)),
  );
}
