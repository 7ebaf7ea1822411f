// The agent's column: tickets as tabs, and the open one with its fields, tags and conversation.

import { send } from "./api.js";
import { conversation } from "./conversation.js";
import { h } from "./dom.js";
import { fields, tags } from "./facts.js";
import { create } from "./newticket.js";
import { head } from "./top.js";

const STATUSES = ["new", "open", "pending", "hold", "solved", "closed"];

/** The whole column. */
export function ticket(view) {
  const { state, ui, look, guide } = view;
  const open = state.tickets.find((one) => one.id === ui.ticket);
  return [
    head(
      "Zendesk",
      h(
        "label",
        {},
        "You are agent ",
        people(state.agents, ui.agent, (id) => look({ agent: id })),
      ),
      1,
      guide.step,
      "Tag.",
      guide.hints[0],
    ),
    h(
      "nav",
      { class: "tabs", "aria-label": "Tickets" },
      h(
        "button",
        {
          class: "tab new",
          key: "new",
          type: "button",
          "aria-current": String(ui.creating),
          onclick: () => look({ creating: true, like: null }),
        },
        "+ New",
      ),
      state.tickets.map((one) => tab(one, !ui.creating && one.id === ui.ticket, look)),
    ),
    ui.creating
      ? create(view)
      : open
        ? sheet(view, open)
        : h("p", { class: "empty" }, "No tickets. Make one with “+ New”."),
  ];
}

/** A menu of people. */
export function people(list, chosen, choose) {
  return h(
    "select",
    { value: String(chosen), onchange: (event) => choose(event.currentTarget.value) },
    list.map((one) => h("option", { value: String(one.id) }, one.approver ? `${one.name} (approver)` : one.name)),
  );
}

function tab(one, current, look) {
  const desk = one.tags.filter((tag) => tag.startsWith("desk_") && tag !== "desk_threat").at(-1);
  return h(
    "button",
    {
      class: "tab",
      key: `tab-${one.id}`,
      type: "button",
      "aria-current": String(current),
      title: `${one.requester?.name}: ${one.subject}`,
      onclick: () => look({ ticket: one.id, issue: null, creating: false }),
    },
    h("span", { class: "id" }, `#${one.id}`),
    ` ${one.requester?.name?.split(" ").slice(0, 2).join(" ") ?? "Nobody"}`,
    desk && h("span", { class: `dot ${desk}`, title: desk }),
    one.tags.includes("desk_threat") && h("span", { class: "threat", title: "desk_threat" }, "!"),
  );
}

function sheet(view, one) {
  return h(
    "div",
    { class: "scroll sheet", key: `ticket-${one.id}` },
    h("div", { class: "title" }, h("h3", {}, one.subject), status(view, one)),
    h(
      "p",
      { class: "requester" },
      requester(one),
      h(
        "button",
        { type: "button", class: "quiet", "data-again": "", onclick: () => view.look({ creating: true, like: one.id }) },
        "Second ticket of this person",
      ),
    ),
    tags(view, one),
    fields(view, one),
    conversation(view, one),
  );
}

const requester = ({ requester: who }) =>
  [who?.name, who?.email || "no e-mail", who?.phone || "no phone"].filter(Boolean).join(" · ");

function status({ refresh }, one) {
  const change = async (event) => {
    await send(event.currentTarget, `/sandbox/tickets/${one.id}/status`, { status: event.currentTarget.value });
    refresh();
  };
  return h(
    "select",
    { class: `status ${one.status}`, "aria-label": "Status", value: one.status, onchange: change },
    STATUSES.map((name) => h("option", { value: name }, name)),
  );
}
