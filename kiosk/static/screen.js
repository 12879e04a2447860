// Writes on the page, and only where something has changed: what does not change does not flicker,
// and a screen reader is not told the same thing twice. Data is written as text, never as markup.

import { sentences } from "./answers.js";
import { cropper } from "./crop.js";
import { evidence } from "./evidence.js";
import { glider } from "./outline.js";
import { calm } from "./reading.js";
import { number, say, t } from "./words.js";

const ASKED_MS = 250; // ms for which something must be asked for before it is: what comes and goes cannot be read

// How small the text of the label may become so that all of it stays in sight, and in which steps (shares of 1).
const LEAST_FIT = 0.62, FIT_STEP = 0.04;

const $ = (id) => document.getElementById(id);
const rows = [...$("alternatives").children];
const label = document.querySelector(".room .label"), text = label.querySelector(".text");

function write(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}

/** Puts a label (see answers.js) on the page. */
export function show(said) {
  const changed = $("headline").textContent !== said.headline;
  let differs = document.body.dataset.kind !== said.kind;
  if (differs) document.body.dataset.kind = said.kind;
  for (const name of ["over", "headline", "sure", "percent", "years", "note", "where"])
    differs = write($(name), said[name]) || differs;
  // With the blank before it that the language has between sentences.
  differs = write($("look-for"), sentences(said.where, said.lookFor).slice(said.where.length)) || differs;
  $("look").hidden = !said.lookFor;
  if (changed && !calm()) {
    const entrance = [{ opacity: 0, transform: "translateY(10px)" }, { opacity: 1, transform: "none" }];
    text.animate(entrance, { duration: 600, easing: "cubic-bezier(.2,.7,.2,1)" });
  }
  differs = alternatives(said.alternatives) || differs;
  guidance(said.guidance);
  if (differs) requestAnimationFrame(fit); // once all else of this answer stands there, and before it is drawn
}

function alternatives(others) {
  let differs = $("could-be").hidden !== !others.length;
  $("could-be").hidden = !others.length;
  rows.forEach((row, i) => {
    const other = others[i];
    row.hidden = !other;
    if (!other) return;
    differs = write(row.querySelector(".alternative"), other.name) || differs;
    write(row.querySelector(".share"), other.percent);
    row.querySelector(".level").style.transform = `scaleX(${other.share.toFixed(3)})`;
  });
  return differs;
}

// Makes the text of the label as large as it may be with all of it in sight, without the other styles if that helps.
// Where even that does not do, the text scrolls, with all of it; a phone scrolls in any case.
function fit() {
  const scrolls = matchMedia("(max-aspect-ratio: 1/1) and (max-width: 699px)").matches;
  const isCut = () => [label, text].some((one) => one.scrollHeight > one.clientHeight + 1);
  const set = (share, isTight) => {
    document.documentElement.style.setProperty("--fit", share.toFixed(2));
    document.body.toggleAttribute("data-tight", isTight);
    return scrolls || !isCut();
  };
  for (const isTight of [false, true])
    for (let share = 1; share >= LEAST_FIT; share -= FIT_STEP) if (set(share, isTight)) return;
  set(LEAST_FIT, false);
}
// Whatever else takes room from the text or gives it back: the screen, a button, a caption, a font.
const room = new ResizeObserver(fit);
for (const part of [label, ...label.children, ...text.children]) room.observe(part);

let asked = "", asking = 0;

function guidance(text) {
  if (text === asked) return;
  asked = text;
  clearTimeout(asking);
  asking = setTimeout(() => write($("guidance"), text), ASKED_MS);
}

const outline = glider((quads) => draw("painting", quads.map(closed)));
const others = glider((quads) => draw("others", quads.map(closed)));

// From the picture to the stage, as the drawing on it is laid out.
function onStage([x, y]) {
  const drawn = $("guide").getScreenCTM();
  const stage = $("evidence").parentElement.getBoundingClientRect();
  return [drawn.a * x + drawn.e - stage.left, drawn.d * y + drawn.f - stage.top];
}
const heat = evidence($("evidence"), onStage, calm);
new ResizeObserver(heat.rehang).observe($("guide"));

/** Draws on the picture what of it was `seen` (an answer of the API): an outline around each painting, or,
 * where the middle or a fixed region is looked at instead, its four corners as an invitation.
 *
 * `frame` is the size of the picture that the answer is about; `fit` says how it is fitted on the stage:
 * "slice" like object-fit: cover, "meet" like contain. Without `seen` nothing is drawn. `warm`: the evidence too. */
export function guide(frame, seen, fitted, warm = false) {
  const shown = frame?.width && frame?.height ? seen : null;
  if (shown) {
    set($("guide"), "viewBox", `0 0 ${frame.width} ${frame.height}`);
    set($("guide"), "preserveAspectRatio", `xMidYMid ${fitted}`);
  }
  outline(shown?.painting ? [shown.painting] : [], calm());
  others(shown?.others ?? [], calm());
  draw("corners", INVITING.includes(shown?.view) ? [cornerPath(shown.region)] : []);
  const shares = warm ? shown?.evidence?.shares : null;
  heat.show(shares, shown?.painting ?? shown?.region);
  $("legend").hidden = !(shares && shown?.region);
}

const stage = document.querySelector(".room .stage"), free = stage.querySelector(".free");
const lay = cropper((box, glides) => {
  stage.classList.toggle("glides", glides && !calm());
  stage.classList.toggle("short", box.height < stage.clientHeight - 1);
  for (const [side, value] of Object.entries(box)) stage.style.setProperty(`--${side}`, `${value.toFixed(1)}px`);
});
let hung = null;

/** Has the live picture, of `size`, lie on the stage so that what was `seen` in it is in sight; all of it if `whole`. */
export function hang(size, seen, whole) {
  if (!size.width || !size.height) return;
  hung = [size, seen, whole];
  const room = { width: stage.clientWidth, height: stage.clientHeight };
  const { offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height } = free;
  lay(size, room, { left, top, width, height }, seen?.painting ?? seen?.region ?? null, whole);
}
new ResizeObserver(() => hung && hang(...hung)).observe(free);

const INVITING = ["centre", "region"];

// Where nothing is left to draw, what was there fades out.
function draw(id, paths) {
  $(id).classList.toggle("shown", paths.length > 0);
  if (!paths.length) return;
  for (const path of $(id).children) set(path, "d", paths.join(" "));
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function closed(quad) {
  return `M${quad.map((point) => point.map((value) => value.toFixed(1))).join(" L")} Z`;
}

// Each corner is drawn a little inside the region, as two short arms.
function cornerPath(region) {
  const inset = 0.022, arm = 0.055;
  const centre = [0, 1].map((axis) => region.reduce((sum, point) => sum + point[axis], 0) / 4);
  const mix = (a, b, share) => a.map((value, axis) => (value + (b[axis] - value) * share).toFixed(1));
  const corners = region.map((point) => mix(point, centre, 2 * inset).map(Number));
  return corners.map((corner, i) => {
    const before = mix(corner, corners[(i + 3) % 4], arm), after = mix(corner, corners[(i + 1) % 4], arm);
    return `M${before} L${corner} L${after}`;
  }).join(" ");
}

/** Which picture is on the stage: "live", "still" or "own". */
export function view(name) {
  document.body.dataset.view = name;
  $("still").hidden = name !== "still";
  $("own").hidden = name !== "own";
  $("back").hidden = name === "live";
  guidance("");
  write($("guidance"), "");
  if (name !== "live") {
    $("live").hidden = true;
    $("empty").hidden = true;
    caption("");
  }
}

/** What the visitor may do about this label: see where, and where that is set take it along. */
export function offer(said, takeAway) {
  $("show-where").hidden = !said.evidence;
  $("take").hidden = !said.style || !takeAway;
}

/** With no camera, an empty frame hangs on the wall. */
export function emptyWall(empty) {
  $("empty").hidden = !empty;
  $("live").hidden = empty;
}

export function caption(text) {
  write($("caption"), text);
  $("caption").hidden = !text;
}

export const model = (name) => write($("model"), name);

export function timing(ms) {
  write($("timing"), Number.isFinite(ms) ? ` · \u2066${number(ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms))} ms\u2069` : "");
}

export function connection(lost) {
  write($("connection"), lost ? t("reconnecting") : "");
  document.body.toggleAttribute("data-stale", lost);
}

export function backTo(camera) {
  say($("back"), camera ? "back_to_camera" : "back");
}

const GLOW_MS = 400; // ms between two looks at the picture's colours: slower than they are seen to change

/** Has the colours of the picture glow on behind the label: a picture of 8 by 5, which the browser makes large. */
export function glow(pictures) {
  const to = $("glow").getContext("2d");
  setInterval(() => {
    const picture = pictures.find((one) => !one.hidden && (one.naturalWidth || one.videoWidth));
    if (picture && !document.hidden) {
      to.drawImage(picture, 0, 0, 8, 5);
      goOn(picture);
    }
    $("glow").classList.toggle("shown", Boolean(picture));
  }, GLOW_MS);
}

const EDGE = 0.04; // share of the picture's height at its edges whose colours go on beyond it

function goOn(picture) {
  const width = picture.naturalWidth || picture.videoWidth, height = picture.naturalHeight || picture.videoHeight;
  const to = $("beyond").getContext("2d");
  to.drawImage(picture, 0, 0, width, EDGE * height, 0, 0, 8, 1);
  to.drawImage(picture, 0, (1 - EDGE) * height, width, EDGE * height, 0, 1, 8, 1);
}
