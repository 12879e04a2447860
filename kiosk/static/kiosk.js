// The visitor's page. Three views: the kiosk's camera (live), a picture that was brought (still),
// and the camera of the device in hand (own). The live view is where everything returns to.

import { LOOKING, asView, describe, trouble } from "./answers.js";
import { follow, stream } from "./live.js";
import { classify, hasOwnCamera, offerPictures, ownCamera } from "./pictures.js";
import * as screen from "./screen.js";

const IDLE_MS = 120_000; // ms after which a visitor's picture leaves the screen of a kiosk with a camera

const $ = (id) => document.getElementById(id);
const live = $("live"), still = $("still");
const picture = stream(live, "/stream.mjpg");
let view = "live";
let state = null; // the last one heard, kept for the way back
let notes = {};
let asked = 0; // a slow answer to an earlier picture must not overwrite a later one
let idle = 0;
let said = ""; // by the last answer about this device's camera

function showLive() {
  if (view !== "live" || !state) return;
  const sees = state.camera === "live";
  // While a picture is being brought back, the last one stays, dimmed.
  const returns = state.camera === "recovering" && live.classList.contains("shown");
  document.body.dataset.camera = state.camera;
  screen.emptyWall(!sees && !returns);
  if (sees || returns) picture.start();
  else picture.stop();
  const label = describe(state, screen.styles, notes);
  screen.show(label);
  const size = { width: live.naturalWidth, height: live.naturalHeight };
  // A picture from a folder is looked at as a whole, so it is shown as a whole.
  const whole = state.source?.kind === "folder";
  live.classList.toggle("whole", whole);
  screen.guide(size, sees && state.camera_fault !== "black" ? state : null, whole ? "meet" : "slice");
  screen.caption(sees && state.source?.demonstration ? state.source.caption ?? "Drawn for demonstration" : "");
  screen.timing(sees ? state.timing_ms?.total : undefined);
  $("back").textContent = sees ? "Back to the camera" : "Back";
}

function go(name) {
  view = name;
  asked += 1;
  if (name !== "own") own.stop();
  if (name !== "live") picture.stop();
  if (name !== "still" && still.src) {
    URL.revokeObjectURL(still.src);
    still.removeAttribute("src");
  }
  screen.view(name);
  screen.guide(null);
  $("use-own").hidden = name === "own" || !hasOwnCamera();
  screen.timing(undefined);
}

function back() {
  if (view === "live") return;
  const hadFocus = document.activeElement === $("back") || document.activeElement === document.body;
  go("live");
  showLive();
  if (hadFocus) $("choose").focus();
}

async function lookAt(file) {
  go("still");
  const mine = asked;
  screen.show(LOOKING);
  still.hidden = true; // until it has loaded: a file that is no picture must not leave a broken image
  still.src = URL.createObjectURL(file);
  still.onload = () => {
    still.parentElement.style.setProperty("--ratio", (still.naturalWidth / still.naturalHeight).toFixed(4));
    still.hidden = view !== "still";
  };
  $("back").focus();
  try {
    const answer = await classify(file);
    if (mine !== asked) return;
    // Whoever shows a picture cannot move what is in it.
    screen.show(describe({ ...answer, guidance: null }, screen.styles, notes));
    screen.timing(answer.timing_ms?.total);
    await still.decode().catch(() => {});
    if (mine === asked) screen.guide({ width: still.naturalWidth, height: still.naturalHeight }, answer, "meet");
  } catch (error) {
    if (mine === asked) screen.show(trouble(error.reasons));
  }
}

const own = ownCamera(
  $("own"),
  (answer, size) => {
    const label = describe(asView(answer), screen.styles, notes);
    // Single frames are judged one by one: only what two in a row say is said.
    if (label.headline === said) screen.show(label);
    said = label.headline;
    screen.guide(size, answer, "slice");
    screen.timing(answer.timing_ms?.total);
  },
  (reasons, { goesOn = false } = {}) => {
    if (!goesOn) own.stop();
    screen.show(trouble(reasons));
  },
);

function rest() {
  clearTimeout(idle);
  idle = setTimeout(() => state?.camera === "live" && back(), IDLE_MS);
}

offerPictures($("choose"), $("file"), lookAt);
$("back").addEventListener("click", back);
$("use-own").addEventListener("click", () => {
  go("own");
  screen.show(LOOKING);
  said = "";
  $("back").focus();
  own.start();
});
$("use-own").hidden = !hasOwnCamera();
addEventListener("keydown", (event) => event.key === "Escape" && back());
live.addEventListener("load", showLive, { once: true }); // its size is known, so that one can draw on it
for (const sign of ["pointerdown", "keydown", "drop"]) addEventListener(sign, rest);

fetch(new URL("styles.json", import.meta.url))
  .then((response) => response.json())
  .then((found) => {
    notes = found;
    showLive();
  })
  .catch(() => {}); // without its notes the label is shorter, no more

// Only after the page has loaded: an endless stream would keep the browser's tab loading for ever.
function open() {
  follow(
    "/api/events",
    (heard) => {
      state = heard;
      showLive();
    },
    (lost) => {
      screen.connection(lost);
      if (!lost) picture.restart();
    },
  );
}
if (document.readyState === "complete") open();
else addEventListener("load", open);
