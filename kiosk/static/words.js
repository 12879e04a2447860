// The words of the page. They come with it, in the visitor's language, and are exchanged as a whole when a visitor
// chooses another: what stands in the page carries the key of its words, the rest is asked for by key.

const root = document.documentElement;
/** What the page was made with, as the API gives it. */
export const json = (id) => JSON.parse(document.getElementById(id).textContent);

let words = json("words");
let found = json("styles");
let wanted = root.dataset.language; // what was last asked for: a slow answer must not overwrite a later one

/** Code, BCP 47 tag and direction of the language that the page speaks now. */
export const language = () => ({ code: root.dataset.language, tag: root.lang, direction: root.dir });

/** The code of the language that it speaks, or is about to. */
export const coming = () => wanted;

/** The styles in the model's order: `key` as the API names them, `identifier`, and our texts. */
export const styles = () => found;

/** The words for `key`, with `{names}` filled in from `values`; empty where there are none. */
export function t(key, values = {}) {
  return (words[key] ?? "").replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

export const knows = (key) => key in words;

/** A share (0-1) as a visitor reads it. */
export function percent(share) {
  const format = new Intl.NumberFormat(root.lang, { style: "percent" });
  const whole = Math.round(share * 100);
  // Signs before numbers stay before them in either direction of writing.
  if (whole === 0 && share > 0) return `\u2066<\u00a0${format.format(0.01)}\u2069`;
  if (whole === 100 && share < 1) return `\u2066>\u00a0${format.format(0.99)}\u2069`;
  return format.format(whole / 100);
}

export const number = (value) => new Intl.NumberFormat(root.lang).format(value);

export const list = (names) => new Intl.ListFormat(root.lang, { type: "conjunction" }).format(names);

/** Writes the words of `key` into an element, now and after every change of language. */
export function say(element, key) {
  if (element.dataset.word === key) return;
  element.dataset.word = key;
  element.textContent = t(key);
}

/** Has the page speak a language, in the words that the kiosk has for it now. Throws where it does not answer, and
 * then nothing has changed. */
export async function speak(code) {
  wanted = code;
  let said;
  try {
    const response = await fetch(`/api/words/${encodeURIComponent(code)}`);
    if (!response.ok) throw new Error(`no words: ${response.status}`);
    said = await response.json();
  } catch (error) {
    if (wanted === code) wanted = root.dataset.language;
    throw error;
  }
  if (wanted !== code) return;
  ({ words, styles: found } = said);
  root.lang = said.tag;
  root.dir = said.direction;
  root.dataset.language = said.language;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = t(element.dataset.word);
  for (const element of document.querySelectorAll("[data-word-label]"))
    element.setAttribute("aria-label", t(element.dataset.wordLabel));
  for (const element of document.querySelectorAll("[data-word-alt]")) element.alt = t(element.dataset.wordAlt);
  mark();
}

function mark() {
  for (const link of document.querySelectorAll("a[data-language]")) {
    if (link.dataset.language === root.dataset.language) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

/** Offers these languages to visitors, in `list`. */
export function offerLanguages(list, languages) {
  const entries = languages.map(({ code, name, tag, direction }) => {
    const entry = document.createElement("li"), link = document.createElement("a");
    Object.assign(link, { href: `?lang=${code}`, lang: tag, hreflang: tag, dir: direction, textContent: name });
    link.dataset.language = code;
    entry.append(link);
    return entry;
  });
  list.replaceChildren(...entries);
  mark();
}
