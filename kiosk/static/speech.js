// The browser's own voice. Only voices of this machine are used: others would send the words to somebody else's.

const SETTLED_MS = 1200; // ms for which an answer must have stood before it is spoken
const CALLED_TOO = { zh: "cmn" }; // how else voices name a language: espeak-ng says Mandarin

let said = "", waiting = 0;

/** Says `text` once, after it has stood for a while; an empty one silences. */
export function tell(text, tag) {
  if (text === said) return;
  hush();
  said = text;
  if (text) waiting = setTimeout(() => speak(text, tag), SETTLED_MS);
}

export function hush() {
  said = "";
  clearTimeout(waiting);
  window.speechSynthesis?.cancel();
}

/** The voice for a language, if this machine has one. */
export function voiceFor(tag) {
  const main = (name) => name.toLowerCase().split(/[-_]/)[0];
  const names = [main(tag), CALLED_TOO[main(tag)]];
  return window.speechSynthesis?.getVoices().find((one) => one.localService && names.includes(main(one.lang)));
}

/** Calls `changed()` whenever other voices are there: browsers find them only some time after the page has come. */
export const onVoices = (changed) => window.speechSynthesis?.addEventListener("voiceschanged", changed);

function speak(text, tag) {
  const voice = voiceFor(tag);
  if (!voice) return;
  const words = new SpeechSynthesisUtterance(text);
  words.lang = tag;
  words.voice = voice;
  speechSynthesis.speak(words);
}
