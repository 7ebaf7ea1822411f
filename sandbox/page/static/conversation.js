// What was said on the ticket, newest first: public replies, internal notes, and the e-mails that really went out.

import { send } from "./api.js";
import { h } from "./dom.js";
import { agentId } from "./facts.js";
import { clock, words } from "./text.js";

/** Composer and list for one ticket. */
export function conversation(view, one) {
  const { ui, look } = view;
  const mails = view.state.mails.filter((mail) => mine(mail, one));
  const tab = (on, text) =>
    h("button", { type: "button", "aria-pressed": String(ui.mails === on), onclick: () => look({ mails: on }) }, text);
  return h(
    "section",
    { class: "block talk", "aria-label": "Conversation" },
    composer(view, one),
    h(
      "div",
      { class: "switch" },
      tab(false, `Conversation (${one.comments.length})`),
      tab(true, `E-mails sent (${mails.length})`),
    ),
    h(
      "ol",
      { class: "list", key: ui.mails ? "mails" : "comments" },
      ui.mails ? mails.map(mail).reverse() : one.comments.map((said) => comment(view, said)).reverse(),
      ui.mails && !mails.length && h("li", { class: "none", key: "none" }, "No e-mail went out for this ticket."),
    ),
  );
}

function mine(mail, one) {
  if (mail.ticket_id !== undefined) return Number(mail.ticket_id) === one.id;
  const told = new Set([one.requester?.email, ...one.comments.flatMap((said) => said.mailed_to ?? [])]);
  return told.has(mail.to);
}

function composer({ ui, refresh }, one) {
  const say = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const as = form.elements.as.value;
    const author = as === "customer" ? "customer" : agentId(ui);
    const body = { body: form.elements.body.value, public: as !== "internal", author };
    if (await send(form.elements.say, `/sandbox/tickets/${one.id}/comment`, body)) {
      form.elements.body.value = "";
      refresh();
    }
  };
  return h(
    "form",
    { class: "composer", "data-draft": "", onsubmit: say },
    h("textarea", {
      name: "body",
      rows: 1,
      required: true,
      placeholder: "Write on this ticket",
      "aria-label": "New comment",
    }),
    h(
      "select",
      { name: "as", "aria-label": "Write as" },
      h("option", { value: "internal" }, "Internal note"),
      h("option", { value: "public" }, "Public reply"),
      h("option", { value: "customer" }, "As the customer"),
    ),
    h("button", { name: "say" }, "Send"),
  );
}

function comment({ state }, said) {
  const author = state.agents.find((one) => String(one.id) === String(said.author))?.name ?? String(said.author);
  const told = said.mailed_to ?? [];
  return h(
    "li",
    {
      class: `comment ${said.public ? "public" : "internal"} ${said.role ?? ""}`,
      key: `comment-${said.id}`,
      "data-flash": "",
    },
    h(
      "header",
      {},
      h("strong", {}, author),
      h(
        "span",
        { class: "kind" },
        said.public ? (said.role === "customer" ? "Customer" : "Public reply") : "Internal note",
      ),
      h("time", { datetime: said.at }, clock(said.at)),
    ),
    h("p", { class: "body" }, words(said.body)),
    told.length > 0 && h("p", { class: "mailed" }, `✉ e-mailed to ${told.join(", ")}`),
  );
}

function mail(one, index) {
  return h(
    "li",
    { class: "comment mail", key: `mail-${index}`, "data-flash": "" },
    h("header", {}, h("strong", {}, `To ${one.to}`), h("time", { datetime: one.at }, clock(one.at))),
    h("p", { class: "subject" }, one.subject),
    h("p", { class: "body" }, words(one.body)),
  );
}
