// A form that a press has opened: Slack's modal, Mattermost's dialog. It is open as long as the chat says so.

import { send } from "./api.js";
import { chatOf, complaints, formOf } from "./chat.js";
import { h, show } from "./dom.js";

let shown = null; // id of the form in the dialog
let wrong = {}; // what the desk said of its fields, and under "" of all of it
let filled = {}; // what was sent last: it stays in the fields while the form is open

/** Open, redraw or close the form of the person at the page. */
export function forms(view) {
  const dialog = document.getElementById("form");
  const form = formOf(view.state, view.ui.person);
  if (form?.id !== shown) wrong = filled = {};
  if (form) {
    show(dialog, picture(view, form));
    if (!dialog.open) dialog.showModal();
    dialog.oncancel = (event) => {
      event.preventDefault(); // Escape: the chat decides when it is closed
      close(view, form, null);
    };
  } else if (dialog.open) {
    dialog.close();
    dialog.replaceChildren();
  }
  shown = form?.id ?? null;
}

function picture(view, form) {
  const who = chatOf(view.state).people.find((one) => one.id === view.ui.person)?.name ?? "";
  return h(
    "form",
    {
      class: `ask filled ${view.state.chat}`,
      key: form.id,
      "data-draft": "",
      onsubmit: (event) => submit(view, form, event),
    },
    h("h2", { id: "form-title" }, form.title),
    h("p", { class: "only" }, `Only ${who} sees this.`),
    wrong[""] && h("p", { class: "wrong", role: "alert" }, wrong[""]),
    form.fields.map((one) => field(one)),
    h(
      "div",
      { class: "row end" },
      h(
        "button",
        { type: "button", "data-cancel": "", onclick: (event) => close(view, form, event.currentTarget) },
        form.cancel,
      ),
      h("button", { name: "send", class: "primary" }, form.submit),
    ),
  );
}

function field(one) {
  const common = { name: one.name, required: !one.optional, value: filled[one.name] ?? one.value };
  return h(
    "label",
    { class: "asked", key: `asked-${one.name}` },
    h("span", {}, one.label, one.optional && h("em", {}, " (optional)")),
    one.options
      ? h(
          "select",
          common,
          h("option", { value: "" }, one.placeholder || "Choose"),
          one.options.map(([value, words]) => h("option", { value }, words)),
        )
      : h(one.long ? "textarea" : "input", {
          ...common,
          placeholder: one.placeholder,
          maxlength: one.most,
          rows: one.long ? 3 : null,
        }),
    one.help && h("small", {}, one.help),
    wrong[one.place] && h("small", { class: "wrong", role: "alert" }, wrong[one.place]),
  );
}

async function submit(view, form, event) {
  event.preventDefault();
  const { elements } = event.currentTarget;
  filled = Object.fromEntries(form.fields.map((one) => [one.name, elements[one.name].value]));
  const values = Object.fromEntries(Object.entries(filled).filter(([, value]) => value));
  const given = await send(elements.send, ...form.send(values, view.ui.person));
  wrong = given ? complaints(given) : { "": "The desk did not take it. Try again, or cancel." };
  view.refresh();
}

async function close(view, form, control) {
  await send(control, ...form.close(view.ui.person));
  view.refresh();
}
