// The part of the pictures that is shown: one for all of them, moved from any of them.

const NEAR_LINE = 28; // pixels: what a finger hits
const ASIDE = 8; // pixels: less than this can be the start of scrolling the page
const STEP = 0.05;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const MIDDLE = { x: 0.5, y: 0.45 };

const pictures = document.getElementById("pictures");
const control = document.getElementById("zoom");
const shown = document.getElementById("zoom-shown");

let zoom = 1;
let centre = MIDDLE; // the point that stays where it is, in parts of a picture

const limited = (value, low, high) => Math.min(high, Math.max(low, value));

function draw() {
  const words = `${zoom.toFixed(1)} times`;
  control.value = zoom;
  control.setAttribute("aria-valuetext", words);
  shown.textContent = words;
  pictures.classList.toggle("zoomed", zoom > 1);
  pictures.style.setProperty("--zoom", zoom);
  pictures.style.setProperty("--x", `${centre.x * 100}%`);
  pictures.style.setProperty("--y", `${centre.y * 100}%`);
}

// What is at `point` of a frame stays there.
function zoomTo(factor, point) {
  const wanted = limited(factor, Number(control.min), Number(control.max));
  const kept = (axis) => {
    const content = centre[axis] + (point[axis] - centre[axis]) / zoom;
    return limited((content * wanted - point[axis]) / (wanted - 1), 0, 1);
  };
  centre = wanted > 1 ? { x: kept("x"), y: kept("y") } : MIDDLE;
  zoom = wanted;
  draw();
}

function pan(x, y) {
  if (zoom > 1) {
    centre = {
      x: limited(centre.x - x / (zoom - 1), 0, 1),
      y: limited(centre.y - y / (zoom - 1), 0, 1),
    };
    draw();
  }
}

// Has a frame move its line, and all pictures, by mouse, touch, pen and keys.
export function follow(frame, input, moveLine) {
  const fingers = new Map();
  let drags = null;
  let began = 0;
  let follows = false;

  const place = (event) => {
    const box = frame.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  };
  const spread = ([a, b]) => Math.hypot(a.x - b.x, a.y - b.y);

  frame.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) {
      return;
    }
    event.preventDefault();
    frame.setPointerCapture(event.pointerId);
    input.focus({ preventScroll: true });
    const point = place(event);
    fingers.set(event.pointerId, point);
    const away = Math.abs(point.x - input.value / 100) * frame.clientWidth;
    const alone = zoom > 1 && away > NEAR_LINE ? "picture" : "line";
    began = point.x;
    follows = false;
    drags = fingers.size > 1 ? "zoom" : alone;
  });

  frame.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) {
      return;
    }
    const apart = spread([...fingers.values(), before]);
    const now = place(event);
    fingers.set(event.pointerId, now);
    if (drags === "line") {
      follows ||= Math.abs(now.x - began) * frame.clientWidth > ASIDE;
      if (follows) {
        moveLine(now.x);
      }
    } else if (drags === "picture") {
      pan(now.x - before.x, now.y - before.y);
    } else if (apart > 0) {
      const [a, b] = fingers.values();
      zoomTo((zoom * spread([a, b])) / apart, { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
    }
  });

  const up = (event) => {
    // A touch that only scrolls the page is cancelled, and leaves the line where it is.
    if (fingers.delete(event.pointerId) && drags === "line" && event.type === "pointerup") {
      moveLine(place(event).x);
    }
    drags = null;
  };
  frame.addEventListener("pointerup", up);
  frame.addEventListener("pointercancel", up);

  input.addEventListener("keydown", (event) => {
    if (event.shiftKey && ARROWS[event.key]) {
      event.preventDefault();
      const [x, y] = ARROWS[event.key];
      pan(-x * STEP, -y * STEP);
    }
  });
}

control.addEventListener("input", () => zoomTo(Number(control.value), MIDDLE));
draw();
