// The page: a photo, procedures, jobs, and what they make.

import { get, post, sendPhoto, sentence } from "./api.js";
import { run } from "./jobs.js";
import { slider } from "./slider.js";
import { counted, money, named, range, size } from "./words.js";

const MOST = 8;
const GROUPS = { facial: "Face", body: "Body", reconstructive: "Reconstruction" };
const FORMATS = ["pdf", "png", "jpeg", "json"];

const at = (id) => document.getElementById(id);
const made = (name, properties) => Object.assign(document.createElement(name), properties);

const loading = get("demo");
let demo = null;
let imageId = null;
let busy = false;

// Does what an element is for, and says in its section what went wrong.
async function doing(element, work) {
  const problem = element.closest("section").querySelector(".problem");
  problem.textContent = "";
  try {
    await work();
  } catch (error) {
    problem.textContent = sentence(error);
    problem.scrollIntoView({ block: "nearest" });
  }
}

function onClick(button, work) {
  button.addEventListener("click", () => doing(button, work));
}

function chosen() {
  return [...document.querySelectorAll("#procedures input:checked")].map((box) => box.value);
}

function obstacle(count) {
  if (busy) {
    return "One moment: the picture is being made.";
  }
  if (!imageId) {
    return "Choose a photo first.";
  }
  if (count < 1) {
    return "Choose at least one procedure.";
  }
  return count > MOST ? `Choose at most ${MOST} procedures.` : "";
}

function refresh() {
  const count = chosen().length;
  const words = obstacle(count);
  at("start-hint").textContent = words;
  // Not `disabled`: the button would lose the focus, and nobody would hear why.
  at("start").setAttribute("aria-disabled", words !== "");
  at("start").textContent = count > 1 ? `Compare ${count} procedures` : "Show the preview";
}

async function showPhoto(id) {
  const photo = at("photo");
  photo.src = `api/files/${id}`;
  photo.alt = "The chosen photo";
  await photo.decode();
  photo.hidden = false;
  at("no-photo").hidden = true;
  imageId = id;
  refresh();
}

async function upload() {
  const [file] = at("file").files;
  if (!file) {
    return;
  }
  at("photo-status").textContent = "Sending the photo…";
  try {
    await showPhoto((await sendPhoto(file)).image_id);
  } finally {
    at("photo-status").textContent = "";
    // So that the same file can be chosen again.
    at("file").value = "";
  }
}

function wanted(ids) {
  const patient = { patient_id: demo.patient_id };
  return ids.length > 1
    ? [`Comparison of ${ids.length} procedures`, "api/comparisons",
      { ...patient, source_image_id: imageId, procedure_ids: ids }]
    : [`Preview: ${procedure(ids[0]).name}`, "api/visualizations",
      { ...patient, image_id: imageId, procedure_id: ids[0] }];
}

const procedure = (id) => demo.procedures.find((one) => one.id === id);

async function start() {
  if (obstacle(chosen().length)) {
    return;
  }
  busy = true;
  refresh();
  try {
    at("results").hidden = false;
    at("results").scrollIntoView();
    at("job").replaceChildren();
    const ended = await run(at("job"), ...wanted(chosen()));
    if (ended) {
      await showPictures(ended.last);
    }
  } finally {
    busy = false;
    refresh();
  }
}

async function showPictures({ result, links }) {
  const figures = (result.procedures || [result]).map((shown) =>
    slider(
      procedure(shown.procedure_id),
      links[shown.before_image_url],
      links[shown.after_image_url],
    ),
  );
  at("pictures").replaceChildren(...(await Promise.all(figures)));
  at("result").hidden = false;
  at("papers").hidden = false;
}

async function paper(title, path, body) {
  const ended = await run(at("paper-list"), title, path, body);
  if (!ended) {
    return null;
  }
  const { result, links } = ended.last;
  const link = made("a", { className: "button", download: "", textContent: "Download" });
  link.href = links[result.file_url || result.image_url];
  link.setAttribute("aria-label", `Download: ${title}`);
  ended.row.querySelector(".job-head").append(link);
  return { ...ended, result, link };
}

async function report(format) {
  const shareable = at("shareable").checked;
  const title = `Report as ${format.toUpperCase()}${shareable ? ", without identifiers" : ""}`;
  const body = { patient_id: demo.patient_id, format, shareable };
  const kept = await paper(title, "api/exports", body);
  if (kept) {
    const { pages, size_bytes: bytes } = kept.result;
    const parts = [...(pages ? [counted(pages, "page")] : []), size(bytes)];
    kept.row.querySelector(".status").textContent = `Ready: ${parts.join(", ")}.`;
  }
}

async function infographic(format) {
  const body = { cost_breakdown_id: demo.cost_breakdown_id, format };
  const kept = await paper(`Costs as ${format.toUpperCase()}`, "api/cost-infographics", body);
  if (kept) {
    const { width, height } = kept.result;
    const alt = `Cost infographic. ${at("costs").textContent}`;
    kept.row.append(made("img", { className: "infographic", src: kept.link.href, alt, width, height }));
  }
}

function offerProcedures() {
  for (const [category, name] of Object.entries(GROUPS)) {
    const group = made("fieldset", { className: "choices" });
    group.append(made("legend", { textContent: name }));
    for (const one of demo.procedures.filter((each) => each.category === category)) {
      const label = made("label", { className: "choice" });
      const words = named(one);
      words.append(made("span", { className: "hint", textContent: range(one) }));
      const box = made("input", { type: "checkbox", value: one.id });
      box.addEventListener("change", refresh);
      label.append(box, words);
      group.append(label);
    }
    at("procedures").append(group);
  }
}

function offerPapers() {
  const place = (format) => (FORMATS.includes(format) ? FORMATS.indexOf(format) : FORMATS.length);
  for (const format of [...demo.formats].sort((a, b) => place(a) - place(b))) {
    const button = made("button", { type: "button", textContent: format.toUpperCase() });
    button.classList.toggle("quiet", format !== "pdf");
    onClick(button, () => report(format));
    at("formats").append(button);
  }
  const { currency, total_cost: total, patient_responsibility: own } = demo.costs;
  at("costs").textContent =
    `${procedure(demo.costs.procedure_id).name}: ${money(currency, total)} in all,` +
    ` of which the patient pays ${money(currency, own)}.`;
  for (const button of document.querySelectorAll("[data-infographic]")) {
    onClick(button, () => infographic(button.dataset.infographic));
  }
}

at("file").addEventListener("change", () => doing(at("file"), upload));
// It can be clicked before what it offers has come.
onClick(at("sample"), async () => showPhoto((await loading).image_id));
onClick(at("start"), start);
doing(at("sample"), async () => {
  demo = await loading;
  offerProcedures();
  offerPapers();
});
