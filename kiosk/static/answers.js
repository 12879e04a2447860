// What the kiosk says, in words. No DOM here: a state of the API comes in, a label goes out.

import { knows, list, percent, styles, t } from "./words.js";

// Cut points of the calibrated confidence; the number stands beside the words.
const SURENESS = [[0.92, 5], [0.75, 4], [0.55, 3], [0.4, 2], [0, 1]];

const ALTERNATIVES = 3; // other styles that are named

// What is no style: the line above the headline, and whether the words of guidance are the note.
const OTHER_ANSWERS = {
  unknown_style: { over: "looked_closely" },
  no_painting: { over: "looking" },
  too_dark: { over: "looking" },
  too_blurred: { over: "looking" },
  covered: { over: "looking" },
  model_fault: { over: "sorry" },
};

const NOTHING_SEEN = ["no_painting", "too_dark", "too_blurred"];

// The camera, where it does not just work.
const CAMERA = { searching: "searching_over", recovering: "one_moment", failed: "failed_over" };

// By `error.code` of the API, and by HTTP status for a code that is not known here.
const TROUBLE = {
  no_image: "no_image",
  unreadable_image: "unreadable",
  unsupported_type: "other_type",
  too_many_bytes: "too_large",
  too_many_pixels: "too_large",
  not_ready: "asleep",
  busy: "busy",
  400: "unreadable",
  413: "too_large",
  415: "other_type",
  503: "asleep",
  unknown: "wrong",
  network: "network",
  camera: "no_camera",
};

const EMPTY = {
  kind: "starting",
  over: "",
  headline: "",
  sure: "",
  percent: "",
  years: "",
  note: "",
  where: "",
  lookFor: "",
  alternatives: [],
  guidance: "",
  style: null, // identifier
  evidence: null,
};

// By the number that is shown: nobody reads 92 % and another word than the next visitor.
export function sureness(confidence) {
  const shown = Math.round(100 * confidence) / 100;
  return t(`sure_${SURENESS.find(([least]) => shown >= least)?.[1] ?? 1}`);
}

/** The label for a state of `/api/state`. `mayBring`: whether visitors may show a picture of their own. */
export function describe(state, mayBring = true) {
  if (!state.model) return { ...EMPTY, headline: t("greeting"), note: t("waking") };
  if (state.camera in CAMERA) return aboutCamera(state.camera, state.camera_fault, mayBring);
  const status = state.camera_fault === "black" ? "covered" : state.status;
  const guidance = advice(state.guidance, !mayBring && state.source?.kind === "camera");
  if (status === "recognised") return named(state, guidance);
  if (!(status in OTHER_ANSWERS)) return { ...EMPTY, headline: t("greeting"), note: t("opening") };
  const label = { ...EMPTY, kind: status, over: t(OTHER_ANSWERS[status].over), headline: t(status) };
  if (status === "no_painting") return { ...label, note: guidance || t("guidance_show_painting") };
  if (status !== "unknown_style") return { ...label, note: t(`${status}_note`) };
  const over = knows(`${state.view}_looked`) ? t(`${state.view}_looked`) : label.over;
  const known = list(styles().map((style) => style.name));
  return { ...label, over, note: t("unknown_style_note", { styles: known }), guidance };
}

function named(state, guidance) {
  const text = styles().find((style) => style.key === state.style) ?? { name: state.style };
  const others = Object.entries(state.probabilities)
    .filter(([key]) => key !== state.style)
    .sort(([, one], [, two]) => two - one)
    .slice(0, ALTERNATIVES);
  return {
    ...EMPTY,
    kind: "recognised",
    over: t(knows(`${state.view}_looks_like`) ? `${state.view}_looks_like` : "this_looks_like"),
    headline: text.name,
    sure: sureness(state.confidence),
    percent: percent(state.confidence),
    years: text.years ?? "",
    note: text.about ?? "",
    where: state.evidence && text.look_for ? t(`where_${state.evidence.where}`) : "",
    lookFor: text.look_for ?? "",
    alternatives: others.map(([key, share]) => ({
      name: styles().find((style) => style.key === key)?.name ?? key,
      share,
      percent: percent(share),
    })),
    guidance,
    style: text.identifier ?? null,
    evidence: state.evidence ?? null,
  };
}

function aboutCamera(camera, fault, mayBring) {
  // A short break is over before a picture is found.
  const meanwhile = mayBring && camera !== "recovering" ? t("until_then") : "";
  const note = sentences(t(`fault_${fault}`), t(`${camera}_note`), meanwhile);
  return { ...EMPTY, kind: "searching", over: t(CAMERA[camera]), headline: t(camera), note };
}

// A code without words says nothing. Whoever stands before a kiosk `onTheWall` moves the painting, not the kiosk.
function advice(code, onTheWall) {
  if (!code) return "";
  return t(onTheWall && knows(`wall_${code}`) ? `wall_${code}` : `guidance_${code}`);
}

/** The label for an answer of `/api/classify` about a picture that somebody has brought: there is no camera in it that
 * could be held otherwise, and nothing to wait for. */
export function ofBrought(answer) {
  const label = describe(answer);
  if (!NOTHING_SEEN.includes(label.kind)) return label;
  const headline = label.kind === "no_painting" ? t("brought_no_painting") : label.headline;
  return { ...label, over: t("looked_closely"), headline, note: t("brought_note") };
}

/** Sentences one after the other; without a space where the language writes none. */
export function sentences(...texts) {
  return texts.filter(Boolean).reduce((all, text) => (/[。！？]$/.test(all) ? all + text : `${all} ${text}`), "").trim();
}

/** What is said aloud of a label. */
export function aloud(label) {
  if (label.kind !== "recognised") return sentences(`${label.headline}.`, label.note);
  return sentences(`${label.headline}.`, `${label.sure}.`, label.note, label.where, label.lookFor);
}

/** An answer of `/api/classify` about a view, not a picture: where no painting was found in it, what is none
 * of the styles is most likely no painting at all. */
export function asView(answer) {
  if (answer.view !== "whole") return answer;
  const status = answer.status === "unknown_style" ? "no_painting" : answer.status;
  return { ...answer, status, guidance: "show_painting" };
}

/** The label for something that did not work: the first of `reasons` (a code, an HTTP status) that is known. */
export function trouble(reasons) {
  const key = TROUBLE[reasons.find((reason) => reason in TROUBLE) ?? "unknown"];
  return { ...EMPTY, kind: "trouble", over: t("sorry"), headline: t(key), note: t(`${key}_note`) };
}

export const looking = () => ({ ...EMPTY, kind: "looking", over: t("one_moment"), headline: t("let_me_look") });
