// The page: a photo, procedures, jobs, and what they make.

import { Problem, get, post, sendPhoto, watch } from "./api.js";
import { forget, slider, zoomTo } from "./slider.js";

const at = (id) => document.getElementById(id);
const host = await get("demo");
let imageId = null;

function told(error) {
  at("problem").textContent =
    error instanceof Problem ? error.message : "The server can't be reached. Is it still running?";
  at("problem").hidden = false;
  at("problem").scrollIntoView({ block: "nearest" });
}

// Runs what a button does, and says in words what went wrong.
function doing(button, work) {
  button.addEventListener("click", async () => {
    at("problem").hidden = true;
    try {
      await work();
    } catch (error) {
      told(error);
    }
  });
}

function chosen() {
  return [...document.querySelectorAll("#procedures input:checked")].map((box) => box.value);
}

function refresh() {
  const count = chosen().length;
  at("start").disabled = !imageId || count < 1 || count > 8;
  at("start").textContent = count > 1 ? `Compare ${count} procedures` : "Show me";
}

function showPhoto(id) {
  imageId = id;
  at("photo").src = `api/files/${id}`;
  at("photo").alt = "The chosen photo";
  at("photo").hidden = false;
  refresh();
}

// Shows a job's progress in `list`; resolves with its last status.
async function run(list, title, path, body) {
  const job = at("job-template").content.firstElementChild.cloneNode(true);
  const bar = job.querySelector("progress");
  const status = job.querySelector(".status");
  const cancel = job.querySelector(".cancel");
  job.querySelector("h3").textContent = title;
  bar.setAttribute("aria-label", `Progress: ${title}`);
  list.prepend(job);
  try {
    const task = await post(path, body);
    doing(cancel, () => post(`api/tasks/${task.task_id}/cancel`, {}));
    const last = await watch(task, (now) => {
      bar.value = now.progress;
      status.textContent = now.status;
    });
    job.classList.toggle("failed", !last.successful);
    return { ...last, job };
  } catch (error) {
    job.classList.add("failed");
    status.textContent = error.message;
    throw error;
  } finally {
    cancel.remove();
  }
}

function factsOf(procedure) {
  const cost = `${procedure.currency} ${procedure.typical_cost_min} to ${procedure.typical_cost_max}`;
  return `${cost}; about ${procedure.recovery_days} days of recovery; risk: ${procedure.risk_level}`;
}

function show(shown, links) {
  const procedure = host.procedures.find((one) => one.id === shown.procedure_id);
  return slider({
    title: procedure.name,
    before: links[shown.before_image_url],
    after: links[shown.after_image_url],
    facts: factsOf(procedure),
  });
}

async function start() {
  const ids = chosen();
  const patient = { patient_id: host.patient_id };
  at("jobs").hidden = false;
  const title = ids.length > 1 ? `Comparison of ${ids.length} procedures` : "Preview";
  const last =
    ids.length > 1
      ? await run(at("job-list"), title, "api/comparisons", {
          ...patient, source_image_id: imageId, procedure_ids: ids,
        })
      : await run(at("job-list"), title, "api/visualizations", {
          ...patient, image_id: imageId, procedure_id: ids[0],
        });
  if (!last.successful) {
    return;
  }
  forget();
  const previews = last.result.procedures || [last.result];
  at("pictures").replaceChildren(...previews.map((shown) => show(shown, last.links)));
  at("zoom-bar").hidden = false;
  zoomTo(at("zoom").value);
  at("papers").hidden = false;
}

async function paper(title, path, body) {
  const last = await run(at("paper-list"), title, path, body);
  if (!last.successful) {
    return;
  }
  const link = document.createElement("a");
  link.href = last.links[last.result.file_url || last.result.image_url];
  link.download = "";
  link.textContent = `Download: ${title}`;
  last.job.append(link);
}

for (const procedure of host.procedures) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  label.className = "check";
  box.type = "checkbox";
  box.value = procedure.id;
  box.addEventListener("change", refresh);
  label.append(box, procedure.name);
  at("procedures").append(label);
}

for (const format of host.formats) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = format.toUpperCase();
  doing(button, () => {
    const shareable = at("shareable").checked;
    const body = { patient_id: host.patient_id, format, shareable };
    return paper(`Report as ${format.toUpperCase()}`, "api/exports", body);
  });
  at("formats").append(button);
}

for (const button of document.querySelectorAll("[data-infographic]")) {
  const format = button.dataset.infographic;
  const body = { cost_breakdown_id: host.cost_breakdown_id, format };
  doing(button, () => paper(`Costs as ${format.toUpperCase()}`, "api/cost-infographics", body));
}

at("file").addEventListener("change", async () => {
  at("problem").hidden = true;
  const [file] = at("file").files;
  if (!file) {
    return;
  }
  try {
    showPhoto((await sendPhoto(file)).image_id);
  } catch (error) {
    told(error);
  }
});

at("zoom").addEventListener("input", () => zoomTo(at("zoom").value));
doing(at("sample"), () => showPhoto(host.image_id));
doing(at("start"), start);
