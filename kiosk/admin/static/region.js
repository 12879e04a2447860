// The part of the frame that is looked at, drawn on the camera's picture: four corners to drag, or to move by keys.

const NEAR = 0.01, FAR = 0.05; // shares of the frame that an arrow key moves a corner by, alone and with Shift
const FIRST = [[0.15, 0.1], [0.85, 0.1], [0.85, 0.9], [0.15, 0.9]]; // what is drawn at first
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const $ = (id) => document.getElementById(id);

/** Draws on #view; `changed(text)` is called with the region as the settings write it, whenever a hand moved it. */
export function regionEditor(changed) {
  const view = $("view"), handles = [...$("handles").children];
  let corners = null;

  function draw() {
    view.classList.toggle("drawing", Boolean(corners));
    $("handles").hidden = !corners;
    $("clear").hidden = !corners;
    $("draw").hidden = Boolean(corners);
    const path = corners ? closed(corners) : "";
    $("edge").setAttribute("d", path);
    $("shade").setAttribute("d", corners ? `M0,0H1V1H0Z ${path}` : "");
    corners?.forEach(([x, y], i) => {
      handles[i].style.left = `${100 * x}%`;
      handles[i].style.top = `${100 * y}%`;
    });
  }

  function move(next) {
    corners = next.map((point) => point.map((share) => Math.min(Math.max(share, 0), 1)));
    draw();
    changed(written(corners));
  }

  /** Where a pointer is, in shares of the picture. */
  function place(event) {
    const box = view.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  function drag(element, moved) {
    element.addEventListener("pointerdown", (event) => {
      if (!corners) return;
      event.preventDefault();
      element.focus?.({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      const start = place(event), before = corners;
      const follow = (next) => {
        const now = place(next);
        move(moved(before, now[0] - start[0], now[1] - start[1]));
      };
      element.addEventListener("pointermove", follow);
      for (const end of ["pointerup", "pointercancel"]) {
        element.addEventListener(end, () => element.removeEventListener("pointermove", follow), { once: true });
      }
    });
  }

  handles.forEach((handle, i) => {
    drag(handle, (before, x, y) => before.map((point, j) => (i === j ? [point[0] + x, point[1] + y] : point)));
    handle.addEventListener("keydown", (event) => {
      const direction = DIRECTIONS[event.key];
      if (!direction) return;
      event.preventDefault();
      const step = event.shiftKey ? FAR : NEAR;
      move(corners.map((point, j) => (i === j ? point.map((share, axis) => share + step * direction[axis]) : point)));
    });
  });
  drag($("edge"), (before, x, y) => {
    // The whole stays whole at the picture's edge.
    const [xs, ys] = [0, 1].map((axis) => before.map((point) => point[axis]));
    const dx = Math.min(Math.max(x, -Math.min(...xs)), 1 - Math.max(...xs));
    const dy = Math.min(Math.max(y, -Math.min(...ys)), 1 - Math.max(...ys));
    return before.map((point) => [point[0] + dx, point[1] + dy]);
  });
  $("draw").addEventListener("click", () => {
    move(FIRST);
    handles[0].focus();
  });
  $("clear").addEventListener("click", () => {
    corners = null;
    draw();
    changed("");
    $("draw").focus();
  });

  return {
    /** Show the region of the settings: four corners, or null. */
    show(region) {
      corners = region;
      draw();
    },
    /** Show what somebody has typed, as far as it is a region. */
    type(text) {
      const numbers = text.split(/[\s,]+/).filter(Boolean).map(Number);
      if (numbers.some((share) => !(share >= 0 && share <= 1)) || ![0, 4, 8].includes(numbers.length)) return;
      const [left, top, right, bottom] = numbers;
      corners = { 0: null, 4: [[left, top], [right, top], [right, bottom], [left, bottom]], 8: [0, 2, 4, 6].map((i) => numbers.slice(i, i + 2)) }[numbers.length];
      draw();
    },
  };
}

/** Four corners as the settings write them: left,top,right,bottom where that says all. */
export function written(corners) {
  const [a, b, c, d] = corners.map((point) => point.map((share) => Number(share.toFixed(3))));
  const upright = a[1] === b[1] && b[0] === c[0] && c[1] === d[1] && d[0] === a[0];
  return upright ? [...a, ...c].join(",") : [a, b, c, d].map((point) => point.join(",")).join(" ");
}

/** A path through corners. */
export function closed(corners) {
  return `M${corners.map((point) => point.map((share) => share.toFixed(4))).join(" L")} Z`;
}
