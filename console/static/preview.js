// Shows what typed values come to, as one types; and looks again how far work in the background is.
"use strict";

(() => {
  const PAUSE = 450; // milliseconds without typing

  function keepShown(form) {
    const place = document.getElementById(form.dataset.shows);
    const around = place.closest("section");
    let timer = null;
    let asking = null;

    async function show() {
      asking?.abort();
      const mine = new AbortController();
      asking = mine;
      around.setAttribute("aria-busy", "true");
      const typed = new URLSearchParams(new FormData(form));
      typed.set("fragment", "yes");
      try {
        const answer = await fetch(form.dataset.preview, { method: "POST", body: typed, signal: mine.signal });
        if (answer.status === 401) location.reload(); // the session is over
        else if (answer.ok) place.innerHTML = await answer.text(); // made by our own templates, which escape everything
        else place.textContent = "The preview cannot be shown now. Go on typing, or try again in a moment.";
      } catch (error) {
        if (error.name === "AbortError") return; // a later one is under way
        place.textContent = "The console does not answer. The preview comes back with it.";
      }
      if (asking === mine) around.removeAttribute("aria-busy");
    }

    function soon() {
      clearTimeout(timer);
      timer = setTimeout(show, PAUSE);
    }

    form.addEventListener("input", soon);
    form.addEventListener("change", soon);
    if (place.dataset.shown === undefined) show();
  }

  async function lookAgain(region) {
    const answer = await fetch(region.dataset.again).catch(() => null);
    if (answer?.status === 401 || answer?.headers.get("X-Done") === "yes") {
      location.reload();
      return;
    }
    if (answer?.ok) {
      const text = await answer.text();
      if (text !== region.innerHTML) region.innerHTML = text;
    }
    setTimeout(() => lookAgain(region), 1000);
  }

  for (const form of document.querySelectorAll("form[data-preview]")) keepShown(form);
  for (const region of document.querySelectorAll("[data-again]")) setTimeout(() => lookAgain(region), 1000);
})();
