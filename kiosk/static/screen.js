// Writes on the page, and only where something has changed: what does not change does not flicker,
// and a screen reader is not told the same thing twice. Data is written as text, never as markup.

import { percent } from "./answers.js";

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

/** Draws the four corners of what is looked at, and the outline of the painting if one was found.
 *
 * `frame` is the size of the picture that the corners belong to; `fit` says how it is fitted on the
 * stage: "slice" like object-fit: cover, "meet" like contain. */
export function guide(frame, region, painting, fit) {
  const drawing = $("guide");
  const shown = Boolean(frame?.width && frame?.height && region);
  drawing.style.opacity = shown ? "1" : "0";
  if (!shown) return;
  const attributes = { viewBox: `0 0 ${frame.width} ${frame.height}`, preserveAspectRatio: `xMidYMid ${fit}` };
  for (const [name, value] of Object.entries(attributes)) {
    if (drawing.getAttribute(name) !== value) drawing.setAttribute(name, value);
  }
  set($("corners"), "d", cornerPath(region));
  set($("painting"), "points", (painting ?? []).map((point) => point.join(",")).join(" "));
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
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
