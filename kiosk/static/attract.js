// The screen that waits: canvases that the kiosk has drawn itself, one after the other, each with what the network
// sees in it, and an invitation. A touch, or a painting before the camera, ends it.

import { crop } from "./crop.js";
import { evidence } from "./evidence.js";
import { calm } from "./reading.js";
import { styles } from "./words.js";

const EACH_MS = 11_000; // ms for each picture ...
const WARM_MS = 3_500; // ... after which the evidence comes up
const FADE_MS = 900; // ms in which a picture goes, as in kiosk.css

const $ = (id) => document.getElementById(id);
const dialog = $("attract"), picture = $("attract-picture"), canvas = $("attract-evidence");
const folder = new URL("attract/", import.meta.url);

const stage = dialog.querySelector(".stage"), free = dialog.querySelector(".free");

let exhibits = null, place = 0, timers = [], box = null;

const heat = evidence(canvas, ([x, y]) => {
  const scale = box.width / exhibits[place].size[0];
  return [box.left + scale * x, box.top + scale * y];
}, calm);

// All of the painting is in sight on every screen.
function lay() {
  if (!exhibits || !free.offsetWidth) return;
  const { size: [width, height], painting } = exhibits[place];
  const { offsetLeft: left, offsetTop: top, offsetWidth, offsetHeight } = free;
  const room = { width: stage.clientWidth, height: stage.clientHeight };
  box = crop({ width, height }, room, { left, top, width: offsetWidth, height: offsetHeight }, painting);
  picture.style.inset = `${box.top}px auto auto ${box.left}px`;
  picture.style.width = `${box.width}px`;
  picture.style.height = `${box.height}px`;
  heat.rehang();
}
new ResizeObserver(lay).observe(free);

const later = (action, ms) => timers.push(setTimeout(action, ms));

async function hang() {
  const exhibit = exhibits[place];
  heat.show(null);
  picture.classList.remove("shown");
  later(async () => {
    picture.src = new URL(exhibit.picture, folder);
    await picture.decode().catch(() => {});
    if (!dialog.open) return;
    lay();
    picture.classList.add("shown");
    name();
    later(() => heat.show(exhibit.evidence, exhibit.painting), calm() ? 0 : WARM_MS);
    later(() => {
      place = (place + 1) % exhibits.length;
      timers = [];
      hang();
    }, EACH_MS);
  }, picture.src && !calm() ? FADE_MS : 0);
}

/** Writes what is shown; again after a change of language. */
export function name() {
  const text = styles().find((style) => style.identifier === exhibits?.[place]?.style);
  $("attract-style").textContent = text?.name ?? "";
  $("attract-years").textContent = text?.years ?? "";
}

export const isAttracting = () => dialog.open;

export async function attract() {
  if (dialog.open) return;
  dialog.showModal();
  $("attract-title").focus(); // and not the button: a ring round it would catch the eye of everybody who passes
  try {
    exhibits ??= (await (await fetch(new URL("attract.json", folder))).json()).filter(({ style }) =>
      styles().some(({ identifier }) => identifier === style));
  } catch {
    exhibits = null; // without its pictures there is still the invitation
  }
  if (exhibits?.length && dialog.open) hang();
}

export function greet() {
  timers.forEach(clearTimeout);
  timers = [];
  if (dialog.open) dialog.close();
}

$("begin").addEventListener("click", greet);
dialog.addEventListener("click", greet);
dialog.addEventListener("keydown", greet);
dialog.addEventListener("close", greet);
