// The browser's own voice. Only voices of this machine are used: others would send the words to somebody else's.

const SETTLED_MS = 1200; // ms for which an answer must have stood before it is spoken

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

function speak(text, tag) {
  const main = (name) => name.toLowerCase().split(/[-_]/)[0];
  const voice = speechSynthesis.getVoices().find((one) => one.localService && main(one.lang) === main(tag));
  if (!voice) return;
  const words = new SpeechSynthesisUtterance(text);
  words.lang = tag;
  words.voice = voice;
  speechSynthesis.speak(words);
}
