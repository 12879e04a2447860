// Writes on the page, and only where something has changed: what does not change does not flicker,
// and a screen reader is not told the same thing twice. Data is written as text, never as markup.

import { percent } from "./answers.js";
import { glider } from "./outline.js";

const ASKED_MS = 250; // ms for which something must be asked for before it is: what comes and goes cannot be read

const $ = (id) => document.getElementById(id);
const rows = [...$("bars").children];
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export const styles = rows.map((row) => ({ name: row.dataset.style, identifier: row.dataset.identifier }));

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Puts a label (see answers.js) on the page. */
export function show(label) {
  const changed = $("headline").textContent !== label.headline;
  if (document.body.dataset.kind !== label.kind) document.body.dataset.kind = label.kind;
  write($("over"), label.over);
  write($("headline"), label.headline);
  write($("sure"), label.sure);
  write($("percent"), label.percent);
  write($("note"), label.note);
  write($("period"), label.period);
  if (changed && !calm.matches) {
    const entrance = [{ opacity: 0, transform: "translateY(10px)" }, { opacity: 1, transform: "none" }];
    document.querySelector(".text").animate(entrance, { duration: 600, easing: "cubic-bezier(.2,.7,.2,1)" });
  }
  bars(label);
  guidance(label.guidance);
}

let asked = "", asking = 0;

function guidance(text) {
  if (text === asked) return;
  asked = text;
  clearTimeout(asking);
  asking = setTimeout(() => write($("guidance"), text), ASKED_MS);
}

function bars(label) {
  document.body.dataset.bars = label.bars ? "on" : "off";
  if (!label.bars) return;
  for (const row of rows) {
    const share = label.bars[row.dataset.style] ?? 0;
    row.querySelector(".level").style.transform = `scaleX(${share.toFixed(3)})`;
    write(row.querySelector(".bar-value"), percent(share));
    row.classList.toggle("named", label.kind === "recognised" && row.dataset.style === label.headline);
  }
}

const outline = glider((quads) => draw("painting", quads.map(closed)));
const others = glider((quads) => draw("others", quads.map(closed)));

/** Draws on the picture what of it was `seen` (an answer of the API): an outline around each painting, or,
 * where the middle or a fixed region is looked at instead, its four corners as an invitation.
 *
 * `frame` is the size of the picture that the answer is about; `fit` says how it is fitted on the stage:
 * "slice" like object-fit: cover, "meet" like contain. Without `seen` nothing is drawn. */
export function guide(frame, seen, fit) {
  const shown = frame?.width && frame?.height ? seen : null;
  if (shown) {
    set($("guide"), "viewBox", `0 0 ${frame.width} ${frame.height}`);
    set($("guide"), "preserveAspectRatio", `xMidYMid ${fit}`);
  }
  outline(shown?.painting ? [shown.painting] : [], calm.matches);
  others(shown?.others ?? [], calm.matches);
  draw("corners", INVITING.includes(shown?.view) ? [cornerPath(shown.region)] : []);
}

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

/** With no camera, an empty frame hangs on the wall. */
export function emptyWall(empty) {
  $("empty").hidden = !empty;
  $("live").hidden = empty;
}

export function caption(text) {
  write($("caption"), text);
  $("caption").hidden = !text;
}

export function timing(ms) {
  write($("timing"), Number.isFinite(ms) ? ` · ${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : "");
}

export function connection(lost) {
  write($("connection"), lost ? "Reconnecting" : "");
  document.body.toggleAttribute("data-stale", lost);
}
