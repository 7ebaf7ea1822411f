// Builds DOM nodes and brings the page to a new picture without losing focus, scroll or half-typed words.
// Text only ever becomes text nodes: there is no innerHTML in this page.

const HANDLERS = ["onclick", "onsubmit", "onchange", "oninput", "onkeydown"];
const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "required"]);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const drafts = new WeakSet(); // fields a person has typed into and not sent yet
const pending = new WeakSet(); // controls whose request is on its way

document.addEventListener("input", (event) => {
  if (event.target.closest("form[data-draft]")) drafts.add(event.target);
});

/** A node: h("button", {class: "primary", onclick: act}, "Send", null, [more]). A `key` says which node it stays. */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  const { value, ...rest } = props ?? {};
  for (const [name, given] of Object.entries(rest)) set(node, name, given);
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  if (value !== undefined) node.value = value; // last: a select knows its value only once it has options
  return node;
}

function set(node, name, given) {
  if (given === null || given === undefined || given === false) return;
  if (name === "key") node.dataset.key = given;
  else if (HANDLERS.includes(name) || PROPERTIES.has(name)) node[name] = given;
  else node.setAttribute(name, given === true ? "" : given);
}

/** Brings the children of `place` to the given nodes. */
export function show(place, ...nodes) {
  const picture = document.createElement(place.tagName);
  picture.append(...nodes.flat(Infinity).filter(Boolean));
  children(place, picture);
}

/** While a request runs its control is disabled, and stays so over new pictures. */
export function hold(control, on) {
  if (!control) return;
  if (on) pending.add(control);
  else pending.delete(control);
  control.disabled = on;
  control.toggleAttribute("aria-busy", on);
}

/** What was typed has been sent: a field's own words, or for a button those of its whole form. */
export function settle(control) {
  const fields = control?.nodeName === "BUTTON" ? (control.form?.elements ?? []) : [control];
  for (const field of fields) drafts.delete(field);
}

const keyOf = (node) => node.dataset?.key;
const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

function children(from, to) {
  const keyed = new Map();
  for (const node of from.children) if (keyOf(node)) keyed.set(keyOf(node), node);
  const wasEmpty = !from.firstChild;
  let cursor = from.firstChild;
  for (const next of [...to.childNodes]) {
    const known = keyOf(next) ? keyed.get(keyOf(next)) : cursor;
    keyed.delete(keyOf(next)); // should two ever share a key, neither eats the other
    if (!known || !alike(known, next)) {
      from.insertBefore(next, cursor);
      if (!wasEmpty && next.dataset?.flash !== undefined) flash(next);
      continue;
    }
    if (known === cursor) cursor = cursor.nextSibling;
    else from.insertBefore(known, cursor);
    morph(known, next);
  }
  while (cursor) {
    const gone = cursor;
    cursor = cursor.nextSibling;
    gone.remove();
  }
}

function morph(from, to) {
  if (from.nodeType === Node.TEXT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  attributes(from, to);
  for (const name of HANDLERS) from[name] = to[name];
  children(from, to);
  if (!("value" in from) || from.nodeName === "BUTTON" || from.nodeName === "LI") return;
  if (!drafts.has(from) && from.value !== to.value) from.value = to.value;
  if (!drafts.has(from) && "checked" in from) from.checked = to.checked;
}

function attributes(from, to) {
  for (const { name } of [...from.attributes]) {
    const own = name === "open" || name === "aria-busy" || (name === "disabled" && pending.has(from));
    if (!to.hasAttribute(name) && !own) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && name !== "open") from.setAttribute(name, value);
  }
}

function flash(node) {
  if (!calm.matches) node.animate([{ outline: "3px solid #f2b705", outlineOffset: "-2px" }, {}], { duration: 1600 });
}
