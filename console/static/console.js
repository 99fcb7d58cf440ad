// Keeps the page live, and adds the browser's own time to times in UTC. Works without: the page then reloads itself.
"use strict";

(() => {
  const AGAIN = 5000; // milliseconds

  // ---- times ----

  const zone = new Intl.DateTimeFormat([], { timeZoneName: "short" });
  const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const day = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric", month: "short" });

  function addLocalTimes(part) {
    for (const time of part.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime()) || at.getTimezoneOffset() === 0) continue;
      const name = zone.formatToParts(at).find((each) => each.type === "timeZoneName").value;
      const utcDay = at.getUTCDate() === at.getDate() ? "" : `${day.format(at)} `;
      const local = document.createElement("span");
      local.className = "local";
      local.textContent = ` (${utcDay}${clock.format(at)} ${name})`;
      time.append(local);
    }
  }

  // ---- live regions ----

  function rowsOf(region) {
    return new Map([...region.querySelectorAll("[data-row]")].map((row) => [row.dataset.row, row]));
  }

  function replace(region, digest, html) {
    if (region.dataset.digest === digest) return;
    const before = rowsOf(region);
    const focused = region.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    region.innerHTML = html; // made by our own templates, which escape everything
    region.dataset.digest = digest;
    addLocalTimes(region);
    for (const [name, row] of rowsOf(region)) if (!before.has(name)) row.classList.add("fresh");
    if (focused !== null) {
      [...region.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
    }
  }

  // Screen readers hear a new sentence once, not every new time in it.
  function announce(region, place) {
    const said = region.querySelector(".headline")?.cloneNode(true);
    if (said === undefined || place === null) return;
    for (const time of said.querySelectorAll("time")) time.remove();
    if (place.dataset.announce === said.textContent) return;
    const first = place.dataset.announce === "";
    place.dataset.announce = said.textContent;
    if (!first) place.textContent = said.textContent.replaceAll(/\s+/g, " ").trim();
  }

  function show(mark, state, words) {
    if (mark === null) return;
    mark.hidden = false;
    if (mark.dataset.liveState === state) return;
    mark.dataset.liveState = state;
    mark.textContent = words;
  }

  function keepLive(root) {
    const mark = root.querySelector("[data-live-state]");
    let source = null;

    function start() {
      if (source !== null || document.hidden) return;
      source = new EventSource(root.dataset.live);
      source.addEventListener("open", () => show(mark, "live", "live"));
      source.addEventListener("well", () => show(mark, "live", "live"));
      source.addEventListener("trouble", () => show(mark, "away", "the store does not answer"));
      source.addEventListener("regions", (event) => {
        for (const [name, { digest, html }] of Object.entries(JSON.parse(event.data))) {
          const region = root.querySelector(`[data-region="${CSS.escape(name)}"]`);
          if (region === null) continue;
          replace(region, digest, html);
          if (name === "standing") announce(region, root.querySelector("[data-announce]"));
        }
      });
      source.addEventListener("error", lost);
    }

    function stop() {
      source?.close();
      source = null;
    }

    async function lost() {
      show(mark, "away", "connecting again");
      if (source === null || source.readyState !== EventSource.CLOSED) return; // the browser tries by itself
      stop();
      const answer = await fetch(location.href, { method: "HEAD" }).catch(() => null);
      if (answer?.status === 401) location.reload(); // the session is over
      else setTimeout(start, AGAIN);
    }

    document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
    addEventListener("pagehide", stop);
    addEventListener("pageshow", start);
    start();
  }

  addLocalTimes(document);
  for (const field of document.querySelectorAll("[data-select]")) field.addEventListener("focus", () => field.select());
  // An impatient second click sends nothing: the first one is under way.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    if (event.target.dataset.sent !== undefined) event.preventDefault();
    event.target.dataset.sent = "";
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
  const root = document.querySelector("[data-live]");
  if (root !== null && "EventSource" in window) keepLive(root);
})();
