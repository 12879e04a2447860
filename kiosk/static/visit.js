// A visit begins with a touch and ends when nobody touches any more: first the screen asks whether somebody is still
// there, then it says thank you, and begins again as it was for the next visitor.

import { number, t } from "./words.js";

const THANKS_MS = 5000; // ms for which it thanks
const TICK_MS = 250; // ms between two looks at the time that is left
const SIGNS = ["pointerdown", "keydown", "wheel", "drop", "input"];

const $ = (id) => document.getElementById(id);

/** Watches for signs of a visitor. `isChanged()`: whether there is anything to put back; `begin()` puts it back. */
export function visits(settings, isChanged, begin) {
  const asks = $("still-there"), thanks = $("thanks");
  let idle = 0, ticking = 0, touched = performance.now();

  function rest() {
    touched = performance.now();
    wait();
  }

  function wait() {
    clearTimeout(idle);
    idle = setTimeout(ask, Math.max(0, touched + 1000 * settings().idle_s - performance.now()));
  }

  function ask() {
    if (!isChanged() || asks.open) return;
    const until = performance.now() + 1000 * settings().reset_s;
    const tick = () => {
      const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      $("still-note").textContent = t("still_there_note", { seconds: number(left) });
      if (!left) thank();
    };
    tick();
    asks.showModal();
    $("still-here").focus();
    ticking = setInterval(tick, TICK_MS);
  }

  function stay() {
    clearInterval(ticking);
    if (asks.open) asks.close();
    rest();
  }

  function thank() {
    clearInterval(ticking);
    asks.close();
    begin();
    thanks.showModal();
    $("thanks-title").focus();
    setTimeout(() => thanks.open && thanks.close(), THANKS_MS);
  }

  for (const sign of SIGNS) {
    addEventListener(sign, () => {
      // A touch of its buttons says it itself.
      if (!asks.open) rest();
      if (thanks.open) thanks.close();
    }, { capture: true, passive: true });
  }
  $("still-here").addEventListener("click", stay);
  $("begin-again").addEventListener("click", thank);
  asks.addEventListener("cancel", stay); // the key Escape
  asks.addEventListener("click", (event) => event.target === asks && stay());
  rest();
  return {
    /** Waits as long as is set now. */
    wait,
    /** Seconds since the last sign of a visitor. */
    quiet_s: () => (performance.now() - touched) / 1000,
    get isAsking() {
      return asks.open || thanks.open;
    },
  };
}
