// A before and after picture with a line to drag. Its range input is for keys and screen readers.

import { follow } from "./view.js";
import { facts, named } from "./words.js";

const template = document.getElementById("slider-template");

// Resolves when the pictures are there, so that nothing on the page moves afterwards.
export async function slider(procedure, before, after) {
  // Imported, not only cloned: the pictures of a template are never loaded.
  const figure = document.importNode(template.content.firstElementChild, true);
  const frame = figure.querySelector(".frame");
  const [first, second] = frame.querySelectorAll("img");
  const input = frame.querySelector("input");
  figure.querySelector("figcaption").append(named(procedure));
  first.alt = `Before: ${procedure.name}`;
  second.alt = `After, simulated: ${procedure.name}`;
  first.src = before;
  second.src = after;
  for (const fact of [...facts(procedure), procedure.description]) {
    const item = document.createElement("li");
    item.textContent = fact;
    figure.querySelector(".facts").append(item);
  }
  figure.querySelector(".facts").lastChild.className = "description";
  input.setAttribute("aria-label", `Line between before and after: ${procedure.name}`);
  const moved = () => {
    frame.style.setProperty("--at", input.value);
    input.setAttribute("aria-valuetext", `${input.value} percent before`);
  };
  input.addEventListener("input", moved);
  moved();
  follow(frame, input, (x) => {
    input.value = x * 100;
    moved();
  });
  await Promise.all([first.decode(), second.decode()]);
  return figure;
}
