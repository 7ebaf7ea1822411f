// Keeps a page true without a reload: every five seconds, while somebody can see it, it is asked for again, and what is
// marked `data-live` is put in its place, found by its id. Focus, open <details> and how far a table is scrolled stay.
"use strict";

(() => {
  const PAUSE = 5000;
  const mark = document.getElementById("live");
  let timer = 0;

  if (!mark || !document.querySelector("[data-live]")) return;
  const address = document.getElementById("reload").href;

  function say(text, off) {
    mark.hidden = false;
    mark.textContent = text;
    mark.classList.toggle("live-off", off);
    if (off) mark.setAttribute("role", "status");
  }

  function stop(why) {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", soon);
    say(`Not live: ${why}. Reload to go on.`, true);
  }

  // The way from an element down to one within it, as numbers of children.
  function path(from, to) {
    const steps = [];
    for (let at = to; at !== from; at = at.parentElement) {
      steps.unshift([...at.parentElement.children].indexOf(at));
    }
    return steps;
  }

  const along = (from, steps) => steps.reduce((at, step) => at?.children[step], from);

  function swap(old, fresh) {
    const active = document.activeElement;
    const inside = old.contains(active) && old !== active;
    if (inside && /^(INPUT|SELECT|TEXTAREA)$/.test(active.tagName)) return; // somebody is filling it in
    const steps = inside ? path(old, active) : [];
    for (const open of old.querySelectorAll("details[id][open]")) {
      fresh.querySelector(`details[id="${CSS.escape(open.id)}"]`)?.setAttribute("open", "");
    }
    if (old.isEqualNode(fresh)) return;
    const scrolled = [...old.querySelectorAll(".scroll")].map((at) => at.scrollLeft);
    old.replaceWith(fresh);
    [...fresh.querySelectorAll(".scroll")].forEach((at, place) => { at.scrollLeft = scrolled[place] || 0; });
    if (inside) along(fresh, steps)?.focus({ preventScroll: true });
  }

  async function look() {
    let answer;
    try {
      answer = await fetch(address, { headers: { "X-Live": "1" }, cache: "no-store", redirect: "manual" });
    } catch {
      return stop("the desk does not answer");
    }
    if (answer.type === "opaqueredirect") return stop("you are logged out");
    if (!answer.ok) return stop(`the desk answered ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-live][id]")) {
      const fresh = page.getElementById(old.id);
      if (fresh) swap(old, document.adoptNode(fresh));
    }
    say(`Live, ${new Date().toLocaleTimeString()}`, false);
    soon();
  }

  function soon() {
    clearTimeout(timer);
    if (document.visibilityState === "visible") timer = setTimeout(look, PAUSE);
  }

  document.addEventListener("visibilitychange", soon);
  say("Live", false);
  soon();
})();
