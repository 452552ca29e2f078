// A before and after picture with a line to drag: a range input does mouse, touch and keys.

const template = document.getElementById("slider-template");
const frames = new Set();

export function slider({ title, before, after, facts }) {
  const figure = template.content.firstElementChild.cloneNode(true);
  figure.querySelector("figcaption").textContent = title;
  figure.querySelector(".facts").textContent = facts;
  const frame = figure.querySelector(".frame");
  const [first, second] = frame.querySelectorAll("img");
  first.src = before;
  first.alt = `Before: ${title}`;
  second.src = after;
  second.alt = `After, simulated: ${title}`;
  const shown = document.createElement("div");
  shown.className = "shown";
  second.replaceWith(shown);
  shown.append(second);
  const input = frame.querySelector("input");
  input.setAttribute("aria-label", `How much of the photo before is shown: ${title}`);
  const move = () => {
    frame.style.setProperty("--at", `${input.value}%`);
    input.setAttribute("aria-valuetext", `${input.value} percent before`);
  };
  input.addEventListener("input", move);
  move();
  // All pictures are looked at in the same place.
  frame.addEventListener("pointermove", (event) => {
    const box = frame.getBoundingClientRect();
    lookAt((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  });
  frames.add(frame);
  return figure;
}

export function zoomTo(factor) {
  for (const frame of frames) {
    frame.style.setProperty("--zoom", factor);
  }
}

export function forget() {
  frames.clear();
}

function lookAt(x, y) {
  for (const frame of frames) {
    frame.style.setProperty("--x", `${Math.round(x * 100)}%`);
    frame.style.setProperty("--y", `${Math.round(y * 100)}%`);
  }
}
