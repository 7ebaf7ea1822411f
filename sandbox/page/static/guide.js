// Where a newcomer is in the procedure: which of the three steps comes next for the ticket that is open.

import { hasButtons, messagesOf } from "./chat.js";

const MARKS = {
  waiting: "desk_waiting",
  approved: "desk_approved",
  done: "desk_done",
  withdrawn: "desk_withdrawn",
  declined: "desk_declined",
  incomplete: "desk_incomplete",
  person: "desk_needs_person",
};

/** Whether a message or issue speaks of a ticket, by its link or its number. */
export function about(thing, ticketId) {
  return ticketId !== null && new RegExp(`(tickets/|ticket[-_ ]#?)${ticketId}(?!\\d)`, "i").test(JSON.stringify(thing));
}

/** The newest issue of a ticket. */
export const issueOf = (state, id) => state.jira.issues.filter((one) => about(one, id)).at(-1);

/** {step: 1|2|3|4, hints: [text, text, text]}; step 4 means the case is closed. */
export function guide(state, ui) {
  if (ui.creating)
    return {
      step: 1,
      hints: ["Make a ticket of your own, then tag it.", "The card comes here.", "The issue comes here."],
    };
  const ticket = state.tickets.find((one) => one.id === ui.ticket);
  const tags = new Set(ticket?.tags ?? []);
  const card = messagesOf(state).find((one) => hasButtons(one) && about(one, ui.ticket));
  const issue = issueOf(state, ui.ticket);
  const told = ticket?.comments.some((said) => said.mailed_to?.length);
  const tagged = told ? "Tagged. The customer has the e-mail." : "Tagged.";
  if (tags.has(MARKS.person)) {
    return { step: 1, hints: ["A person must act: the newest note says what and why.", "Decided.", "See the note."] };
  }
  if (tags.has(MARKS.incomplete) && !card) {
    return {
      step: 1,
      hints: ["Something is missing: the newest note names it.", "The card comes here.", "The issue comes here."],
    };
  }
  const open = issue && issue.category !== "done" && issue.category?.key !== "done";
  if (tags.has(MARKS.done)) return ended("The case is complete: see the newest note below.");
  if (tags.has(MARKS.withdrawn)) return ended("Withdrawn: the customer keeps the offers.");
  if (tags.has(MARKS.declined)) return ended("Declined: the note below says why.");
  if (open) {
    return {
      step: 3,
      hints: [tagged, "Approved.", `Open ${issue.key} and move it to Done.`],
    };
  }
  if (issue) return { step: 3, hints: [tagged, "Approved.", `${issue.key} is closed. The desk is told by webhook.`] };
  if (tags.has(MARKS.approved)) return { step: 3, hints: [tagged, "Approved.", "The desk is opening the issue."] };
  if (card || tags.has(MARKS.waiting)) {
    return {
      step: 2,
      hints: [tagged, "Press Approve as a supervisor.", "The issue comes after approval."],
    };
  }
  if (tags.has("data_deletion_request")) {
    return {
      step: 1,
      hints: ["Tagged. If no card comes, the newest note says why.", "The card comes here.", "The issue comes here."],
    };
  }
  const chosen = ticket?.fields.preference || [...tags].some((tag) => tag.startsWith("pref_"));
  const first = chosen
    ? "Press + data_deletion_request."
    : "Choose the customer’s preference, then press + data_deletion_request.";
  return { step: 1, hints: [first, "The card comes here.", "The issue comes here."] };
}

const ended = (words) => ({ step: 4, hints: [words, "Decided.", "Nothing left to do here."] });
