// The administrator's page. What is typed is a draft until "Apply"; what is applied lasts until the next start, unless it
// is kept.

import { ask } from "./api.js";
import { closed, regionEditor, written } from "./region.js";

const LOG_MS = 2000; // ms between two looks at the log
const EXCHANGE_MS = 400; // ms between two looks at an exchange of the bundle
const RETURN_MS = 700; // ms between two knocks at a kiosk that restarts

const $ = (id) => document.getElementById(id);
let known = null; // the settings as the kiosk has them
const forms = [...document.querySelectorAll("form[data-settings]")];

// --- settings ---

const editor = regionEditor((text) => {
  $("region").value = text;
  $("region").dispatchEvent(new Event("input", { bubbles: true }));
});

function fields(form) {
  return [...form.elements].filter((element) => element.name);
}

/** A field's value as the API takes it. */
function drafted(field) {
  if (field.type === "checkbox") return field.checked;
  const text = field.value.trim();
  if ("auto" in field.dataset) return text || "auto";
  if ("none" in field.dataset && (!text || field.disabled)) return "none";
  return "number" in field.dataset ? Number(text) : text;
}

/** A setting as its field shows it. */
function shown(name, value) {
  if (name === "camera_size") return value.join("x");
  if (name === "region") return value ? written(value) : "";
  return value ?? "";
}

function fill(form) {
  for (const field of fields(form)) {
    const value = known.values[field.name];
    if (field.type === "checkbox") field.checked = value;
    else field.value = shown(field.name, value);
    const limits = known.facts.find((fact) => fact.name === field.name);
    if (field.type === "number" && limits.least !== undefined) field.min = limits.least;
    if (field.type === "number" && limits.most !== undefined) field.max = limits.most;
  }
  for (const list of form.querySelectorAll("[data-list]")) {
    for (const box of list.querySelectorAll("input")) box.checked = known.values[list.dataset.list].includes(box.value);
  }
  for (const box of form.querySelectorAll("[data-none-for]")) {
    const field = $(box.dataset.noneFor), none = known.values[field.name] === null;
    box.checked = field.disabled = none;
    if (none) field.value = known.threshold;
  }
  if (form.elements.region) editor.show(known.values.region);
  note(form);
}

/** What was typed and not applied, by name. */
function draft(form) {
  const wanted = {};
  for (const field of fields(form)) {
    const before = known.values[field.name], now = drafted(field);
    const same = field.type === "checkbox" ? now === before : String(now === "none" ? "" : now) === String(field.name === "exposure" ? before ?? "auto" : shown(field.name, before));
    if (!same) wanted[field.name] = now;
    field.closest(".field").classList.toggle("changed", !same);
  }
  for (const list of form.querySelectorAll("[data-list]")) {
    const before = known.values[list.dataset.list];
    const ticked = [...list.querySelectorAll("input:checked")].map((box) => box.value);
    const now = [...before.filter((code) => ticked.includes(code)), ...ticked.filter((code) => !before.includes(code))];
    const same = now.join() === before.join();
    if (!same) wanted[list.dataset.list] = now;
    list.classList.toggle("changed", !same);
  }
  return wanted;
}

function note(form) {
  form.querySelector("button[type=submit]").disabled = !Object.keys(draft(form)).length;
  $("least").textContent = Number($("least_known").value).toFixed(2);
}

function say(element, text, good = false) {
  element.textContent = text;
  element.classList.toggle("good", good);
}

for (const form of forms) {
  const says = form.querySelector(".says");
  form.addEventListener("input", (event) => {
    if (!known) return;
    if (event.target.dataset.noneFor) $(event.target.dataset.noneFor).disabled = event.target.checked;
    if (event.target === $("region") && event.isTrusted) editor.type($("region").value);
    say(says, "");
    note(form);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = draft(form);
    try {
      take(await ask("PATCH", "settings", wanted), form);
      const late = Object.keys(wanted).filter((name) => known.waiting.includes(name));
      say(says, late.length ? "Takes effect at the next start." : "Applied.", true);
    } catch (error) {
      say(says, error.message);
      const named = fields(form).find((field) => error.message.startsWith(`${field.name}:`));
      named?.focus();
    }
  });
}

/** Show the settings as they are now; drafts in other forms than `applied` stay. */
function take(settings, applied = null) {
  const first = known === null;
  const drafts = first ? [] : forms.filter((form) => form !== applied && Object.keys(draft(form)).length);
  known = settings;
  $("threshold").textContent = settings.threshold.toFixed(2);
  say($("doubts"), settings.doubts.map((doubt) => `${doubt}.`).join(" "));
  for (const form of forms) if (!drafts.includes(form)) fill(form);
  tabulate();
  const names = settings.unkept;
  $("keeping").hidden = !names.length;
  say($("kept-says"), "");
  const words = titles(names);
  $("unkept").textContent = names.length ? `Until the next start only: ${words}.` : "";
  $("sure-lost").textContent = names.length ? `What is not kept is lost: ${words}.` : "";
}

function tabulate() {
  write($("file"), known.file ? `Read from ${known.file}; the environment and flags go before it.` : "There is no settings file yet; “Keep” makes one.");
  $("facts").replaceChildren(...known.facts.map((fact) => {
    const marks = [];
    if (known.unkept.includes(fact.name)) marks.push("not kept");
    if (known.waiting.includes(fact.name)) marks.push("at the next start");
    const row = document.createElement("tr");
    const name = cell("th", fact.name), now = cell("td", fact.text);
    name.scope = "row";
    if (marks.length) {
      const mark = document.createElement("span");
      mark.className = "mark";
      mark.textContent = ` (${marks.join(", ")})`;
      now.append(mark);
    }
    row.append(name, now, cell("td", fact.origin ?? (known.unkept.includes(fact.name) ? "this page" : "default")), cell("td", fact.about));
    return row;
  }));
}

function cell(tag, text) {
  const element = document.createElement(tag);
  write(element, text);
  return element;
}

/** Writes `text`, in which a path may end its line after each of its parts. */
function write(element, text) {
  const parts = text.split(/(?<=\/)(?=[^/])/);
  element.replaceChildren(...parts.flatMap((part, i) => (i ? [document.createElement("wbr"), part] : [part])));
}

/** Settings as their fields are called, to be read in a sentence. */
function titles(names) {
  const title = (name) => $(name)?.dataset.title ?? document.querySelector(`label[for="${name}"], [data-list="${name}"] legend`)?.textContent ?? name;
  return names.map((name) => `“${title(name)}”`).join(", ");
}

$("keep").addEventListener("click", async () => {
  const overruled = known.facts.filter((fact) => fact.overruled && known.unkept.includes(fact.name));
  try {
    const settings = await ask("POST", "keep");
    take(settings);
    write($("file"), `Kept in ${settings.file}.`);
    const drafted = forms.flatMap((form) => Object.keys(draft(form)));
    const but = [
      overruled.length && `A flag or the environment sets ${titles(overruled.map((fact) => fact.name))} again at the next start.`,
      drafted.length && `Still to be applied, and then kept: ${titles(drafted)}.`,
    ].filter(Boolean);
    $("keeping").hidden = !but.length;
    say($("kept-says"), but.length ? ["Kept.", ...but].join(" ") : "");
    $("main").focus({ preventScroll: true });
  } catch (error) {
    say($("kept-says"), error.message);
  }
});
$("undo").addEventListener("click", async () => {
  try {
    const exchanges = known.unkept.includes("bundle");
    const settings = await ask("POST", "undo");
    known = null; // drafts go too
    take(settings);
    for (const form of forms) say(form.querySelector(".says"), ""); // it was about what is no more
    if (exchanges) {
      say($("kept-says"), "The bundle of before is brought back …", true);
      await bundles();
    }
    $("main").focus({ preventScroll: true });
  } catch (error) {
    say($("kept-says"), error.message);
  }
});

// --- the camera's view ---

const CAMERA = { live: "The camera is live", searching: "No camera is found", recovering: "The camera is being brought back", failed: "The camera has failed; it wants a hand" };

function see(state) {
  const sees = state.camera === "live";
  const isSaid = !state.camera_fault || state.camera_fault === "no_camera"; // by the words on the camera
  const fault = isSaid ? "" : ` (${state.camera_fault.replaceAll("_", " ")})`;
  const answer = state.style ? `${state.style}, ${Math.round(100 * state.confidence)}\u00a0%` : state.status.replaceAll("_", " ");
  const parts = [`${CAMERA[state.camera]}${fault}`];
  if (sees) parts.push(`${Math.round(state.fps)} frames a second`, answer);
  if (state.model) parts.push(`${state.model.name} ${state.model.precision} on ${state.model.provider}`);
  $("seen").textContent = parts.join(" · ");
  const [width, height] = state.size ?? [];
  if (width) $("view").style.setProperty("--ratio", `${width} / ${height}`);
  $("found").setAttribute("d", sees && width && state.painting ? closed(state.painting.map(([x, y]) => [x / width, y / height])) : "");
}

function watch() {
  const events = new EventSource("/api/events");
  let asked = false;
  events.onmessage = (event) => {
    see(JSON.parse(event.data));
    if (asked) $("live").src = `/stream.mjpg?${Date.now()}`; // the picture broke off with the events
    asked = false;
  };
  events.onerror = () => {
    asked = true;
    $("seen").textContent = "The kiosk does not answer.";
  };
}

// --- bundles ---

const STEPS = {
  verify: "Checking hashes and signature …",
  load: "Loading it beside the one in use, and comparing its answers with the reference …",
  trial: "In use, and on trial …",
};
let polling = 0;

async function bundles() {
  clearTimeout(polling);
  const found = await ask("GET", "bundles");
  const chosen = $("offers").querySelector("input:checked")?.value;
  $("offers").replaceChildren(...found.bundles.map((offer, i) => {
    const row = document.createElement("div"), radio = document.createElement("input"), label = cell("label", offer.folder), about = cell("p", "");
    row.className = offer.fault ? "offer unfit" : "offer";
    Object.assign(radio, { type: "radio", name: "folder", id: `offer-${i}`, value: offer.folder, disabled: Boolean(offer.fault) || offer.in_use || found.busy, checked: offer.in_use || offer.folder === chosen });
    label.htmlFor = about.id = `offer-${i}`;
    about.id = `offer-about-${i}`;
    radio.setAttribute("aria-describedby", about.id);
    about.className = "hint";
    about.textContent = [offer.in_use && "in use", offer.name && offer.name !== offer.folder && offer.name, offer.created && `made ${offer.created}`, offer.signed && "signed", offer.fault].filter(Boolean).join(" · ");
    row.append(radio, label, about);
    return row;
  }));
  const nothing = !found.folder ? "No folder of bundles is set: bundles in the settings file, or --bundles FOLDER." : !found.bundles.length ? `There are no bundles in ${found.folder}.` : "";
  write($("in-use"), `In use: ${found.in_use.name}, from ${found.in_use.folder}`);
  write($("no-offers"), nothing);
  $("no-offers").hidden = !nothing;
  progress(found.exchange);
  choice();
  if (found.busy) polling = setTimeout(bundles, EXCHANGE_MS);
  else if (found.exchange) take(await ask("GET", "settings"));
}

function progress(exchange) {
  if (!exchange) return;
  const { step, folder, reason, seconds, before_ms: before, after_ms: after } = exchange;
  const ended = {
    done: `${folder} is in use since a moment ago: ${after} ms a picture, before ${before} ms. It took ${seconds} s.`,
    refused: `${folder} was not taken: ${reason}`,
    rolled_back: `${folder} was taken back: ${reason}`,
  }[step];
  say($("progress"), ended ?? STEPS[step], step === "done" || !ended);
}

function choice() {
  const radio = $("offers").querySelector("input:checked:not(:disabled)");
  $("exchange").querySelector("button").disabled = !radio;
}

$("offers").addEventListener("input", choice);
$("exchange").addEventListener("submit", async (event) => {
  event.preventDefault();
  const folder = $("offers").querySelector("input:checked").value;
  try {
    const begun = await ask("POST", "bundles", { folder });
    progress(begun.exchange);
    polling = setTimeout(bundles, EXCHANGE_MS);
  } catch (error) {
    say($("progress"), error.message);
  }
});

// --- the log ---

let heard = 0; // number of the last line

async function listen() {
  try {
    const { lines } = await ask("GET", `log?after=${heard}&least=${$("least-level").value}`);
    const list = $("lines"), roll = $("roll");
    const atEnd = roll.scrollHeight - roll.scrollTop - roll.clientHeight < 40;
    for (const line of lines) {
      heard = Math.max(heard, line.number);
      const row = document.createElement("li"), time = cell("time", new Date(line.time).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" }));
      row.className = line.level;
      time.dateTime = line.time;
      const level = cell("span", line.level);
      level.className = "level";
      row.append(time, level, cell("span", line.message));
      if (line.error) row.append(cell("pre", line.error));
      list.append(row);
    }
    while (list.children.length > 500) list.firstElementChild.remove();
    if (atEnd) roll.scrollTop = roll.scrollHeight;
  } catch {
    // the line above the picture says that the kiosk does not answer
  }
}

$("least-level").addEventListener("change", () => {
  heard = 0;
  $("lines").replaceChildren();
  listen();
});

// --- restart, and out ---

$("restart").addEventListener("click", () => $("sure").showModal());
$("sure").addEventListener("close", async () => {
  if ($("sure").returnValue !== "yes") return;
  $("veil").hidden = false;
  $("veil").textContent = "The kiosk restarts. One moment, please.";
  try {
    await ask("POST", "restart");
  } catch (error) {
    $("veil").textContent = error.message;
    setTimeout(() => { $("veil").hidden = true; }, 4000);
    return;
  }
  let gone = false;
  const knock = async () => {
    const back = await fetch("/readyz").then((response) => response.ok, () => false);
    if (!back) gone = true;
    // A kiosk that is quick may have come back between two knocks: then the session is gone.
    const out = back && (gone || (await fetch("/admin/api/settings")).status === 401);
    if (out) location.reload();
    else setTimeout(knock, RETURN_MS);
  };
  setTimeout(knock, RETURN_MS);
});
$("sign-out").addEventListener("click", async () => {
  await ask("POST", "sign-out").catch(() => {});
  location.reload();
});

take(await ask("GET", "settings"));
watch();
bundles();
ask("GET", "cameras").then(({ cameras }) => {
  $("cameras").replaceChildren(...cameras.map((camera) => Object.assign(document.createElement("option"), { value: camera.source, label: camera.name })));
}).catch(() => {}); // then the source is typed
listen();
setInterval(listen, LOG_MS);
