// The JSON API, as pages use it.

const meta = document.querySelector('meta[name="csrf"]');

export class ApiError extends Error {
  constructor(body, status) {
    super(body.message ?? "The exchange cannot be reached. Check your connection.");
    this.code = body.error ?? "unreachable";
    this.body = body;
    this.status = status;
  }
}

async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: body === undefined ? {} : { "Content-Type": "application/json", "X-CSRF-Token": meta.content },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError({}, 0);
  }
  meta.content = response.headers.get("X-CSRF-Token") ?? meta.content;
  for (const field of document.querySelectorAll('input[name="csrf"]')) field.value = meta.content;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(answer, response.status);
  return answer;
}

export const get = (path) => call("GET", path);
export const post = (path, body = {}) => call("POST", path, body);
