// Outlines that glide along with what they surround.
//
// Answers come fifteen times a second, a screen draws sixty times. A straight line from one answer to the
// next is smooth, cannot overshoot, and is never further behind than the time between two answers.

const GLIDE_MS = 80; // ms, about the time between two answers
const JUMP = 0.5; // sizes of the quadrangle: a corner that is this far away belongs to another painting

/** Returns a function that takes quadrangles, four [x, y] each, and has `draw(quads)` called at every step
 * until they are reached; with `atOnce` in a single one. */
export function glider(draw) {
  let from = [], to = [], began = 0, frame = 0;

  const progress = () => Math.min((performance.now() - began) / GLIDE_MS, 1);
  const at = (share) => to.map((quad, i) => quad.map((point, j) => between(from[i][j], point, share)));
  const step = () => {
    const share = progress(); // once: drawing takes time, and the last step must arrive
    draw(at(share));
    if (from !== to && share < 1) frame = requestAnimationFrame(step);
  };
  return (quads, atOnce = false) => {
    const before = at(progress());
    cancelAnimationFrame(frame);
    began = performance.now();
    to = quads;
    from = atOnce ? to : to.map((quad) => before.find((old) => isSame(old, quad)) ?? quad);
    step();
  };
}

function between(a, b, share) {
  return a.map((value, axis) => value + (b[axis] - value) * share);
}

function isSame(old, quad) {
  const size = Math.sqrt(Math.abs(area(quad)));
  return quad.every(([x, y], i) => Math.hypot(x - old[i][0], y - old[i][1]) < JUMP * size);
}

function area(quad) {
  return quad.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = quad[(i + 1) % quad.length];
    return sum + (x * nextY - nextX * y) / 2;
  }, 0);
}
