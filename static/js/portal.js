// Small things on every page: theme button, phone menu, dialogs, copying, local times, and news of the edge.
(function () {
  "use strict";

  var parts = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  var thisYear = new Intl.DateTimeFormat("en-GB", parts);
  var otherYear = new Intl.DateTimeFormat("en-GB", Object.assign({ year: "numeric" }, parts));

  function localTimes(root) {
    root.querySelectorAll("time[datetime]:not([data-local])").forEach(function (time) {
      var at = new Date(time.dateTime);
      if (isNaN(at)) return;
      time.dataset.local = "yes";
      time.title = time.dateTime;
      var format = at.getFullYear() === new Date().getFullYear() ? thisYear : otherYear;
      time.textContent = format.format(at);
    });
  }

  // A running stage counts on between two reports: from the seconds it had when the server wrote it
  function tick() {
    document.querySelectorAll("[data-running-s]").forEach(function (span) {
      if (!span.dataset.since) span.dataset.since = String(performance.now());
      var seconds = Number(span.dataset.runningS) + (performance.now() - Number(span.dataset.since)) / 1000;
      span.textContent = seconds.toFixed(1) + " s";
    });
  }

  function onClick(event) {
    var button = event.target.closest("button");
    if (!button) return;
    if (button.hasAttribute("data-theme-switch")) window.switchTheme();
    if (button.dataset.opens) document.getElementById(button.dataset.opens).showModal();
    if (button.hasAttribute("data-closes")) button.closest("dialog").close();
    if (button.hasAttribute("data-menu")) {
      var open = document.getElementById("mainnav").classList.toggle("open");
      button.setAttribute("aria-expanded", String(open));
    }
    if (button.dataset.copies !== undefined) {
      navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent.trim()).then(function () {
        document.getElementById("said").textContent = "Copied.";
        button.classList.add("btn-success");
      });
    }
  }

  // The session has ended: the whole page goes to sign in, and comes back
  window.signIn = function () {
    var here = location.pathname + location.search;
    location.assign(document.documentElement.dataset.signIn + "?next=" + encodeURIComponent(here));
  };

  // Fragments that ask for it are fetched anew when something changed on the edge, at most twice a second
  function followEdge() {
    var waiting = null;
    var delay = 1000;
    function news() {
      if (waiting) return;
      waiting = setTimeout(function () {
        waiting = null;
        window.htmx.trigger(document.body, "news");
      }, 500);
    }
    function connect() {
      var scheme = location.protocol === "https:" ? "wss://" : "ws://";
      var socket = new WebSocket(scheme + location.host + "/ws/edge/");
      socket.onopen = function () { delay = 1000; news(); };
      socket.onmessage = news;
      socket.onclose = function (event) {
        if (event.code === 4401) { window.signIn(); return; }
        setTimeout(connect, delay);
        delay = Math.min(delay * 2, 15000);
      };
    }
    connect();
  }

  // A part that is fetched anew keeps what a person was at: the focus, and what was unfolded
  function likeness(element) {
    return element.tagName + "|" + (element.getAttribute("href") || "") + "|" + element.textContent.trim();
  }
  function keepPlace(event) {
    var part = event.detail.target;
    if (!part || !part.hasAttribute("data-follows-edge")) return;
    if (pressed && part.contains(pressed)) {
      event.detail.shouldSwap = false;
      missed = true;
      return;
    }
    var focused = part.contains(document.activeElement) ? likeness(document.activeElement) : null;
    var open = Array.from(part.querySelectorAll("details[open] > summary")).map(likeness);
    part.addEventListener("htmx:afterSwap", function () {
      part.querySelectorAll("summary").forEach(function (summary) {
        if (open.includes(likeness(summary))) summary.parentElement.open = true;
      });
      if (!focused) return;
      var again = Array.from(part.querySelectorAll("a, button, summary, [tabindex]")).find(function (element) {
        return likeness(element) === focused;
      });
      if (again) again.focus({ preventScroll: true });
    }, { once: true });
  }

  // What is pressed while its part is replaced would be gone when it is released, and the click with it: the part waits
  var pressed = null;
  var missed = false;
  function released() {
    setTimeout(function () { // the click comes after this
      pressed = null;
      if (!missed) return;
      missed = false;
      window.htmx.trigger(document.body, "news");
    }, 0);
  }
  document.addEventListener("pointerdown", function (event) { pressed = event.target; }, true);
  document.addEventListener("pointerup", released, true);
  document.addEventListener("pointercancel", released, true);

  document.addEventListener("click", onClick);
  // in parts of the page that are replaced while it is open, where a dialog would be gone before it is answered
  document.addEventListener("submit", function (event) {
    var asks = event.target.dataset.asks;
    if (asks && !window.confirm(asks)) event.preventDefault();
  });
  // an address names only what is searched for
  document.addEventListener("formdata", function (event) {
    if (!event.target.hasAttribute("data-filter")) return;
    Array.from(event.formData.entries()).forEach(function (field) {
      if (field[1] === "") event.formData.delete(field[0]);
    });
  });
  document.addEventListener("htmx:beforeSwap", keepPlace);
  document.addEventListener("DOMContentLoaded", function () {
    localTimes(document);
    setInterval(tick, 100);
    if (document.querySelector("[data-follows-edge]")) followEdge();
  });
  document.addEventListener("htmx:afterSettle", function () { localTimes(document); });
  document.addEventListener("news:shown", function () { localTimes(document); });
})();
