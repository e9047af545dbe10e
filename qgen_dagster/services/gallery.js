"use strict";
const root = document.documentElement;
const all = (selector) => document.querySelectorAll(selector);
const dark = matchMedia("(prefers-color-scheme: dark)");
const contents = document.querySelector("nav > details");
const narrow = matchMedia("(max-width: 50rem)");

// What needs this script is hidden until it runs.
all("button[hidden]").forEach((button) => { button.hidden = false; });

document.getElementById("theme").addEventListener("click", () => {
  const now = root.dataset.theme || (dark.matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
});

document.getElementById("keys").addEventListener("click", (event) => {
  const open = event.currentTarget.getAttribute("aria-pressed") !== "true";
  event.currentTarget.setAttribute("aria-pressed", String(open));
  all("details.key").forEach((details) => { details.open = open; });
});

all("button.hide").forEach((button) => button.addEventListener("click", () => {
  const shown = button.parentElement.querySelector(".shown");
  shown.hidden = !shown.hidden;
  button.textContent = shown.hidden ? "Show again" : "Hide, as in a test";
}));

const fold = () => { contents.open = !narrow.matches; };
narrow.addEventListener("change", fold);
contents.addEventListener("click", (event) => {
  if (narrow.matches && event.target.closest("a")) contents.open = false;
});
fold();
