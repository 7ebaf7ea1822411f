// The support team's column: the JIRA board, and the opened issue under it with the moves it allows.

import { ask, send } from "./api.js";
import { h } from "./dom.js";
import { about, issueOf } from "./guide.js";
import { clock, link, wiki } from "./text.js";
import { head } from "./top.js";

/** The whole column. */
export function board(view) {
  const { state, ui, guide } = view;
  const open = state.jira.issues.find((one) => one.key === ui.issue) ?? issueOf(state, ui.ticket);
  return [
    head("JIRA", `Project ${state.jira.project}`, 3, guide.step, "Close.", guide.hints[2]),
    h(
      "div",
      { class: "lanes" },
      state.jira.columns.map((name) => lane(view, name, open)),
    ),
    open
      ? issue(view, open)
      : h(
          "p",
          { class: "empty" },
          state.jira.issues.length
            ? "No issue for this ticket yet. Press a card to read another one."
            : "No issue yet. The desk opens one when a supervisor approves.",
        ),
  ];
}

function lane({ state, ui, look }, name, open) {
  const cards = state.jira.issues.filter((one) => one.status === name);
  return h(
    "section",
    { class: "lane", key: `lane-${name}`, "aria-label": `${name}: ${cards.length}` },
    h("h3", {}, name, h("span", { class: "count" }, cards.length)),
    h(
      "ul",
      {},
      cards.map((one) =>
        h(
          "li",
          { key: `card-${one.key}`, "data-flash": "" },
          h(
            "button",
            {
              class: about(one, ui.ticket) ? "card related" : "card",
              type: "button",
              "data-key-of": one.key,
              "aria-pressed": String(one.key === open?.key),
              onclick: () => look({ issue: one.key }),
            },
            h("span", { class: "key" }, one.key),
            h("span", { class: "summary" }, one.summary),
          ),
        ),
      ),
    ),
  );
}

function issue({ state, refresh }, one) {
  const move = async (control, to) => {
    if (await send(control, `/sandbox/jira/${one.key}/transition`, { to })) refresh();
  };
  const remove = async (control) => {
    const sure = await ask({
      title: `Delete ${one.key}?`,
      text: "The desk hears of it by webhook.",
      yes: "Delete",
      danger: true,
    });
    if (sure && (await send(control, `/sandbox/jira/${one.key}/delete`))) refresh();
  };
  const act = async (control, path, body) => {
    if (await send(control, `/sandbox/jira/${one.key}/${path}`, body)) refresh();
  };
  return h(
    "article",
    { class: "scroll issue", key: `issue-${one.key}`, "aria-label": `Issue ${one.key}` },
    h(
      "header",
      {},
      h("span", { class: "key" }, one.key),
      h("span", { class: "state" }, one.status),
      one.resolution && h("span", { class: "resolution" }, `Resolution: ${one.resolution?.name ?? one.resolution}`),
    ),
    h("h3", {}, one.summary),
    h(
      "div",
      { class: "row", role: "group", "aria-label": "Move the issue" },
      state.jira.columns
        .filter((name) => name !== one.status)
        .map((name) =>
          h(
            "button",
            {
              type: "button",
              key: `move-${name}`,
              "data-move": name,
              class: name === "Done" ? "primary" : "",
              onclick: (event) => move(event.currentTarget, name),
            },
            name === "Done" ? "✓ Done" : `→ ${name}`,
          ),
        ),
    ),
    h(
      "div",
      { class: "row", role: "group", "aria-label": "What else people do to issues" },
      h(
        "button",
        { type: "button", class: "quiet", "data-project": "", onclick: (e) => act(e.currentTarget, "move", { to: "OPS" }) },
        "To project OPS",
      ),
      h("button", { type: "button", class: "quiet", "data-clone": "", onclick: (e) => act(e.currentTarget, "clone") }, "Clone"),
      h(
        "button",
        { type: "button", class: "quiet push", "data-delete": "", onclick: (event) => remove(event.currentTarget) },
        "Delete",
      ),
    ),
    h("p", { class: "description" }, wiki(one.description)),
    extras(one),
  );
}

function extras(one) {
  return [
    one.labels?.length > 0 &&
      h(
        "ul",
        { class: "chips" },
        one.labels.map((label) => h("li", { class: "chip" }, label)),
      ),
    one.links?.length > 0 &&
      h(
        "div",
        {},
        h("h4", {}, "Links"),
        h(
          "ul",
          { class: "links" },
          one.links.map((to) => h("li", {}, linked(to))),
        ),
      ),
    one.comments?.length > 0 &&
      h("div", {}, h("h4", {}, "Comments"), h("ol", { class: "list" }, one.comments.map(said).reverse())),
  ];
}

function linked(to) {
  const url = typeof to === "string" ? to : (to.url ?? to.object?.url ?? "");
  return link(url, to.title ?? to.object?.title ?? url);
}

function said(one, index) {
  const author = one.author?.displayName ?? one.author ?? "";
  const at = one.at ?? one.created;
  return h(
    "li",
    { class: "comment", key: `said-${one.id ?? index}`, "data-flash": "" },
    h("header", {}, h("strong", {}, author), at && h("time", { datetime: at }, clock(at))),
    h("p", { class: "body" }, wiki(one.body)),
  );
}
