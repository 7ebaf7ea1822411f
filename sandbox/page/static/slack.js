// A message as Slack shows it, and the presses of its buttons.

import { ask, send } from "./api.js";
import { blocks } from "./blocks.js";
import { h } from "./dom.js";
import { about } from "./guide.js";
import { clock, mrkdwn } from "./text.js";

/** Whether this person sees the message. */
export const seen = (one, person) => !one.ephemeral_to || one.ephemeral_to === person;

/** One message of the list. */
export function message(view, one) {
  const { state, ui } = view;
  const names = Object.fromEntries(state.slack.people.map((known) => [known.id, known.name]));
  const person = state.slack.people.find((known) => known.id === one.user || known.name === one.user);
  const elsewhere = one.channel && one.channel !== state.slack.channel;
  const press = (control, element, extra) => pressed(view, control, one, element, extra);
  const body = one.blocks?.length
    ? blocks(one, { names, press, choices: ui.choices, person: ui.person })
    : h("p", { class: "mrkdwn" }, mrkdwn(one.text, names));
  const kind = ["message", one.ephemeral_to && "ephemeral", about(one, ui.ticket) && "related"]
    .filter(Boolean)
    .join(" ");
  return h(
    "li",
    { class: kind, key: `message-${one.ts}-${one.ephemeral_to ?? ""}`, "data-flash": "", "data-ts": one.ts },
    h(
      "span",
      { class: person ? "avatar person" : "avatar", "aria-hidden": "true" },
      (person?.name ?? one.user).slice(0, 1),
    ),
    h(
      "div",
      { class: "content" },
      one.ephemeral_to && h("p", { class: "only" }, "Only visible to you"),
      h(
        "header",
        {},
        h("strong", {}, person?.name ?? one.user),
        !person && h("span", { class: "app" }, "APP"),
        elsewhere && h("span", { class: "edited" }, `in ${one.channel}`),
        one.thread_ts && one.thread_ts !== one.ts && h("span", { class: "edited" }, "in thread"),
        h("time", {}, clock(one.ts)),
      ),
      body,
      one.edited && h("span", { class: "edited" }, "(edited)"),
    ),
  );
}

/** A press asks first when the card says so; the stand-in itself remembers what each person chose in the menus. */
async function pressed({ ui, refresh }, control, one, element, extra) {
  const confirm = element.confirm;
  if (confirm) {
    const sure = await ask({
      title: confirm.title?.text ?? "Are you sure?",
      text: confirm.text?.text,
      danger: confirm.style === "danger",
      yes: confirm.confirm?.text,
      no: confirm.deny?.text,
    });
    if (!sure) return;
  }
  const body = { ts: one.ts, action_id: element.action_id, user: ui.person, ...extra };
  await send(control, "/sandbox/slack/press", body);
  refresh();
}
