// The supervisors' column: the chat channel, in the look of whichever chat they use.

import { chatName, chatOf, messagesOf } from "./chat.js";
import { h } from "./dom.js";
import * as mattermost from "./mattermost.js";
import * as slack from "./slack.js";
import { people } from "./ticket.js";
import { head } from "./top.js";

/** The whole column. */
export function channel(view) {
  const { state, ui, look, guide } = view;
  const chat = chatOf(state);
  const { seen, message } = state.chat === "mattermost" ? mattermost : slack;
  const shown = messagesOf(state).filter((one) => seen(one, ui.person));
  return [
    head(
      chatName(state),
      h(
        "label",
        {},
        "You are ",
        people(chat.people, ui.person, (id) => look({ person: id })),
      ),
      2,
      guide.step,
      "Approve.",
      guide.hints[1],
    ),
    h("p", { class: "where" }, `# ${chat.channel_name ?? chat.channel}`, h("span", {}, "newest first")),
    h(
      "ol",
      { class: "scroll messages", tabindex: 0, "aria-label": "Messages, newest first" },
      shown.map((one) => message(view, one)).reverse(),
      !shown.length &&
        h("li", { class: "empty", key: "none" }, "Quiet here. The desk posts its card when an agent tags a ticket."),
    ),
  ];
}
