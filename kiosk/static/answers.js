// What the kiosk says, in words. No DOM here: a state of the API comes in, a label goes out.

// Cut points of the calibrated confidence; the number stands beside the words.
const SURENESS = [
  [0.92, "Almost certain"],
  [0.75, "Quite sure"],
  [0.55, "Fairly sure"],
  [0.4, "Leaning this way"],
  [0, "Only a guess"],
];

const OTHER_ANSWERS = {
  unknown_style: {
    over: "I have looked closely",
    headline: (styles) => `None of the ${inWords(styles.length)} styles I know`,
    note: (styles) => `I have learned ${list(styles)}. Most of painting is something else, and the label on the wall knows more than I do.`,
  },
  no_painting: {
    over: "I am looking",
    headline: () => "No painting in view",
    note: () => "Let one painting fill the space between the four corners.",
  },
  too_dark: {
    over: "I am looking",
    headline: () => "It is too dark for me",
    note: () => "A little more light on the painting, and I will try again.",
  },
  too_blurred: {
    over: "I am looking",
    headline: () => "Hold still",
    note: () => "The picture is blurred. A quiet moment is all I need.",
  },
};

const CAMERA = {
  searching: {
    kind: "searching",
    over: "The wall is empty",
    headline: "No camera is connected",
    note: "I keep looking for one. Until then, show me a picture: drop it on this page, choose a file, or use the camera of the device you hold.",
  },
  failed: {
    kind: "searching",
    over: "I keep trying",
    headline: "The camera does not answer",
    note: "Something is connected, but no picture comes; its cable may need a hand. Until then you can show me a picture of your own.",
  },
};

const UNREADABLE = ["I could not read that picture", "The file may be damaged or incomplete. Please try another one."];
const TOO_LARGE = ["That picture is too large", "Please try a smaller copy of it."];
const OTHER_TYPE = ["That is not a picture I can read", "I can read JPEG, PNG and WebP files."];
const ASLEEP = ["I am not quite awake", "My model is still loading. Please try again in a moment."];

// By `error.code` of the API, and by HTTP status for a code that is not known here.
const TROUBLE = {
  no_image: ["That file is empty", "There is nothing in it that I could look at. Please try another one."],
  unreadable_image: UNREADABLE,
  unsupported_type: OTHER_TYPE,
  too_many_bytes: TOO_LARGE,
  too_many_pixels: TOO_LARGE,
  not_ready: ASLEEP,
  busy: ["One at a time, please", "Other visitors are showing me pictures. Please try again in a moment."],
  400: UNREADABLE,
  413: TOO_LARGE,
  415: OTHER_TYPE,
  503: ASLEEP,
  unknown: ["Something went wrong", "It is not your picture, it is me. Please try again in a moment."],
  network: ["I lost the connection", "The kiosk does not answer. Please try again in a moment."],
  camera: ["I may not use that camera", "This browser did not let me. You can still choose a picture instead."],
};

export function sureness(confidence) {
  return SURENESS.find(([least]) => confidence >= least)?.[1] ?? SURENESS.at(-1)[1];
}

export function percent(share) {
  const whole = Math.round(share * 100);
  if (whole === 0) return share > 0 ? "< 1 %" : "0 %";
  if (whole === 100) return share < 1 ? "> 99 %" : "100 %";
  return `${whole} %`;
}

/** The label for a state of `/api/state` or an answer of `/api/classify`. */
export function describe(state, styles, notes) {
  const empty = { kind: "starting", over: "", headline: "", sure: "", percent: "", note: "", period: "", bars: null };
  if (!state.model) {
    return { ...empty, headline: "Good day", note: "I am just waking up. My model will be ready in a moment." };
  }
  const camera = CAMERA[state.camera];
  if (camera) return { ...empty, ...camera };
  if (state.status === "recognised") {
    const identifier = styles.find((style) => style.name === state.style)?.identifier;
    const about = notes[identifier];
    return {
      kind: "recognised",
      over: "This looks like",
      headline: state.style,
      sure: sureness(state.confidence),
      percent: percent(state.confidence),
      note: about?.look_for ?? "",
      period: about?.period ?? "",
      bars: state.probabilities,
    };
  }
  const other = OTHER_ANSWERS[state.status];
  if (other) {
    const names = styles.map((style) => style.name);
    // Shares of six styles mean nothing where there is no painting to share out.
    const bars = state.status === "unknown_style" ? state.probabilities : null;
    return { ...empty, kind: state.status, over: other.over, headline: other.headline(names), note: other.note(names), bars };
  }
  return { ...empty, headline: "Good day", note: "I am opening my eyes." };
}

/** The label for something that did not work: the first of `reasons` (a code, an HTTP status) that is known. */
export function trouble(reasons) {
  const [headline, note] = TROUBLE[reasons.find((reason) => reason in TROUBLE) ?? "unknown"];
  return { kind: "trouble", over: "I am sorry", headline, sure: "", percent: "", note, period: "", bars: null };
}

export const LOOKING = {
  kind: "looking", over: "One moment", headline: "Let me look", sure: "", percent: "", note: "", period: "", bars: null,
};

function inWords(count) {
  return ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"][count] ?? String(count);
}

function list(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
