// A post as Mattermost shows it: Markdown, attachments with a bar of colour and buttons, replies, words for one person.

import { send, toast } from "./api.js";
import { h } from "./dom.js";
import { about } from "./guide.js";
import { markdown } from "./markdown.js";
import { clock } from "./text.js";

const BARS = {
  red: [196, 49, 51],
  orange: [230, 126, 34],
  yellow: [242, 183, 5],
  green: [27, 122, 75],
  blue: [47, 111, 221],
  purple: [122, 61, 160],
  grey: [139, 143, 167],
};
const NAMED = { good: "green", warning: "orange", danger: "red" };

/** Whether this person sees the post: their own direct messages, and what is for them alone. */
export function seen(one, person) {
  return (!one.ephemeral_to || one.ephemeral_to === person) && (!one.direct_to.length || one.direct_to.includes(person));
}

/** One post of the list. */
export function message(view, one) {
  const { state, ui } = view;
  const { people, channel, posts } = state.mattermost;
  const names = new Set(people.map((known) => known.username));
  const person = people.find((known) => known.id === one.user_id);
  const root = one.root_id && posts.find((other) => other.id === one.root_id);
  const only = one.ephemeral_to ? "(Only visible to you)" : one.direct_to.length ? "in a direct message to you" : "";
  const kind = ["message", "mm", only && "ephemeral", about(one, ui.ticket) && "related"].filter(Boolean).join(" ");
  return h(
    "li",
    { class: kind, key: `post-${one.id}`, "data-flash": "", "data-post": one.id },
    h("span", { class: person ? "avatar person" : "avatar", "aria-hidden": "true" }, one.user.slice(0, 1)),
    h(
      "div",
      { class: "content" },
      h(
        "header",
        {},
        h("strong", {}, person?.username ?? "deletion-desk"),
        !person && h("span", { class: "app" }, "BOT"),
        h("time", {}, clock(one.at)),
        only && h("span", { class: "only" }, only),
        !only && one.channel !== channel && h("span", { class: "edited" }, `in ${one.channel}`),
      ),
      root && !only && h("p", { class: "replied" }, `Commented on the message: ${first(root)}`),
      one.message && h("div", { class: "md" }, markdown(one.message, names)),
      one.edited && h("span", { class: "edited" }, "Edited"),
      (one.props.attachments ?? []).map((part, index) => attachment(view, one, part, index, names)),
    ),
  );
}

const first = (post) =>
  (post.message || post.props.attachments?.[0]?.fallback || "").replace(/[\\*_]/g, "").split("\n")[0].slice(0, 60);

function attachment(view, one, part, index, names) {
  return h(
    "div",
    { class: `mm-card ${bar(part.color)}`, key: `part-${index}` },
    part.pretext && h("div", { class: "md" }, markdown(part.pretext, names)),
    part.title && h("h3", { class: "b-header" }, part.title),
    part.text && h("div", { class: "md" }, markdown(part.text, names)),
    part.fields?.length > 0 &&
      h(
        "dl",
        { class: "b-fields" },
        part.fields.map((field) =>
          h("div", {}, h("dt", {}, field.title), h("dd", { class: "md" }, markdown(String(field.value), names))),
        ),
      ),
    part.actions?.length > 0 &&
      h(
        "div",
        { class: "b-actions" },
        part.actions.map((action) => button(view, one, action)),
      ),
    part.footer && h("p", { class: "b-context" }, part.footer),
  );
}

function button({ ui, refresh }, one, action) {
  const press = async (event) => {
    const body = { post_id: one.id, action_id: action.id, user: ui.person };
    const given = await send(event.currentTarget, "/sandbox/mattermost/press", body);
    if (given?.problem) toast(given.problem);
    refresh();
  };
  const attributes = { type: "button", class: `mm-button ${action.style ?? ""}`, key: `press-${action.id}` };
  return h("button", { ...attributes, "data-action": action.id, onclick: press }, action.name);
}

/** The nearest of a few colours: the page's policy allows no styles in attributes. */
function bar(color) {
  if (NAMED[color]) return NAMED[color];
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color ?? "");
  if (!found) return "grey";
  const parts = found.slice(1).map((part) => Number.parseInt(part, 16));
  const far = ([, one]) => one.reduce((sum, value, index) => sum + (value - parts[index]) ** 2, 0);
  return Object.entries(BARS).sort((one, other) => far(one) - far(other))[0][0];
}
