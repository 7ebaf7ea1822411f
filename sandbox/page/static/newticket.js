// The form with which a newcomer makes an own customer and ticket.

import { send } from "./api.js";
import { h } from "./dom.js";
import { confirmed, preference } from "./facts.js";

const INPUTS = [
  ["name", "Name", { required: true, placeholder: "Siti Example" }],
  ["email", "E-mail", { type: "email", placeholder: "siti@example.com" }],
  ["phone", "Phone", { type: "tel", placeholder: "+60 12-345 6789" }],
  ["backoffice", "BackOffice link", { type: "url", value: "https://backoffice.example.com/customers/1001" }],
];

/** The form in place of a ticket. */
export function create({ state, ui, look, refresh }) {
  const like = state.tickets.find((one) => one.id === ui.like);
  const given = like && { ...like.requester, ...like.fields };
  const make = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const made = await send(form.elements.make, "/sandbox/tickets", asked(form.elements, like, state.fields));
    if (!made) return;
    form.reset();
    await refresh();
    look({ creating: false, like: null, ticket: made.id });
  };
  return h(
    "div",
    { class: "scroll sheet", key: `create-${ui.like}` },
    h("h3", {}, like ? `Second ticket of ${like.requester.name}` : "New ticket"),
    h("p", { class: "requester" }, "Use made-up people: nothing here leaves this machine."),
    h(
      "form",
      { class: "block create", "data-draft": "", onsubmit: make },
      INPUTS.map(([name, label, more]) =>
        h(
          "label",
          {},
          h("span", {}, label),
          h("input", { name, autocomplete: "off", ...more, ...(given && { value: given[name] ?? "" }) }),
        ),
      ),
      h(
        "label",
        {},
        h("span", {}, "Customer preference"),
        preference(state, given?.preference ?? state.preference_options[0]?.tag),
      ),
      confirmed(state.fields, given ?? { identity: "questions", confirmed_by: "customer", confirmed_via: "phone" }),
      h(
        "label",
        { class: "wide" },
        h("span", {}, "What the customer writes"),
        h("textarea", {
          name: "text",
          rows: 5,
          required: true,
          value: "Please delete my personal data and stop all offers.",
        }),
      ),
      h(
        "div",
        { class: "row end wide" },
        h("button", { type: "button", onclick: () => look({ creating: false, like: null }) }, "Cancel"),
        h("button", { name: "make", class: "primary" }, "Create ticket"),
      ),
    ),
  );
}

function asked(given, like, known) {
  const name = given.name.value.trim();
  const email = given.email.value.trim() || null;
  const phone = given.phone.value.trim() || null;
  const text = given.text.value.trim();
  const fields = {
    name,
    contact: phone,
    backoffice: given.backoffice.value.trim(),
    preference: given.preference.value,
  };
  for (const more of ["identity", "confirmed_by", "confirmed_via", "authority"]) {
    if (more in known) fields[more] = given[more].value;
  }
  const subject = text.split(/[\n.]/)[0].slice(0, 80) || "Request";
  const same = like && like.requester.name === name && (like.requester.email ?? null) === email;
  const requester = same ? { id: like.requester.id } : { name, email, phone };
  return { subject, name, email, phone, fields, tags: [], comment: text, requester };
}
