// Pictures that a visitor brings: a file, or this device's own camera. They are sent to the kiosk's
// process, answered and forgotten; nothing is stored here or there.

const PAUSE_MS = 200; // ms between two questions: the outline keeps up, and several tablets fit beside each other
const MOST_PIXELS = 960; // px of the longest side sent from this device's camera; paintings are found in less

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

/** Runs this device's camera in `video`, and calls `answered(answer, size)` some times a second; `size` is
 * that of the picture which the answer's corners belong to.
 *
 * What is sent is what is seen on the stage (see `inView`), so that a painting is never outlined out of
 * sight, "to the left" is what a visitor would say, and where none is found, all that is seen is judged. */
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
    if (!video.videoWidth || !video.clientWidth) return;
    const [left, top, width, height] = inView(video);
    const scale = Math.min(1, MOST_PIXELS / Math.max(width, height));
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.getContext("2d").drawImage(video, left, top, width, height, 0, 0, canvas.width, canvas.height);
    const picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
    try {
      const answer = await classify(picture);
      if (mine === turn) answered(answer, { width: canvas.width, height: canvas.height });
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

// Left, top, width and height of the part of a video that object-fit: cover shows.
function inView(video) {
  const scale = Math.max(video.clientWidth / video.videoWidth, video.clientHeight / video.videoHeight);
  const width = video.clientWidth / scale, height = video.clientHeight / scale;
  return [(video.videoWidth - width) / 2, (video.videoHeight - height) / 2, width, height];
}

/** Whether this browser lets a page ask for a camera at all (it does not over plain http). */
export function hasOwnCamera() {
  return Boolean(navigator.mediaDevices?.getUserMedia);
}

/** Calls `chosen(file)` for a file that is picked with the button or dropped anywhere on the page, while `may()`. */
export function offerPictures(button, input, may, chosen) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    if (file) chosen(file);
    input.value = ""; // so that the same file can be chosen again
  });
  let depth = 0; // dragenter and dragleave also come from every element inside
  const brings = (event) => may() && event.dataTransfer?.types.includes("Files");
  const mark = () => document.body.classList.toggle("dragging", depth > 0);
  addEventListener("dragenter", (event) => brings(event) && (depth += 1, mark()));
  addEventListener("dragleave", (event) => brings(event) && (depth = Math.max(0, depth - 1), mark()));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault(); // or the browser leaves the page for the picture
    depth = 0;
    mark();
    const [file] = event.dataTransfer.files;
    if (file && may()) chosen(file);
  });
}
