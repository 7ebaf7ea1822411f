// The chat that the supervisors use, whichever it is: who is in it, what was said, and the forms that are open.

/** The state of the chat in use. */
export const chatOf = (state) => state[state.chat];

/** How the vendor is written. */
export const chatName = (state) => (state.chat === "mattermost" ? "Mattermost" : "Slack");

/** Every message, oldest first. */
export const messagesOf = (state) => (state.chat === "mattermost" ? state.mattermost.posts : state.slack.messages);

/** Whether a message can be pressed. */
export const hasButtons = (message) =>
  (message.blocks ?? []).some((block) => block.type === "actions") ||
  (message.props?.attachments ?? []).some((one) => one.actions?.length);

/** The newest form that is open before this person, in neither chat's words; null without one. */
export function formOf(state, person) {
  const open =
    state.chat === "mattermost"
      ? state.mattermost.dialogs.filter((one) => one.user === person).map(ofDialog)
      : state.slack.views.filter((one) => one.user === person).map(ofView);
  return open.at(-1) ?? null;
}

function ofView(view) {
  return {
    id: view.id,
    title: view.title.text,
    submit: view.submit?.text ?? "Submit",
    cancel: view.close?.text ?? "Cancel",
    fields: view.blocks
      .filter((block) => block.type === "input")
      .map(({ block_id: block, label, element, hint, optional }) => ({
        name: element.action_id,
        place: block,
        label: label.text,
        options: element.options?.map((option) => [option.value, option.text.text]),
        placeholder: element.placeholder?.text ?? "",
        help: hint?.text ?? "",
        optional: optional === true,
        long: element.multiline === true,
        most: element.max_length,
        value: element.initial_value ?? element.initial_option?.value ?? "",
      })),
    send: (values, person) => ["/sandbox/slack/submit", { view_id: view.id, user: person, values }],
    close: (person) => ["/sandbox/slack/close", { view_id: view.id, user: person }],
  };
}

function ofDialog(dialog) {
  return {
    id: dialog.id,
    title: dialog.title,
    submit: dialog.submit_label || "Submit",
    cancel: "Cancel",
    fields: dialog.elements.map((element) => ({
      name: element.name,
      place: element.name,
      label: element.display_name,
      options: element.options?.map((option) => [option.value, option.text]),
      placeholder: element.placeholder ?? "",
      help: element.help_text ?? "",
      optional: element.optional === true,
      long: element.type === "textarea",
      most: element.max_length || undefined,
      value: element.default ?? "",
    })),
    send: (values, person) => ["/sandbox/mattermost/submit", { dialog_id: dialog.id, user: person, values }],
    close: (person) => ["/sandbox/mattermost/submit", { dialog_id: dialog.id, user: person, cancelled: true }],
  };
}

/** What a submitted form was answered: {place: words} of the fields, and words for all of it under "". */
export function complaints(given) {
  if (given.errors || given.problem) return { ...given.errors, ...(given.problem && { "": given.problem }) };
  try {
    const said = JSON.parse(given.body);
    return said.response_action === "errors" ? said.errors : {};
  } catch {
    return {};
  }
}
