// The Markdown that Mattermost's clients show, as far as posts use it. Nothing here ever makes HTML from text.

import { h } from "./dom.js";
import { link } from "./text.js";

const FENCE = /^ {0,3}```/;
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
const INLINE = new RegExp(
  [
    /\\([!-/:-@[-`{-~])/, // an escaped mark
    /(`+)([^`]+?)\2(?!`)/, // code
    /!\[([^\]\n]*)\]\([^)\n]*\)/, // image: never fetched
    /\[((?:\\.|[^[\]\\\n])+)\]\((https?:(?:\\.|[^()\\\s])+)\)/, // link with words
    /(https?:\/\/[^\s<>]+[^\s<>.,;:!?)\]}'"*_~])/,
    /\*\*(?=\S)((?:\\.|[^\\\n])+?)\*\*/, // bold
    /(?<![\w*\\])\*(?=[^\s*])((?:\\.|[^*\\\n])+?)\*(?![\w*])/, // italic
    /(?<![\w_\\])_(?=[^\s_])((?:\\.|[^_\\\n])+?)_(?![\w_])/,
    /~~(?=\S)((?:\\.|[^~\\\n])+?)~~/, // struck out
    /(?<![\w@/])@([a-z0-9][a-z0-9._-]*[a-z0-9]|[a-z0-9])/, // mention
    /&(amp|lt|gt|quot|#39);/,
  ]
    .map((part) => part.source)
    .join("|"),
);

/** Blocks of a post's text. `people`: user names that are somebody. */
export function markdown(text, people = new Set()) {
  const blocks = [];
  let fence = null;
  for (const line of String(text ?? "").split("\n")) {
    if (FENCE.test(line)) {
      if (fence) blocks.push(h("pre", {}, fence.join("\n")));
      fence = fence ? null : [];
    } else if (fence) fence.push(line);
    else blocks.push(block(line, people));
  }
  if (fence) blocks.push(h("pre", {}, fence.join("\n")));
  return blocks;
}

function block(line, people) {
  const heading = /^(#{1,6}) +(.*)$/.exec(line);
  if (heading) return h("p", { class: `md-h md-h${heading[1].length}` }, inline(heading[2], people));
  if (/^ {0,3}([-*_])( *\1){2,} *$/.test(line)) return h("hr", {});
  const item = /^( *)[-*+] +(.*)$/.exec(line);
  if (item) return h("p", { class: "md-item" }, "• ", inline(item[2], people));
  const quoted = /^> ?(.*)$/.exec(line);
  if (quoted) return h("blockquote", {}, inline(quoted[1], people));
  return h("p", { class: line.trim() ? "md-line" : "md-gap" }, inline(line, people));
}

function inline(text, people) {
  const nodes = [];
  let left = text;
  for (let found = INLINE.exec(left); found && left; found = INLINE.exec(left)) {
    if (found.index) nodes.push(left.slice(0, found.index));
    nodes.push(mark(found, people));
    left = left.slice(found.index + found[0].length);
  }
  if (left) nodes.push(left);
  return nodes;
}

const unescaped = (text) => text.replace(/\\([!-/:-@[-`{-~])/g, "$1");

function mark([all, escaped, , code, image, label, url, bare, bold, star, low, struck, mention, entity], people) {
  if (escaped) return escaped;
  if (code) return h("code", {}, code);
  if (image !== undefined) return h("span", { class: "edited" }, `[image: ${image}]`);
  if (url) return link(unescaped(url), unescaped(label));
  if (bare) return link(bare);
  if (bold) return h("strong", {}, inline(bold, people));
  if (star || low) return h("em", {}, inline(star ?? low, people));
  if (struck) return h("s", {}, inline(struck, people));
  if (entity) return ENTITIES[entity];
  const known = people.has(mention) || ["all", "channel", "here"].includes(mention);
  return known ? h("span", { class: "mention" }, all) : all;
}
