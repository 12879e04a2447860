// The heat map: where in the painting the style is seen.
//
// It lies on the painting like a glass and never hides it: where nothing speaks for the style the painting is dark, where
// much does it is light and warm, whatever its own colours are, and lines run round the strongest places, so that it can
// be read without telling colours apart. The colours are those of cividis (Nunez, Anderton and Renslow, PLOS ONE 2018), which
// look the same to people with and without a colour vision deficiency.
//
// It is painted into a square once, and the browser hangs the square into the painting's four corners by perspective.

import { glider } from "./outline.js";

const SIDE = 384; // px of the square; the browser smooths what is larger on the screen
const FIELD = 96; // places a side on which the map is reckoned between those that the network gives
const LINES = [0.5, 0.75]; // shares of the strongest place around which a line runs

// Colour and opacity (0-1) by share of the strongest place. The most that is laid over any place is 0.74.
const STOPS = [
  [0, [0, 32, 76], 0.74],
  [0.3, [0, 32, 76], 0.7],
  [0.5, [60, 77, 110], 0.5],
  [0.7, [170, 158, 108], 0.4],
  [1, [255, 234, 70], 0.54],
];

/** Keeps one `canvas` in the corners that it is given. `toScreen(point)` takes a point of the picture to the
 * canvas's parent. */
export function evidence(canvas, toScreen, calm) {
  let painted = "", corners = null;

  function hang(quads) {
    [corners] = quads;
    if (corners) canvas.style.transform = matrix(corners.map(toScreen));
  }
  const glide = glider(hang);

  return {
    /** Shows `shares` (rows of numbers 0-1) in `quad`; without either it fades. */
    show(shares, quad) {
      const shown = Boolean(shares && quad);
      if (shown) {
        const key = JSON.stringify(shares);
        if (key !== painted) paint(canvas, shares);
        painted = key;
        glide([quad], calm() || !canvas.classList.contains("shown"));
      }
      canvas.classList.toggle("shown", shown);
    },
    /** After the picture has moved on the screen. */
    rehang: () => corners && hang([corners]),
  };
}

function paint(canvas, shares) {
  const field = refine(shares, FIELD);
  const small = new OffscreenCanvas(FIELD, FIELD);
  const pixels = new ImageData(FIELD, FIELD);
  field.forEach((share, i) => pixels.data.set(colour(share), 4 * i));
  small.getContext("2d").putImageData(pixels, 0, 0);
  const to = canvas.getContext("2d");
  to.clearRect(0, 0, SIDE, SIDE);
  to.imageSmoothingQuality = "high";
  to.drawImage(small, 0, 0, SIDE, SIDE);
  to.lineJoin = to.lineCap = "round";
  for (const least of LINES) {
    const line = contour(field, FIELD, least, SIDE / (FIELD - 1));
    // Dark below and light above: seen on any painting.
    for (const [width, ink] of [[3.4, "rgb(20 18 15 / .6)"], [1.3, "rgb(255 246 214 / .92)"]]) {
      to.lineWidth = width;
      to.strokeStyle = ink;
      to.stroke(line);
    }
  }
}

function colour(share) {
  const above = Math.max(1, STOPS.findIndex(([at]) => share <= at));
  const [[from, dark, little], [to, bright, much]] = [STOPS[above - 1], STOPS[above]];
  const part = Math.min(Math.max((share - from) / (to - from), 0), 1);
  const mixed = dark.map((value, i) => value + (bright[i] - value) * part);
  return [...mixed, 255 * (little + (much - little) * part)];
}

/** The values between those of a grid by cubic B-splines, which are smooth and overshoot nowhere; the largest is 1. */
function refine(rows, side) {
  const along = (values) => Array.from({ length: side }, (_, i) => {
    const at = ((i + 0.5) / side) * values.length - 0.5;
    const first = Math.floor(at), part = at - first;
    const weights = [(1 - part) ** 3, 3 * part ** 3 - 6 * part ** 2 + 4, -3 * part ** 3 + 3 * part ** 2 + 3 * part + 1, part ** 3];
    const value = (j) => values[Math.min(Math.max(first - 1 + j, 0), values.length - 1)];
    return weights.reduce((sum, weight, j) => sum + (weight * value(j)) / 6, 0);
  });
  const wide = rows.map(along);
  const columns = wide[0].map((_, x) => along(wide.map((row) => row[x])));
  const most = Math.max(...columns.map((column) => Math.max(...column))) || 1;
  return Array.from({ length: side * side }, (_, i) => columns[i % side][Math.floor(i / side)] / most);
}

/** The line around all that is at least `least`, by marching squares. */
function contour(field, side, least, scale) {
  const path = new Path2D();
  const at = (x, y) => field[y * side + x];
  for (let y = 0; y < side - 1; y += 1) {
    for (let x = 0; x < side - 1; x += 1) {
      const round = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]];
      const cuts = [];
      round.forEach(([ax, ay], i) => {
        const [bx, by] = round[(i + 1) % 4];
        const a = at(ax, ay) - least, b = at(bx, by) - least;
        if (a < 0 !== b < 0) cuts.push([ax + ((bx - ax) * a) / (a - b), ay + ((by - ay) * a) / (a - b)]);
      });
      for (let i = 0; i + 1 < cuts.length; i += 2) {
        path.moveTo(cuts[i][0] * scale, cuts[i][1] * scale);
        path.lineTo(cuts[i + 1][0] * scale, cuts[i + 1][1] * scale);
      }
    }
  }
  return path;
}

/** The CSS transform that takes the square to four corners, clockwise from the top left (Heckbert, "Fundamentals of
 * texture mapping and image warping", 1989, section 2.2.3). */
function matrix([[x0, y0], [x1, y1], [x2, y2], [x3, y3]]) {
  const dx1 = x1 - x2, dx2 = x3 - x2, dx3 = x0 - x1 + x2 - x3;
  const dy1 = y1 - y2, dy2 = y3 - y2, dy3 = y0 - y1 + y2 - y3;
  const whole = dx1 * dy2 - dx2 * dy1 || 1e-9;
  const g = (dx3 * dy2 - dx2 * dy3) / whole, h = (dx1 * dy3 - dx3 * dy1) / whole;
  const a = x1 - x0 + g * x1, b = x3 - x0 + h * x3, d = y1 - y0 + g * y1, e = y3 - y0 + h * y3;
  const values = [a / SIDE, d / SIDE, 0, g / SIDE, b / SIDE, e / SIDE, 0, h / SIDE, 0, 0, 1, 0, x0, y0, 0, 1];
  return `matrix3d(${values.map((value) => value.toFixed(8)).join(",")})`;
}
