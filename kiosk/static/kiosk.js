// The visitor's page. Three views: the kiosk's camera (live), a picture that was brought (still),
// and the camera of the device in hand (own). The live view is where everything returns to.

import { aloud, asView, describe, looking, ofBrought, trouble } from "./answers.js";
import * as waiting from "./attract.js";
import { follow, stream } from "./live.js";
import { classify, hasOwnCamera, offerPictures, ownCamera } from "./pictures.js";
import * as reading from "./reading.js";
import * as screen from "./screen.js";
import * as speech from "./speech.js";
import { visits } from "./visit.js";
import { coming, json, language, offerLanguages, say, speak, styles, t } from "./words.js";

// Where nobody touches the screen, the evidence comes and goes on the painting in view: seconds of each.
const WARM_S = 8, COOL_S = 14;

const $ = (id) => document.getElementById(id);
const live = $("live"), still = $("still"), own = $("own");
const picture = stream(live, "/stream.mjpg");
let settings = json("settings"); // as `/api/settings` gives them
let learned = settings.version; // what the events called the settings when they were last learned ...
let learning = false; // ... and whether they are being asked for
let home = language().code; // the language that the screen begins with
let view = "live";
let state = null; // the last one heard, kept for the way back
let asked = 0; // a slow answer to an earlier picture must not overwrite a later one
let said = ""; // by the last answer about this device's camera
let shown = null; // redraws the present view: in another language, with or without the evidence
let seen_s = performance.now() / 1000; // when a painting was last in view
let wantsWhere = false; // the visitor asked to see the evidence
let turns = false; // it is the evidence's turn in the attract loop
let quiet = { wait: () => {}, quiet_s: () => 0, isAsking: false };

const warm = () => wantsWhere || turns;

function put(label) {
  screen.show(label);
  screen.offer(label, settings.take_away);
  if (reading.speaks()) speech.tell(label.kind === "recognised" ? aloud(label) : "", language().tag);
  if (!label.evidence && wantsWhere && view !== "own") want(false);
  $("take").dataset.style = label.style ?? "";
}

function showLive() {
  if (view !== "live" || !state) return;
  shown = showLive;
  const sees = state.camera === "live";
  // While a picture is being brought back, the last one stays, dimmed.
  const returns = state.camera === "recovering" && live.classList.contains("shown");
  document.body.dataset.camera = state.camera;
  screen.emptyWall(!sees && !returns);
  if (sees || returns) picture.start();
  else picture.stop();
  put(describe(state, settings.own_pictures));
  if (state.model) screen.model(state.model.name);
  const size = { width: live.naturalWidth, height: live.naturalHeight };
  // A picture from a folder is looked at as a whole, so it is shown as a whole.
  const whole = state.source?.kind === "folder";
  const seen = sees && state.camera_fault !== "black" ? state : null;
  screen.hang(size, seen, whole);
  screen.guide(size, seen, "slice", warm());
  screen.caption(sees && state.source?.demonstration ? drawn(state.source.caption) : "");
  screen.timing(sees ? state.timing_ms?.total : undefined);
  screen.backTo(sees);
}

// The kiosk's captions are English; whoever reads another language is told the same in short.
const drawn = (caption) => (language().code === "en" && caption) || t("drawn");

function go(name) {
  view = name;
  asked += 1;
  want(false);
  if (name !== "own") device.stop();
  if (name !== "live") picture.stop();
  if (name !== "still" && still.src) {
    URL.revokeObjectURL(still.src);
    still.removeAttribute("src");
  }
  screen.view(name);
  screen.guide(null);
  offerOwn();
  screen.timing(undefined);
}

/** Offers to bring a picture, or the camera of the device in hand. A screen on a wall has neither files nor a device
 * that anybody could hold. */
function offerOwn() {
  $("choose").hidden = !settings.own_pictures;
  $("use-own").hidden = !settings.own_pictures || view === "own" || !hasOwnCamera();
  say($("invitation"), settings.own_pictures ? "drop_here" : "");
}

function back() {
  if (view === "live") return;
  const hadFocus = document.activeElement === $("back") || document.activeElement === document.body;
  go("live");
  showLive();
  if (hadFocus) $(settings.own_pictures ? "choose" : "open-languages").focus();
}

/** Shows what `label()` says, now and in whatever language comes. */
function stand(label) {
  shown = () => put(label());
  shown();
}

async function lookAt(file) {
  go("still");
  const mine = asked;
  stand(looking);
  still.hidden = true; // until it has loaded: a file that is no picture must not leave a broken image
  still.src = URL.createObjectURL(file);
  still.onload = () => {
    still.parentElement.style.setProperty("--ratio", (still.naturalWidth / still.naturalHeight).toFixed(4));
    still.hidden = view !== "still";
  };
  $("back").focus();
  try {
    // Whoever shows a picture cannot move what is in it.
    const answer = { ...(await classify(file)), guidance: null };
    if (mine !== asked) return;
    stand(() => ofBrought(answer));
    screen.timing(answer.timing_ms?.total);
    await still.decode().catch(() => {});
    if (mine !== asked) return;
    shown = () => {
      put(ofBrought(answer));
      screen.guide({ width: still.naturalWidth, height: still.naturalHeight }, answer, "meet", warm());
    };
    shown();
  } catch (error) {
    if (mine === asked) stand(() => trouble(error.reasons));
  }
}

const device = ownCamera(
  own,
  (found, size) => {
    const answer = asView(found);
    const label = describe(answer);
    // Single frames are judged one by one: only what two in a row say is said.
    if (label.headline === said) stand(() => describe(answer));
    said = label.headline;
    screen.guide(size, answer, "slice", warm());
    screen.timing(answer.timing_ms?.total);
  },
  (reasons, { goesOn = false } = {}) => {
    if (!goesOn) device.stop();
    stand(() => trouble(reasons));
  },
);

function want(where) {
  wantsWhere = where;
  $("show-where").setAttribute("aria-pressed", String(where));
}

function showWhere(where) {
  want(where);
  turns = false;
  shown?.();
}

// --- what a visitor may choose

offerPictures($("choose"), $("file"), () => settings.own_pictures, lookAt);
// A long press on the wall's screen would open the browser's own menu, which saves files and leads elsewhere.
addEventListener("contextmenu", (event) => settings.own_pictures || event.preventDefault());
$("back").addEventListener("click", back);
$("use-own").addEventListener("click", () => {
  go("own");
  stand(looking);
  said = "";
  $("back").focus();
  device.start();
});
offerOwn();
$("show-where").addEventListener("click", () => {
  showWhere(!wantsWhere);
  // On a phone the button lies below the picture that it is about.
  if (wantsWhere) scrollTo({ top: 0, behavior: reading.calm() ? "auto" : "smooth" });
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if (wantsWhere) showWhere(false);
  else back();
});
live.addEventListener("load", showLive, { once: true }); // its size is known, so that one can draw on it

for (const [button, dialog] of [["open-languages", "languages"], ["open-reading", "reading"]]) {
  $(button).addEventListener("click", () => $(dialog).showModal());
  $(dialog).addEventListener("click", (event) => event.target === $(dialog) && $(dialog).close());
}

async function talk(code) {
  const before = language().code;
  try {
    await speak(code);
  } catch {
    return false; // the kiosk is away, and its page says so
  }
  const { name } = settings.languages.find((one) => one.code === language().code) ?? { name: language().code };
  if ($("language-name").textContent !== name) $("language-name").textContent = name;
  if (language().code !== before) speech.hush();
  offerSpeech();
  waiting.name();
  shown?.();
  return true;
}

$("languages").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  $("languages").close();
  talk(link.dataset.language);
});

reading.offerReading((mode) => {
  if (mode === "speech") speech.hush();
  shown?.();
});

const offerSpeech = () => reading.offerSpeech(settings.speech, Boolean(speech.voiceFor(language().tag)));
speech.onVoices(offerSpeech);

$("take").addEventListener("click", () => {
  const { style } = $("take").dataset;
  $("square").src = `/styles/${style}/qr.svg?lang=${language().code}`;
  $("along-style").textContent = styles().find(({ identifier }) => identifier === style)?.name ?? "";
  $("along").showModal();
});
$("along").addEventListener("click", (event) => event.target === $("along") && $("along").close());

// --- nobody there

const isChanged = () =>
  view !== "live" || wantsWhere || reading.isChanged() || language().code !== home
  || Boolean(document.querySelector("dialog.card[open]"));

function begin() {
  for (const dialog of document.querySelectorAll("dialog.card[open]")) dialog.close();
  reading.reset();
  speech.hush();
  want(false);
  back();
  scrollTo(0, 0);
  if (language().code !== home) talk(home);
  shown?.();
}

const NOBODY = ["no_painting", "too_dark", "too_blurred"];

function watchOver() {
  const now_s = performance.now() / 1000;
  const isEmpty = view === "live" && state?.model && state.camera === "live" && state.camera_fault !== "black"
    && NOBODY.includes(state.status);
  if (!isEmpty) {
    seen_s = now_s;
    waiting.greet();
  }
  const isQuiet = quiet.quiet_s() >= settings.attract_s && !quiet.isAsking;
  if (isQuiet && now_s - seen_s >= settings.attract_s && !isChanged()) waiting.attract();
  // A painting that hangs before the camera for good is its own invitation.
  const inTurn = isQuiet && view === "live" && state?.status === "recognised" && !reading.calm()
    && now_s % (WARM_S + COOL_S) < WARM_S;
  if (inTurn !== turns) {
    turns = inTurn;
    shown?.();
  }
}

/** Asks what is set and said, which the events call `version`. Where the kiosk does not answer, the next event asks. */
async function learn(version) {
  if (learning) return;
  learning = true;
  try {
    const response = await fetch("/api/settings");
    if (response.ok && (await heed(await response.json()))) learned = version;
  } catch {
    // The page says itself that the kiosk is away.
  } finally {
    learning = false;
  }
}

/** Does as is set now; false where the words for it did not come. */
async function heed(set) {
  const before = settings;
  settings = set;
  quiet.wait();
  offerLanguages($("languages").querySelector("ul"), settings.languages);
  offerOwn();
  if (!settings.own_pictures) back();
  if (!settings.take_away) $("along").close();
  const isHome = coming() === home;
  if (before.language !== settings.language) home = settings.language;
  const isOffered = (code) => settings.languages.some((one) => one.code === code);
  if (!isOffered(home)) home = settings.language;
  // Its words may be others too: the museum's texts, or another model's styles.
  return talk(isHome || !isOffered(coming()) ? home : coming());
}

quiet = visits(() => settings, isChanged, begin);
setInterval(watchOver, 500);
screen.glow([live, still, own]);

// Only after the page has loaded: an endless stream would keep the browser's tab loading for ever.
function open() {
  follow(
    "/api/events",
    (heard) => {
      state = heard;
      if (heard.settings_version !== learned) learn(heard.settings_version);
      showLive();
      watchOver();
    },
    (lost) => {
      screen.connection(lost);
      if (!lost) picture.restart();
    },
  );
}
if (document.readyState === "complete") open();
else addEventListener("load", open);
