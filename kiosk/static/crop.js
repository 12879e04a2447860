// Where the live picture lies on the stage: large enough to cover it, but never so that the painting in view is cut off by
// the screen's edge or lies under the label. What the picture does not reach is wall.

const MARGIN = 0.03; // share of the painting's size that is kept free around it, where the picture goes on
const SPARE = 0.8; // a picture that could be larger by more than this is made so; less would be unrest
const PATIENCE_MS = 3000; // ms without a painting after which the whole stage is covered again

/** The box {left, top, width, height} for a picture of `size` ({width, height}) on a `stage` of which only the rectangle
 * `free` is in full sight, all in pixels of the stage. `quad` is the painting in the picture; null: there is none.
 * With `whole` all of the picture is in sight. */
export function crop(size, stage, free, quad, whole = false) {
  const inside = Math.min(free.width / size.width, free.height / size.height);
  const [left, top, right, bottom] = whole ? [0, 0, size.width, size.height] : around(quad, size) ?? [];
  const cover = Math.max(stage.width / size.width, stage.height / size.height);
  let scale = whole ? inside : cover;
  if (quad && !whole) scale = Math.min(cover, free.width / (right - left), free.height / (bottom - top));
  const width = scale * size.width, height = scale * size.height;
  const place = (whole_px, stage_px, from, free_px, first, last) => {
    let at = whole_px < free_px ? from + (free_px - whole_px) / 2 : (stage_px - whole_px) / 2;
    if (first === undefined) return at;
    at = Math.min(at, from + free_px - scale * last);
    return Math.max(at, from - scale * first);
  };
  return {
    left: place(width, stage.width, free.left, free.width, left, right),
    top: place(height, stage.height, free.top, free.height, top, bottom),
    width,
    height,
  };
}

// Left, top, right and bottom of a quadrangle with its margin, as far as the picture goes.
function around(quad, { width, height }) {
  if (!quad) return null;
  const [xs, ys] = [0, 1].map((axis) => quad.map((point) => point[axis]));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const margin = MARGIN * Math.max(right - left, bottom - top);
  const within = (value, most) => Math.min(Math.max(value, 0), most);
  return [within(left - margin, width), within(top - margin, height), within(right + margin, width), within(bottom + margin, height)];
}

/** Keeps a picture where it is as long as the painting in it is in sight: returns a function with the arguments of
 * `crop` that calls `lay(box, glides)` where it has to move; it glides where only the painting has moved. */
export function cropper(lay) {
  let box = null, key = "", seen_ms = 0;
  return (size, stage, free, quad, whole) => {
    const now = performance.now();
    if (quad) seen_ms = now;
    const now_key = JSON.stringify([size, stage, free, whole]);
    const isSame = now_key === key && box;
    if (isSame && !quad && now - seen_ms < PATIENCE_MS) return;
    const next = crop(size, stage, free, quad, whole);
    if (isSame && quad && shows(box, size, free, quad) && box.width >= SPARE * next.width) return;
    key = now_key;
    if (isSame && ["left", "top", "width"].every((side) => Math.abs(box[side] - next[side]) < 1)) return;
    box = next;
    lay(box, Boolean(isSame));
  };
}

function shows(box, size, free, quad) {
  const scale = box.width / size.width;
  return quad.every(([x, y]) => {
    // What the locator puts beyond the picture's edge is as far as that.
    const left = box.left + scale * Math.min(Math.max(x, 0), size.width);
    const top = box.top + scale * Math.min(Math.max(y, 0), size.height);
    return left >= free.left - 1 && left <= free.left + free.width + 1
      && top >= free.top - 1 && top <= free.top + free.height + 1;
  });
}
