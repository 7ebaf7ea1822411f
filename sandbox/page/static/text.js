// Turns vendors' marked-up text into nodes. Unknown marks stay as written; nothing here ever makes HTML from text.

import { h } from "./dom.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const EMOJI = {
  white_check_mark: "✅",
  heavy_check_mark: "✔️",
  x: "❌",
  no_entry: "⛔",
  warning: "⚠️",
  rotating_light: "🚨",
  hourglass: "⌛",
  hourglass_flowing_sand: "⏳",
  lock: "🔒",
  bell: "🔔",
  memo: "📝",
  ticket: "🎫",
  arrows_counterclockwise: "🔄",
};
const FENCE = /```([\s\S]+?)```/;
const INLINE = new RegExp(
  [
    /(`[^`\n]+`)/, // code
    /<([^<>\n]+)>/, // link, mention
    /(https?:\/\/[^\s<>|]+[^\s<>|.,;:!?)\]}'"])/,
    /(?<![\w*])\*(?=\S)([^*\n]*?\S)\*(?![\w*])/, // bold
    /(?<![\w_])_(?=\S)([^_\n]*?\S)_(?![\w_])/, // italic
    /(?<![\w~])~(?=\S)([^~\n]*?\S)~(?![\w~])/, // struck out
    /:([a-z0-9_+-]+):/, // emoji
  ]
    .map((part) => part.source)
    .join("|"),
);
const WIKI = new RegExp(
  [
    /\[([^[\]|\n]+)\|(https?:\/\/[^\]\s]+)\]/, // link with words
    /\[(https?:\/\/[^\]\s]+)\]/,
    /(https?:\/\/[^\s|\]]+[^\s|\].,;:!?)}'"])/,
    /(?<![\w*])\*(?=\S)([^*\n]*?\S)\*(?![\w*])/, // bold
    /\\([\\[\]{}*_|!~^+-])/, // an escaped mark
  ]
    .map((part) => part.source)
    .join("|"),
);
const BARE = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'])/;

const plain = (text) => text.replace(/&(amp|lt|gt);/g, (found) => ENTITIES[found]);

/** Cuts `text` at each match of `rule`; `make` turns a match into a node. */
function cut(text, rule, make, rest = (words) => words) {
  const nodes = [];
  let left = text;
  for (let found = rule.exec(left); found; found = rule.exec(left)) {
    if (found.index) nodes.push(rest(left.slice(0, found.index)));
    nodes.push(make(found));
    left = left.slice(found.index + found[0].length);
  }
  if (left) nodes.push(rest(left));
  return nodes;
}

/** A link that can only be http(s); anything else is shown as words. */
export function link(url, words = url) {
  let safe;
  try {
    safe = new URL(url);
  } catch {
    return document.createTextNode(words);
  }
  if (!["http:", "https:"].includes(safe.protocol)) return document.createTextNode(words);
  return h("a", { href: safe.href, target: "_blank", rel: "noopener noreferrer", title: safe.href }, words);
}

/** Plain words with clickable addresses. */
export const words = (text) => cut(String(text ?? ""), BARE, (found) => link(found[0]));

/** Slack mrkdwn. `people` maps chat ids to names. */
export function mrkdwn(text, people = {}) {
  return cut(
    String(text ?? ""),
    FENCE,
    (found) => h("pre", {}, plain(found[1].trim())),
    (part) => lines(part, people),
  );
}

function lines(text, people) {
  const nodes = [];
  for (const [index, line] of text.split("\n").entries()) {
    const quoted = /^(&gt;|>) ?/.exec(line);
    if (index && !(nodes.at(-1)?.nodeName === "BLOCKQUOTE")) nodes.push("\n");
    nodes.push(quoted ? h("blockquote", {}, inline(line.slice(quoted[0].length), people)) : inline(line, people));
  }
  return nodes;
}

function inline(text, people) {
  return cut(
    text,
    INLINE,
    (found) => {
      const [all, code, angle, bare, bold, italic, strike, emoji] = found;
      if (code) return h("code", {}, plain(code.slice(1, -1)));
      if (angle) return reference(angle, people);
      if (bare) return link(plain(bare));
      if (bold) return h("strong", {}, inline(bold, people));
      if (italic) return h("em", {}, inline(italic, people));
      if (strike) return h("s", {}, inline(strike, people));
      return EMOJI[emoji] ?? all;
    },
    plain,
  );
}

function reference(inside, people) {
  const [target, label] = inside.split(/\|(.*)/s);
  if (target.startsWith("@"))
    return h("span", { class: "mention" }, `@${people[target.slice(1)] ?? label ?? target.slice(1)}`);
  if (target.startsWith("#")) return h("span", { class: "mention" }, `#${label ?? target.slice(1)}`);
  if (target.startsWith("!date^")) return moment(target, plain(label ?? ""));
  if (target.startsWith("!"))
    return h("span", { class: "mention" }, plain(label ?? `@${target.slice(1).split("^")[0]}`));
  if (target.startsWith("mailto:")) return plain(label ?? target.slice(7));
  return /^https?:/.test(target) ? link(plain(target), plain(label ?? target)) : plain(`<${inside}>`);
}

/** Slack's date tokens, in the reader's own zone; the words that others see are its title. */
function moment(target, fallback) {
  const [, seconds, form] = target.split("^");
  const at = new Date(Number(seconds) * 1000);
  if (!/^\d+$/.test(seconds) || !form) return fallback;
  const two = (value) => String(value).padStart(2, "0");
  const parts = {
    date_num: `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
    time: `${two(at.getHours())}:${two(at.getMinutes())}`,
    time_secs: `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`,
  };
  const known = [...form.matchAll(/\{(\w+)\}/g)].every(([, name]) => name in parts);
  const words = known ? form.replace(/\{(\w+)\}/g, (_, name) => parts[name]) : fallback;
  return h("time", { datetime: at.toISOString(), title: fallback }, words);
}

/** The little of JIRA's wiki markup that issues here use: links, bold, escapes, headings. */
export function wiki(text) {
  return String(text ?? "")
    .replaceAll("\r\n", "\n")
    .split("\n")
    .flatMap((line, index) => {
      const heading = /^h([1-6])\. +(.*)$/.exec(line);
      const nodes = heading ? [h("strong", { class: "wiki-heading" }, wikiInline(heading[2]))] : wikiInline(line);
      return index ? ["\n", ...nodes] : nodes;
    });
}

function wikiInline(text) {
  return cut(text, WIKI, ([, label, target, naked, bare, bold, escaped]) => {
    if (target) return link(target, label);
    if (naked || bare) return link(naked ?? bare);
    return bold ? h("strong", {}, wikiInline(bold)) : escaped;
  });
}

/** A time of day, with the day when it is not today. */
export function clock(at) {
  const time = typeof at === "number" || /^\d+\.\d+$/.test(at) ? new Date(Number(at) * 1000) : new Date(at);
  if (Number.isNaN(time.getTime())) return "";
  const hours = time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  const today = time.toDateString() === new Date().toDateString();
  return today ? hours : `${time.toLocaleDateString([], { day: "numeric", month: "short" })} ${hours}`;
}
