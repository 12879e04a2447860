// Pictures that a visitor brings: a file, or this device's own camera. They are sent to the kiosk's
// process, answered and forgotten; nothing is stored here or there.

const PAUSE_MS = 600; // ms between two questions, so that a tablet asks less than twice a second
const MOST_PIXELS = 720; // px of a side sent from this device's camera; the network looks at far less

/** Asks what a picture shows. Throws {reasons}: the API's code and the HTTP status, or "network". */
export async function classify(picture) {
  const form = new FormData();
  form.append("image", picture, "picture");
  let response;
  try {
    response = await fetch("/api/classify", { method: "POST", body: form });
  } catch {
    throw { reasons: ["network"] };
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok || !answer) throw { reasons: [answer?.error?.code, response.status] };
  return answer;
}

/** Runs this device's camera in `video`, and calls `answered(answer, region)` about twice a second.
 *
 * Like the kiosk's own camera it looks at the central square; `region` is that, as four corners. */
export function ownCamera(video, answered, failed) {
  const canvas = document.createElement("canvas");
  let tracks = null;
  let turn = 0; // a stopped run must not answer after a new one has begun

  async function start() {
    const mine = ++turn;
    let media;
    try {
      media = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } },
      });
    } catch {
      if (mine === turn) failed(["camera"]);
      return;
    }
    if (mine !== turn) {
      media.getTracks().forEach((track) => track.stop());
      return;
    }
    tracks = media.getTracks();
    tracks[0].onended = () => mine === turn && failed(["camera"]);
    video.srcObject = media;
    await video.play().catch(() => {});
    video.classList.add("shown");
    while (mine === turn) {
      await look(mine);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async function look(mine) {
    if (!video.videoWidth) return;
    const side = Math.min(video.videoWidth, video.videoHeight);
    const left = (video.videoWidth - side) / 2, top = (video.videoHeight - side) / 2;
    const region = [[left, top], [left + side, top], [left + side, top + side], [left, top + side]];
    canvas.width = canvas.height = Math.min(side, MOST_PIXELS);
    canvas.getContext("2d").drawImage(video, left, top, side, side, 0, 0, canvas.width, canvas.height);
    const picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
    try {
      const answer = await classify(picture);
      if (mine === turn) answered(answer, region);
    } catch (error) {
      if (mine === turn) failed(error.reasons, { goesOn: true });
    }
  }

  function stop() {
    turn += 1;
    tracks?.forEach((track) => track.stop());
    tracks = null;
    video.srcObject = null;
    video.classList.remove("shown");
  }
  return { start, stop };
}

/** Whether this browser lets a page ask for a camera at all (it does not over plain http). */
export function hasOwnCamera() {
  return Boolean(navigator.mediaDevices?.getUserMedia);
}

/** Calls `chosen(file)` for a file that is picked with the button or dropped anywhere on the page. */
export function offerPictures(button, input, chosen) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    if (file) chosen(file);
    input.value = ""; // so that the same file can be chosen again
  });
  let depth = 0; // dragenter and dragleave also come from every element inside
  const brings = (event) => event.dataTransfer?.types.includes("Files");
  const mark = () => document.body.classList.toggle("dragging", depth > 0);
  addEventListener("dragenter", (event) => brings(event) && (depth += 1, mark()));
  addEventListener("dragleave", (event) => brings(event) && (depth = Math.max(0, depth - 1), mark()));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault(); // or the browser leaves the page for the picture
    depth = 0;
    mark();
    const [file] = event.dataTransfer.files;
    if (file) chosen(file);
  });
}
