// The line of things to try: each flow of the procedure in a sentence or two, and the ticket that suits it.

import { h } from "./dom.js";

const FLOWS = [
  {
    name: "Delete everything",
    who: "Nurul",
    text:
      "Choose “Delete personal data completely”, then press + data_deletion_request. Approve the card, move the issue " +
      "to Done, and read the newest note: what was done, what must be kept and until when.",
  },
  {
    name: "Single channels",
    who: "Tan",
    text:
      "Tick Calls and SMS under “Stop only”, then tag: card and issue ask for these alone. Tick another while the card " +
      "waits, and the note says what the approval covers and what the agent does about the rest.",
  },
  {
    name: "Something missing",
    who: "Kavitha",
    text:
      "Choose a preference and tag. No card comes: the note names the field. Fill in a contact number, or empty who " +
      "confirmed on another ticket, and see it go on.",
  },
  {
    name: "A phone call",
    who: "Ahmad",
    text:
      "He has no e-mail address. Choose a preference and tag: nothing is mailed, the card is posted, and the note says " +
      "what the agent must tell him instead.",
  },
  {
    name: "Declined or asked",
    who: null,
    text:
      "On a waiting card press Decline: a form asks for the reason, a note for the agent, and words for the customer " +
      "that the desk never sends. Or press Ask the agent: the question stands on the ticket, and the card goes on waiting.",
  },
  {
    name: "Changed while it waits",
    who: null,
    text:
      "Change a field of a ticket whose card waits, the customer’s name for instance: the old card closes, and a new " +
      "one shows the difference. An approval is only for what was on the card.",
  },
  {
    name: "Withdrawal",
    who: null,
    text:
      "At any point, before or after approval, press + data_deletion_withdrawn. Tick first what the customer wants " +
      "again and the rest stays stopped; tick nothing and all of it comes back. Card and issue are told.",
  },
  {
    name: "Threat of a regulator",
    who: "James",
    text:
      "Choose a preference and tag: his words bring an urgent card before the ordinary one. On any other ticket write " +
      "as the customer “I will go to Bank Negara Malaysia”, or press + regulatory_threat. Then press its buttons.",
  },
  {
    name: "Two tickets, one person",
    who: null,
    text:
      "Press “Second ticket of this person”, and tag both with the same preference: one card, one issue, and each " +
      "ticket's note names the other.",
  },
  {
    name: "JIRA says otherwise",
    who: null,
    text:
      "Approve, then try the issue's buttons: Won't do or Delete hands the case to a person; To Do after Done brings it " +
      "back to life; to another project is followed; a clone is not mistaken for it.",
  },
  {
    name: "The ban that is not there",
    who: null,
    text:
      "Untick “Done sets the ban” at the bottom, approve, and move the issue to Done: the case stays open and names the " +
      "channel. Or let a list import lift a ban. The desk asks again by itself, and when the issue is moved again.",
  },
  {
    name: "A lost webhook",
    who: null,
    text:
      "Tick “Lose every webhook” at the bottom, then tag a ticket. Nothing reaches the desk; within half a minute its " +
      "sweep finds the ticket by search, and does everything once.",
  },
];

/** The strip; a pressed flow opens its ticket and shows its sentence. */
export function flows({ state, ui, look }) {
  const chosen = FLOWS.find((one) => one.name === ui.flow);
  const choose = (one) => {
    const ticket = one.who && state.tickets.find((found) => found.requester?.name?.startsWith(one.who));
    look({ flow: ui.flow === one.name ? null : one.name, ...(ticket && { ticket: ticket.id, creating: false }) });
  };
  return [
    h("h2", {}, "Try"),
    h(
      "div",
      { class: "row", role: "group", "aria-label": "Things to try" },
      FLOWS.map((one) =>
        h(
          "button",
          {
            type: "button",
            key: `flow-${one.name}`,
            "data-flow": one.name,
            "aria-pressed": String(one === chosen),
            onclick: () => choose(one),
          },
          one.name,
        ),
      ),
    ),
    h("p", { role: "status", hidden: !chosen }, chosen?.text ?? ""),
  ];
}
