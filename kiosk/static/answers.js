// What the kiosk says, in words. No DOM here: a state of the API comes in, a label goes out.

// Cut points of the calibrated confidence; the number stands beside the words.
const SURENESS = [
  [0.92, "Almost certain"],
  [0.75, "Quite sure"],
  [0.55, "Fairly sure"],
  [0.4, "Leaning this way"],
  [0, "Only a guess"],
];

// What the camera, or whoever holds it, should do; by the codes of the API.
const GUIDANCE = {
  show_painting: "Show me one whole painting, with a little of the wall around it.",
  come_closer: "Bring me a little closer, please.",
  step_back: "Take me a step back, please: I cannot see all of it.",
  step_left: "Move me a little to the left, please.",
  step_right: "Move me a little to the right, please.",
  tilt_up: "Point me a little higher, please.",
  tilt_down: "Point me a little lower, please.",
  hold_still: "Hold me still for a moment, please.",
  more_light: "A little more light on the painting would help.",
  less_glare: "A lamp is mirrored in the painting. Try another angle.",
};

// Where no painting was found, what was looked at instead is said.
const INSTEAD = {
  centre: { like: "The middle of my view looks like", looked: "I have looked at the middle of my view" },
  whole: { like: "The whole picture looks like", looked: "I have looked at the whole picture" },
};

const OTHER_ANSWERS = {
  unknown_style: {
    over: "I have looked closely",
    headline: (styles) => `None of the ${inWords(styles.length)} styles I know`,
    note: (styles) => `I have learned ${list(styles)}. Most of painting is something else, and the label on the wall knows more than I do.`,
  },
  no_painting: {
    over: "I am looking",
    headline: () => "No painting in view",
    note: (styles, guidance) => GUIDANCE[guidance] ?? GUIDANCE.show_painting,
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
  covered: {
    over: "I am looking",
    headline: () => "Something covers my lens",
    note: () => "Or there is no light here at all. As soon as I can see again, I will look.",
  },
  model_fault: {
    over: "I am sorry",
    headline: () => "I cannot think just now",
    note: () => "Something inside me does not work. Please tell someone who works here.",
  },
};

const CAMERA = {
  searching: {
    kind: "searching",
    over: "The wall is empty",
    headline: "No camera is connected",
    note: "I keep looking for one. Until then, show me a picture: drop it on this page, choose a file, or use the camera of the device you hold.",
  },
  recovering: {
    kind: "searching",
    over: "One moment, please",
    headline: "I have lost my view",
    note: "I am trying to get it back.",
  },
  failed: {
    kind: "searching",
    over: "I keep trying",
    headline: "My camera needs help",
    note: "Please tell someone who works here. Until then you can show me a picture of your own.",
  },
};

// Why, where there is more to say than that no camera is there.
const CAMERA_FAULT = {
  stream_lost: "The connection to the camera is broken.",
  busy: "Something else is using the camera.",
  not_permitted: "I am not allowed to use the camera.",
  unreadable: "I cannot read what I was given to look at.",
  no_frames: "The camera is there, but it sends no picture.",
  hung: "The camera has gone silent.",
  frozen: "The camera shows the same moment again and again.",
  corrupt: "The camera’s picture arrives in pieces.",
  crashed: "The camera has stumbled.",
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

const EMPTY = { kind: "starting", over: "", headline: "", sure: "", percent: "", note: "", period: "", bars: null, guidance: "" };

/** The label for a state of `/api/state` or an answer of `/api/classify`. */
export function describe(state, styles, notes) {
  if (!state.model) {
    return { ...EMPTY, headline: "Good day", note: "I am just waking up. My model will be ready in a moment." };
  }
  const camera = CAMERA[state.camera];
  if (camera) {
    const why = CAMERA_FAULT[state.camera_fault];
    return { ...EMPTY, ...camera, note: why ? `${why} ${camera.note}` : camera.note };
  }
  const status = state.camera_fault === "black" ? "covered" : state.status;
  const instead = INSTEAD[state.view];
  const guidance = GUIDANCE[state.guidance] ?? "";
  if (status === "recognised") {
    const identifier = styles.find((style) => style.name === state.style)?.identifier;
    const about = notes[identifier];
    return {
      kind: "recognised",
      over: instead?.like ?? "This looks like",
      headline: state.style,
      sure: sureness(state.confidence),
      percent: percent(state.confidence),
      note: about?.look_for ?? "",
      period: about?.period ?? "",
      bars: state.probabilities,
      guidance,
    };
  }
  const other = OTHER_ANSWERS[status];
  if (other) {
    const names = styles.map((style) => style.name);
    const label = { ...EMPTY, kind: status, over: other.over, headline: other.headline(names), note: other.note(names, state.guidance) };
    // The others ask for something themselves, and shares of six styles mean nothing where there is no
    // painting to share out.
    if (status !== "unknown_style") return label;
    return { ...label, over: instead?.looked ?? other.over, bars: state.probabilities, guidance };
  }
  return { ...EMPTY, headline: "Good day", note: "I am opening my eyes." };
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
  const [headline, note] = TROUBLE[reasons.find((reason) => reason in TROUBLE) ?? "unknown"];
  return { ...EMPTY, kind: "trouble", over: "I am sorry", headline, note };
}

export const LOOKING = { ...EMPTY, kind: "looking", over: "One moment", headline: "Let me look" };

function inWords(count) {
  return ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"][count] ?? String(count);
}

function list(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
