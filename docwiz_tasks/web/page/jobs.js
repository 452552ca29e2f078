// A job as a row of the page: its title, its progress, a way to cancel it.

import { post, sentence, watch } from "./api.js";

const template = document.getElementById("job-template");

// Puts the row on top of `list`. Resolves when the job has ended: with the row and the last
// status, or with null if there is no result; the row says why.
export async function run(list, title, path, body) {
  const row = document.importNode(template.content.firstElementChild, true);
  const [bar, percent] = row.querySelector(".bar").children;
  const status = row.querySelector(".status");
  const cancel = row.querySelector("button");
  row.querySelector("h3").textContent = title;
  bar.setAttribute("aria-label", `Progress: ${title}`);
  cancel.setAttribute("aria-label", `Cancel: ${title}`);
  const shown = (now) => {
    bar.value = now.progress;
    percent.textContent = `${now.progress}%`;
    status.textContent = now.status;
  };
  const ended = (how, words) => {
    row.classList.add(how);
    status.textContent = words;
    cancel.remove();
  };
  cancel.disabled = true;
  list.prepend(row);
  try {
    const task = await post(path, body);
    cancel.disabled = false;
    cancel.addEventListener("click", async () => {
      cancel.disabled = true;
      try {
        await post(`api/tasks/${task.task_id}/cancel`, {});
      } catch (error) {
        cancel.disabled = false;
        status.textContent = sentence(error);
      }
    });
    const last = await watch(task, shown);
    if (last.successful) {
      ended("done", "Ready.");
      return { row, last };
    }
    ended(...(last.state === "REVOKED" ? ["cancelled", "Cancelled."] : ["failed", last.status]));
  } catch (error) {
    ended("failed", sentence(error));
  }
  return null;
}
