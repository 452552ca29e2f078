// The endpoints, and a job's changes as they come.

class Problem extends Error {}

// What went wrong, in words.
export function sentence(error) {
  return error instanceof Problem
    ? error.message
    : "The server can't be reached. Is it still running?";
}

async function answered(response) {
  if (response.ok) {
    return response.json();
  }
  const problem = await response.json().catch(() => ({}));
  throw new Problem(problem.detail || `The server answered ${response.status}.`);
}

export async function get(path) {
  return answered(await fetch(path));
}

export async function post(path, body) {
  const headers = { "content-type": "application/json" };
  return answered(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

export async function sendPhoto(file) {
  const form = new FormData();
  form.append("photo", file);
  return answered(await fetch("api/images", { method: "POST", body: form }));
}

// Calls `changed` with each status, and resolves with the last.
export function watch(task, changed) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(task.websocket_url);
    let last = null;
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      changed(message.data);
      if (message.type === "complete") {
        last = message.data;
        socket.close();
      }
    };
    socket.onclose = () => {
      if (last) {
        resolve(last);
      } else {
        reject(new Problem("The connection to the server broke. Is it still running?"));
      }
    };
  });
}
