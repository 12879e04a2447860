// Requests to the administrator's API.

const csrf = document.querySelector("meta[name=csrf-token]").content;

/** What the kiosk refused, in words for people. */
export class Refusal extends Error {
  constructor(status, error) {
    super(error?.message ?? `The kiosk answered ${status}.`);
    this.status = status;
    this.code = error?.code;
  }
}

/** Ask `method` of /admin/api/`path`; gives the JSON of the answer. Throws `Refusal`. */
export async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(`/admin/api/${path}`, {
      method,
      headers: { "X-CSRFToken": csrf, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refusal(0, { message: "The kiosk does not answer." });
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (response.status === 401 && answer.error?.code === "signed_out") location.reload();
  throw new Refusal(response.status, answer.error);
}
