// The door: a token, or a few words on why not.

import { ask } from "./api.js";

const form = document.getElementById("sign-in"), token = document.getElementById("token"), says = document.getElementById("says");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  says.textContent = "";
  try {
    await ask("POST", "sign-in", { token: token.value });
    location.reload();
  } catch (error) {
    says.textContent = { 401: "That is not the token.", 429: "Too many tries. Wait a minute, then try again." }[error.status] ?? error.message;
    token.select();
  }
});
