// How the page is read: larger text, stronger contrast, less motion, aloud. Nothing of it is stored; the address may
// name what a screen begins with: ?text=large&contrast=high&motion=less.

const $ = (id) => document.getElementById(id);
const root = document.documentElement;
const asked = matchMedia("(prefers-reduced-motion: reduce)");

const MODES = { text: "large", contrast: "high", motion: "less", speech: "on" };
const FIRST = new URLSearchParams(location.search);
const switches = [...document.querySelectorAll("[data-mode]")];

/** Whether nothing should move, by the visitor's wish or the system's. */
export const calm = () => asked.matches || root.dataset.motion === "less";

export const speaks = () => root.dataset.speech === "on";

const isFirst = (mode) => mode !== "speech" && FIRST.get(mode) === MODES[mode];
const isOn = (mode) => root.dataset[mode] === MODES[mode];

function turn(mode, on) {
  if (on) root.dataset[mode] = MODES[mode];
  else delete root.dataset[mode];
  for (const button of switches) if (button.dataset.mode === mode) button.setAttribute("aria-checked", String(on));
}

/** Back to what the screen begins with. */
export function reset() {
  for (const mode of Object.keys(MODES)) turn(mode, isFirst(mode));
}

/** Whether a visitor has changed anything. */
export const isChanged = () => Object.keys(MODES).some((mode) => isOn(mode) !== isFirst(mode));

/** Makes the switches work; `changed(mode)` is called after each change. */
export function offerReading(changed) {
  reset();
  for (const button of switches) {
    button.addEventListener("click", () => {
      turn(button.dataset.mode, !isOn(button.dataset.mode));
      changed(button.dataset.mode);
    });
  }
}

/** Offers to read aloud where that is `allowed`; where there is no voice for it, the switch says so and stays off. */
export function offerSpeech(allowed, hasVoice) {
  $("speech-switch").hidden = !allowed;
  $("no-voice").hidden = hasVoice;
  $("speech-switch").querySelector("button").disabled = !hasVoice;
  if (!allowed || !hasVoice) turn("speech", false);
}
