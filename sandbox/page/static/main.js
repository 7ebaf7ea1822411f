// Keeps the page equal to the sandbox: hears "changed" on the stream, fetches the state, draws the five parts.

import { read, toast } from "./api.js";
import { board } from "./board.js";
import { channel } from "./channel.js";
import { chatOf } from "./chat.js";
import { show } from "./dom.js";
import { flows } from "./flows.js";
import { forms } from "./forms.js";
import { guide } from "./guide.js";
import { strip } from "./strip.js";
import { ticket } from "./ticket.js";
import { top } from "./top.js";

/** What the address names, `?ticket=5101` or `#SUP-1`: the vendors' own links to tickets and issues lead here. */
function named() {
  const words = decodeURIComponent(location.hash || location.search);
  const issue = /[A-Z][A-Z0-9_]*-\d+$/.exec(words)?.[0];
  const ticket = issue ? null : /\d+$/.exec(words)?.[0];
  return { ...(issue && { issue }), ...(ticket && { ticket: Number(ticket) }) };
}

/** What this person is looking at. Never sent anywhere but as part of what they do. */
const ui = {
  live: "connecting",
  ticket: null,
  issue: null,
  agent: sessionStorage.getItem("agent"),
  person: sessionStorage.getItem("person"),
  creating: false,
  mails: false,
  flow: null, // which of the things to try is explained
  like: null, // the ticket whose customer writes again, while the form is open
  choices: {}, // "<ts> <person> <action_id>" -> option chosen in a menu of a chat message
  ...named(),
};
let state = null;
let fetching = false;
let again = false;

/** Change what is looked at, then draw. */
function look(change) {
  Object.assign(ui, change);
  if (change.agent) sessionStorage.setItem("agent", change.agent);
  if (change.person) sessionStorage.setItem("person", change.person);
  draw();
}

function draw() {
  if (!state) return;
  settleChoices();
  const view = { state, ui, look, refresh, guide: guide(state, ui) };
  show(document.getElementById("top"), top(view));
  show(document.getElementById("flows"), flows(view));
  show(document.getElementById("ticket"), ticket(view));
  show(document.getElementById("channel"), channel(view));
  show(document.getElementById("board"), board(view));
  show(document.getElementById("strip"), strip(view));
  forms(view);
}

/** What was chosen may be gone, and something must be chosen at the start. */
function settleChoices() {
  if (!state.tickets.some((one) => one.id === ui.ticket)) ui.ticket = state.tickets[0]?.id ?? null;
  if (!state.agents.some((one) => String(one.id) === String(ui.agent))) ui.agent = String(state.agents[0]?.id ?? "");
  const { people } = chatOf(state);
  if (!people.some((one) => one.id === ui.person)) ui.person = (people.find((one) => one.approver) ?? people[0])?.id;
  if (!state.jira.issues.some((one) => one.key === ui.issue)) ui.issue = null;
}

/** Fetch and draw; calls that come while one is under way become one more. */
async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    do {
      again = false;
      state = await read("/sandbox/state");
      draw();
    } while (again);
  } catch (problem) {
    if (ui.live === "live") toast(problem.message);
  } finally {
    fetching = false;
  }
}

function listen() {
  const stream = new EventSource("/sandbox/stream");
  stream.onopen = () => {
    look({ live: "live" });
    refresh();
  };
  stream.onmessage = refresh;
  stream.onerror = () => {
    look({ live: "reconnecting" });
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

// Links in cards and notes that lead to this sandbox's own tickets and issues open here, in their column.
document.addEventListener("click", (event) => {
  const target = event.target.closest?.("a[href]");
  if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const ours = /^\/(?:agent\/tickets\/(\d+)|browse\/([A-Z][A-Z0-9_]*-\d+))$/.exec(new URL(target.href).pathname);
  const known =
    ours &&
    (ours[1]
      ? state?.tickets.some((one) => one.id === Number(ours[1]))
      : state?.jira.issues.some((one) => one.key === ours[2]));
  if (!known) return;
  event.preventDefault();
  look(ours[1] ? { ticket: Number(ours[1]), creating: false } : { issue: ours[2] });
});

addEventListener("hashchange", () => look({ ...named(), creating: false }));
refresh();
listen();
