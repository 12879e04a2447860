// The kiosk's own camera: its picture, and the events that say what is in it. Both come back by
// themselves after the server was away.

const FIRST_WAIT_MS = 1000; // ms before the first new try; each further one waits longer ...
const LONGEST_WAIT_MS = 8000; // ms ... up to this
const PATIENCE_MS = 3000; // ms without a connection before the page says so: most breaks are shorter
const SILENCE_MS = 6000; // ms without an event after which a connection counts as dead; one comes each second

/** Calls `heard(state)` for each event and `lost(bool)` when the connection goes or comes back. */
export function follow(url, heard, lost) {
  let wait = FIRST_WAIT_MS;
  let alarm = 0;
  let silence = 0;

  function connect() {
    const source = new EventSource(url);
    const listen = () => {
      clearTimeout(silence);
      silence = setTimeout(again, SILENCE_MS);
    };
    // After an HTTP error the browser does not try again by itself, and a dead connection it does not
    // notice at all: one way for all three cases is simpler.
    const again = () => {
      clearTimeout(silence);
      alarm ||= setTimeout(() => lost(true), PATIENCE_MS);
      source.close();
      setTimeout(connect, wait);
      wait = Math.min(wait * 1.6, LONGEST_WAIT_MS);
    };
    source.onopen = () => {
      wait = FIRST_WAIT_MS;
      clearTimeout(alarm);
      alarm = 0;
      lost(false);
      listen();
    };
    source.onmessage = (event) => {
      listen();
      heard(JSON.parse(event.data));
    };
    source.onerror = again;
  }
  connect();
}

/** Shows the MJPEG stream in `image`; `start` and `stop` may be called at any time, in any order. */
export function stream(image, url) {
  let wanted = false;
  let again = 0;
  let tries = 0;

  function open() {
    clearTimeout(again);
    if (wanted) image.src = `${url}?${++tries}`; // another address each time, or the browser shows the broken one
  }
  image.addEventListener("load", () => image.classList.add("shown"));
  image.addEventListener("error", () => {
    image.classList.remove("shown");
    clearTimeout(again);
    if (wanted) again = setTimeout(open, 2000);
  });
  return {
    start() {
      if (wanted) return;
      wanted = true;
      open();
    },
    restart() {
      if (wanted) open();
    },
    stop() {
      wanted = false;
      clearTimeout(again);
      image.classList.remove("shown");
      image.removeAttribute("src");
    },
  };
}
