// The ban's own source, the BackOffice: what is banned for which customer, and the people and imports that change it.

import { send } from "./api.js";
import { h } from "./dom.js";

const CHANNELS = [
  ["calls", "Calls"],
  ["sms", "SMS"],
  ["email", "E-mail"],
  ["push", "Push"],
];

/** The customer's number in a BackOffice link, as the source knows it. */
const customerOf = (link) => decodeURIComponent((link ?? "").replace(/\/+$/, "").split("/").pop() ?? "");

/** The box; the open ticket's customer comes first. */
export function bans({ state, ui, refresh }) {
  const open = customerOf(state.tickets.find((one) => one.id === ui.ticket)?.fields.backoffice);
  const known = Object.keys(state.bans ?? {}).filter((one) => one !== open);
  const shown = open ? [open, ...known] : known;
  const follow = async (event) => {
    const body = { bans_follow_jira: event.currentTarget.checked };
    if (await send(event.currentTarget, "/sandbox/config", body)) refresh();
  };
  return [
    h(
      "h2",
      {},
      "Bans at their source ",
      h(
        "label",
        { class: "tick", title: "Unticked: support says Done, and nobody has set the ban" },
        h("input", { type: "checkbox", checked: state.settings?.bans_follow_jira ?? true, onchange: follow }),
        "Done sets the ban",
      ),
    ),
    h(
      "ul",
      { class: "rows", tabindex: 0, "aria-label": "Customers and what is banned for them" },
      shown.map((one) => customer(one, state.bans?.[one] ?? {}, one === open, refresh)),
      !shown.length && h("li", { class: "none" }, "No customer yet."),
    ),
  ];
}

function customer(number, banned, current, refresh) {
  const change = async (control, path, body) => {
    if (await send(control, path, body)) refresh();
  };
  const path = `/sandbox/bans/${encodeURIComponent(number)}`;
  return h(
    "li",
    { class: current ? "banned current" : "banned", key: `bans-${number}`, "data-flash": "", "data-customer": number },
    h("span", { class: "key" }, number),
    CHANNELS.map(([name, label]) =>
      h(
        "button",
        {
          type: "button",
          key: `ban-${name}`,
          "data-ban": name,
          "aria-pressed": String(Boolean(banned[name])),
          title: banned[name] ? `${label} are banned: press to lift` : `${label} are not banned: press to ban`,
          onclick: (event) => change(event.currentTarget, path, { [name]: !banned[name] }),
        },
        label,
      ),
    ),
    h(
      "button",
      {
        type: "button",
        class: "quiet",
        "data-import": number,
        title: "A list comes back from a partner and overwrites what the source knew",
        onclick: (event) => change(event.currentTarget, "/sandbox/bans", { import: [number] }),
      },
      "Import lifts",
    ),
  );
}
