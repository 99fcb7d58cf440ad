// Setup: buttons copy what is typed into another window, and on a phone the step at hand is in view. Works without.
"use strict";

(() => {
  const here = document.querySelector(".setup-steps [aria-current]");
  const steps = here?.closest(".setup-steps");
  if (steps) steps.scrollLeft = here.offsetLeft - (steps.clientWidth - here.offsetWidth) / 2;

  if (navigator.clipboard === undefined) return; // only on https and on this machine
  for (const button of document.querySelectorAll("[data-copy]")) {
    const words = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = words; }, 2000);
    });
  }
})();
